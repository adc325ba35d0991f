package identity

import (
	"errors"
	"strings"
	"testing"
)

const sum = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func colons(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(s[i : i+2])
	}
	return b.String()
}

func parse(t testing.TB, s string) Pattern {
	t.Helper()
	p, err := ParsePattern(s)
	if err != nil {
		t.Fatalf("ParsePattern(%q) = %v", s, err)
	}
	return p
}

func TestParsePattern(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"CN:app", "CN:app"},
		{"cn:App one", "CN:App one"},
		{"CN:*", "CN:*"}, // a common name is never a pattern
		{"CN:DNS:x", "CN:DNS:x"},
		{"DNS:App.Internal", "DNS:app.internal"},
		{"DNS:*.app.internal", "DNS:*.app.internal"},
		{"DNS:a.*.internal", "DNS:a.*.internal"},
		{"DNS:a.*", "DNS:a.*"},
		{"URI:spiffe://prod/app", "URI:spiffe://prod/app"},
		{"URI:spiffe://prod/*/api", "URI:spiffe://prod/*/api"},
		{"URI:spiffe://*/api", "URI:spiffe://*/api"},
		{"URI:urn:redis:app", "URI:urn:redis:app"},
		{"EMAIL:App@Example.COM", "EMAIL:App@example.com"},
		{"SHA256:" + sum, "SHA256:" + sum},
		{"SHA256:" + strings.ToUpper(colons(sum)), "SHA256:" + sum},
	} {
		p := parse(t, test.in)
		if p.String() != test.want {
			t.Errorf("ParsePattern(%q) = %s; want %s", test.in, p, test.want)
		}
		if again := parse(t, p.String()); again != p {
			t.Errorf("ParsePattern(%q) = %+v; want %+v", p, again, p)
		}
	}
	for _, bad := range []string{
		"", "app", "CN", "CN:", "CN: app", "CN:a\x00b", "CN:a\n", "OU:app", "DNS:", "URI:", "EMAIL:", "SHA256:",
		"DNS:*", "DNS:a*.b", "DNS:*a.b", "DNS:*.*.b", "DNS:**.b",
		"URI:app", "URI:*://prod/app", "URI:spiffe://prod/a*", "URI:spiffe://prod/*/*", "URI:spiffe://*.prod/app", "URI:https://*:443/app",
		"EMAIL:app", "EMAIL:@x", "EMAIL:app@",
		"SHA256:" + sum[2:], "SHA256:" + sum + "00", "SHA256:x" + sum[1:], "SHA256:" + sum[:2] + ":" + sum[2:], "SHA1:" + sum,
		"DNS:" + strings.Repeat("a", maxName+1),
	} {
		var e *PatternError
		if p, err := ParsePattern(bad); !errors.As(err, &e) || e.Hint == "" || e.Text == "" {
			t.Errorf("ParsePattern(%q) = %v, %v; want an error with a hint", bad, p, err)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"CN:app", "app", true},
		{"CN:app", "App", false},
		{"CN:*", "app", false},
		{"CN:*", "*", true},
		{"DNS:app.internal", "app.internal", true},
		{"DNS:app.internal", "*.internal", false},
		{"DNS:app.internal", "app.internal.", false},
		{"DNS:*.internal", "app.internal", true},
		{"DNS:*.internal", "a.b.internal", false},
		{"DNS:*.internal", ".internal", false},
		{"DNS:*.internal", "internal", false},
		{"DNS:*.internal", "*.internal", false}, // of a server's certificate
		{"DNS:*.internal", "a*.internal", false},
		{"DNS:a.*.c", "a.b.c", true},
		{"DNS:a.*.c", "a.c", false},
		{"DNS:a.*.c", "a..c", false},
		{"DNS:a.*", "a.b", true},
		{"URI:spiffe://prod/*", "spiffe://prod/app", true},
		{"URI:spiffe://prod/*", "spiffe://prod/app/x", false},
		{"URI:spiffe://prod/*", "spiffe://prod/app?x", false},
		{"URI:spiffe://prod/*", "spiffe://prod/app#x", false},
		{"URI:spiffe://prod/*", "spiffe://prod/", false},
		{"URI:spiffe://prod/*/api", "spiffe://prod/a/api", true},
		{"URI:spiffe://prod/*/api", "spiffe://prod/a/b/api", false},
		{"URI:spiffe://prod/*/api", "spiffe://prod/api", false},
		{"URI:spiffe://prod/app", "SPIFFE://prod/app", false},
		{"URI:spiffe://prod/*", "spiffe://prod/" + strings.Repeat("a", maxName), false},
	} {
		if got := parse(t, test.pattern).matches(test.name); got != test.want {
			t.Errorf("%s matches %.80q = %v; want %v", test.pattern, test.name, got, test.want)
		}
	}
}

