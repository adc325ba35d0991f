package policy

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
)

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"", []string{""}, []string{"a"}},
		{"*", []string{"a", "\x00", "**"}, []string{""}},
		{"**", []string{"a"}, []string{""}},
		{"a*", []string{"a", "ab", "a*"}, []string{"", "b", "A"}},
		{"*a", []string{"a", "ba", "aa"}, []string{"", "ab"}},
		{"a*b*c", []string{"abc", "axbxc", "abcbc"}, []string{"ab", "acb", "abcd"}},
		{"?", []string{"a", "\xff"}, []string{"", "ab"}},
		{"a?", []string{"ab"}, []string{"a"}},
		{"[ab]", []string{"a", "b"}, []string{"c", "", "ab"}},
		{"[^ab]", []string{"c", "^"}, []string{"a", "b", ""}},
		{"[]", nil, []string{"", "a", "]"}},
		{"[^]", []string{"a", "]"}, []string{""}},
		{"[a-c]", []string{"a", "b", "c"}, []string{"d", "-"}},
		{"[c-a]", []string{"a", "b", "c"}, []string{"d", "-"}},
		{"[a-]", []string{"]", "^", "a"}, []string{"-", "b"}},
		{"[a-", []string{"a", "-"}, []string{"b"}},
		{"[abc", []string{"a", "c"}, []string{"d", "[abc"}},
		{"[", nil, []string{"[", "a"}},
		{"[^", []string{"a", "^"}, []string{""}},
		{`[\]]`, []string{"]"}, []string{`\`}},
		{`[\`, []string{`\`}, []string{"["}},
		{"[a-\xff]", []string{"A", "a", "\xff", "\x00"}, []string{"b", "\xfe"}}, // signed bytes: -1 to 97
		{`\*`, []string{"*"}, []string{"a", `\*`}},
		{`a\`, []string{`a\`}, []string{"a"}},
		{`\a`, []string{"a"}, []string{`\a`}},
		{"a]", []string{"a]"}, []string{"a"}},
		{"tenant:42:*", []string{"tenant:42:", "tenant:42:x"}, []string{"tenant:42", "tenant:43:x"}},
		{strings.Repeat("*a", 1000) + "*", []string{strings.Repeat("a", 1000)}, []string{strings.Repeat("a", 999)}},
		{strings.Repeat("*a", 1001), nil, []string{strings.Repeat("a", 1001)}}, // Redis goes 1000 deep
	} {
		p := newPattern(tt.pattern)
		for _, s := range tt.yes {
			if !p.match([]byte(s)) {
				t.Errorf("%.40q does not match %.40q; want a match", tt.pattern, s)
			}
		}
		for _, s := range tt.no {
			if p.match([]byte(s)) {
				t.Errorf("%.40q matches %.40q; want none", tt.pattern, s)
			}
		}
	}
}

// slowPatterns are those for which a naive matcher needs centuries (CVE-2022-36021).
var slowPatterns = []string{
	strings.Repeat("a*", 500) + "b", strings.Repeat("*a?", 300) + "*b", strings.Repeat("[a-b]*", 200) + "c", strings.Repeat("?*", 500) + "b",
	strings.Repeat(`\a*`, 900) + "b",
}

// Without going back further than to the last star, no match takes more steps than the lengths multiplied. If one took
// more, this would not end.
func TestGlobIsPolynomial(t *testing.T) {
	subject := bytes.Repeat([]byte("a"), 10000)
	for _, pattern := range slowPatterns {
		p := newPattern(pattern)
		if p.match(subject) {
			t.Errorf("%.20q matches; want none", pattern)
		}
		if ending := append(subject[:9999:9999], pattern[len(pattern)-1]); !p.match(ending) {
			t.Errorf("%.20q does not match what ends in %q; want a match", pattern, ending[9999])
		}
	}
}

func TestSlowPatternsAgreeWithServer(t *testing.T) {
	client := redistest.Start(t, redistest.Options{}).Client()
	ctx := context.Background()
	for _, text := range slowPatterns {
		if err := client.Do(ctx, "ACL", "SETUSER", "app", "reset", "+get", "~"+text).Err(); err != nil {
			t.Fatalf("ACL SETUSER ~%.20q = %v; want OK", text, err)
		}
		p := newPattern(text)
		for _, key := range []string{strings.Repeat("a", 1200), strings.Repeat("a", 1200) + "b", strings.Repeat("a", 1200) + "c", "a", "b"} {
			answer, err := client.Do(ctx, "ACL", "DRYRUN", "app", "GET", key).Text()
			if err != nil {
				t.Fatalf("ACL DRYRUN = %v; want an answer", err)
			}
			if got, want := p.match([]byte(key)), answer == "OK"; got != want {
				t.Errorf("%.20q matches %.20q: %v; the server says %v", text, key, got, want)
			}
		}
	}
}

func randomText(rng *rand.Rand, letters string, longest int) string {
	b := make([]byte, rng.IntN(longest+1))
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}

// fitting makes a subject that has a chance to match: stars become random text, other specials often go.
func fitting(rng *rand.Rand, pattern string) string {
	var b []byte
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			b = append(b, randomText(rng, "ab", 2)...)
		case c == '?':
			b = append(b, 'b')
		case strings.IndexByte(`[]^-\`, c) < 0 || rng.IntN(4) == 0:
			b = append(b, c)
		}
	}
	return string(b)
}

// TestGlobAgreesWithServer asks ACL DRYRUN about GET of random keys under random patterns.
func TestGlobAgreesWithServer(t *testing.T) {
	t.Parallel()
	size, rng := differentialSize(t, 100000)
	client := redistest.Start(t, redistest.Options{}).Client()
	ctx := context.Background()
	const each = 50
	matches := 0
	for range size / each {
		text := randomText(rng, "aabbc**??[[]]^-\\\x80\xff", 9)
		if text == "*" {
			continue // all keys, which is not a pattern
		}
		p := newPattern(text)
		if err := client.Do(ctx, "ACL", "SETUSER", "app", "reset", "+get", "~"+text).Err(); err != nil {
			t.Fatalf("ACL SETUSER ~%q = %v; want OK", text, err)
		}
		pipe := client.Pipeline()
		keys := make([]string, each)
		answers := make([]*redis.Cmd, each)
		for i := range keys {
			keys[i] = randomText(rng, "abc^-]\\\x80\xff", 5)
			if i%2 == 0 {
				keys[i] = fitting(rng, text)
			}
			answers[i] = pipe.Do(ctx, "ACL", "DRYRUN", "app", "GET", keys[i])
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatalf("ACL DRYRUN = %v; want answers", err)
		}
		for i, a := range answers {
			got, want := p.match([]byte(keys[i])), a.Val() == "OK"
			if got != want {
				t.Errorf("%q matches %q: %v; the server says %v", text, keys[i], got, want)
			}
			if want {
				matches++
			}
		}
	}
	if matches < size/20 {
		t.Errorf("%d of %d pairs match; want more to compare", matches, size)
	}
}

// FuzzGlob: the prepared pattern says what the plain matcher says, which always returns.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"a*b", "ab"}, {"[a-", "a"}, {`\`, `\`}, {"[^]*", "x"}, {"**a", "ba"}, {"abc**", "abcd"}} {
		f.Add(s[0], []byte(s[1]))
	}
	f.Fuzz(func(t *testing.T, text string, subject []byte) {
		if len(text) > 2000 || len(subject) > 2000 {
			return
		}
		p := newPattern(text)
		if got, want := p.match(subject), matchGlob(text, subject); got != want && p.kind != never {
			t.Errorf("%q prepared as %d matches %q: %v; want %v", text, p.kind, subject, got, want)
		}
	})
}