func TestOverlaps(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"CN:app", "CN:app", true},
		{"CN:app", "CN:App", false},
		{"CN:app", "DNS:app", false},
		{"DNS:app.x", "DNS:APP.x", true},
		{"DNS:*.x", "DNS:app.x", true},
		{"DNS:*.x", "DNS:a.b.x", false},
		{"DNS:*.x", "DNS:*.x", true},
		{"DNS:*.x", "DNS:*.y", false},
		{"DNS:*.b.x", "DNS:a.*.x", true},
		{"DNS:*.b.x", "DNS:a.*.y", false},
		{"DNS:*.b.x", "DNS:a.b.*", true},
		{"DNS:*.b.x", "DNS:a.c.*", false},
		{"DNS:*.x", "DNS:a.*.x", false},
		{"DNS:a.*.c.d", "DNS:a.b.*.d", true},
		{"DNS:a.*.c.d", "DNS:a.b.*.e", false},
		{"URI:spiffe://p/*/a", "URI:spiffe://p/x/*", true},
		{"URI:spiffe://p/*/a", "URI:spiffe://p/*/b", false},
		{"URI:spiffe://*/a", "URI:spiffe://p/*", true},
		{"SHA256:" + sum, "SHA256:" + colons(sum), true},
		{"EMAIL:a@X", "EMAIL:a@x", true},
	} {
		a, b := parse(t, test.a), parse(t, test.b)
		if a.Overlaps(b) != test.want || b.Overlaps(a) != test.want {
			t.Errorf("%s and %s overlap: %v, %v; want %v", a, b, a.Overlaps(b), b.Overlaps(a), test.want)
		}
	}
}

// FuzzOverlaps holds the judgement over two patterns, and the table's, to a third
// name: whatever both match makes them overlap.
func FuzzOverlaps(f *testing.F) {
	f.Add("DNS:*.b.x", "DNS:a.*.x", "a.b.x")
	f.Add("URI:spiffe://p/*/a", "URI:spiffe://p/x/*", "spiffe://p/x/a")
	f.Add("CN:a", "CN:a", "a")
	f.Add("DNS:*.*", "DNS:*.", "..")
	f.Fuzz(func(t *testing.T, a, b, name string) {
		p, errP := ParsePattern(a)
		q, errQ := ParsePattern(b)
		if errP != nil || errQ != nil {
			return
		}
		if p.Overlaps(q) != q.Overlaps(p) {
			t.Errorf("%s and %s overlap one way only", p, q)
		}
		if !p.Overlaps(p) {
			t.Errorf("%s does not overlap itself", p)
		}
		if p.kind == q.kind && p.matches(name) && q.matches(name) && !p.Overlaps(q) {
			t.Errorf("%s and %s both match %q and do not overlap", p, q, name)
		}
		if p.kind == DNS || p.kind == URI {
			c := &Certificate{}
			if p.kind == DNS {
				c.DNS = []string{name}
			} else {
				c.URIs = []string{name}
			}
			var tab Table[int]
			tab.Add(p, 1)
			if got := len(tab.Find(c)) == 1; got != p.matches(name) {
				t.Errorf("the table finds %q for %s: %v; want %v", name, p, got, p.matches(name))
			}
		}
	})
}
