package auth

import (
	"fmt"
	"strings"
	"testing"
)

// Made by the argon2 of Debian, "argon2 somesalt123 -id -t 2 -k 19456 -p 1 -l 32 -e", and by
// hashlib.scrypt of Python, of "correct horse".
var slowHashes = []string{
	"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$t9aqkacClnUMIdwwY7O0Xhkhhpx1xcAnHphPfuanCUQ",
	"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM$ihYjtj/nJlAUNoKoxrK2SidUg6RaxRsnJtUx3IKQ7Ak",
	"$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$0LupyHkzAIgDr9UDsriAAf87vMbCbcaUfDvFOAHk0D0",
	"$scrypt$ln=15,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$AkUqJG3GgZJVhaOXC/Pj/siY9BFMMVNhZ07yI4zE9eA",
}

func TestSlowAgreesWithOthers(t *testing.T) {
	for _, text := range append(slowHashes, NewArgon2id([]byte("correct horse"))) {
		s, err := ParseSlow(text)
		if err != nil {
			t.Fatalf("ParseSlow(%q) = %v", text, err)
		}
		if !s.Fits([]byte("correct horse")) {
			t.Errorf("%q does not fit its password", text)
		}
		for _, wrong := range []string{"", "correct hors", "correct horse\x00"} {
			if s.Fits([]byte(wrong)) {
				t.Errorf("%q fits %q", text, wrong)
			}
		}
		if s.Text().Reveal() != text || !s.Same(&s) {
			t.Errorf("Text() = %q; want %q", s.Text().Reveal(), text)
		}
	}
	if a, b := NewArgon2id([]byte("x")), NewArgon2id([]byte("x")); a == b {
		t.Error("two hashes of one password are the same; want a salt of its own in each")
	}
	var zero Slow
	if zero.Fits(nil) || zero.Fits([]byte("x")) {
		t.Error("the zero value fits a password")
	}
}

func TestParseSlowRefuses(t *testing.T) {
	const tail = "$c29tZXNhbHQxMjM$t9aqkacClnUMIdwwY7O0Xhkhhpx1xcAnHphPfuanCUQ"
	for text, want := range map[string]string{
		"":        "neither",
		"hunter2": "neither",
		"#64ba009cceac4ab8b3c877ae1b6b010e8fc5a15ab567238e3a6107cd4dfe147d":                     "neither",
		"$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuabcdefghijklmnopqrstu":               "neither",
		"$argon2i$v=19$m=19456,t=2,p=1" + tail:                                                  "argon2id",
		"$argon2id$m=19456,t=2,p=1" + tail:                                                      "neither",
		"$argon2id$v=16$m=19456,t=2,p=1" + tail:                                                 "version",
		"$argon2id$v=19$m=19456,t=2" + tail:                                                     "parameters m, t, p",
		"$argon2id$v=19$t=2,m=19456,p=1" + tail:                                                 "parameters m, t, p",
		"$argon2id$v=19$m=19456,t=2,p=1,x=1" + tail:                                             "parameters m, t, p",
		"$argon2id$v=19$m=019456,t=2,p=1" + tail:                                                "parameters m, t, p",
		"$argon2id$v=19$m=-1,t=2,p=1" + tail:                                                    "parameters m, t, p",
		"$argon2id$v=19$m=99999999999999999999,t=2,p=1" + tail:                                  "parameters m, t, p",
		"$argon2id$v=19$m=1024,t=2,p=1" + tail:                                                  "too little memory",
		"$argon2id$v=19$m=262145,t=1,p=1" + tail:                                                "too much memory",
		"$argon2id$v=19$m=262144,t=5,p=1" + tail:                                                "too long",
		"$argon2id$v=19$m=19456,t=0,p=1" + tail:                                                 "t out of range",
		"$argon2id$v=19$m=19456,t=17,p=1" + tail:                                                "t out of range",
		"$argon2id$v=19$m=19456,t=2,p=0" + tail:                                                 "p out of range",
		"$argon2id$v=19$m=19456,t=2,p=5" + tail:                                                 "p out of range",
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA" + tail[strings.LastIndex(tail, "$"):]:           "salt",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM=" + tail[strings.LastIndex(tail, "$"):]: "salt",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$c2hvcnQ":                                "hash",
		"$scrypt$ln=10,r=8,p=1" + tail:                                                          "too little memory",
		"$scrypt$ln=19,r=8,p=1" + tail:                                                          "too much memory",
		"$scrypt$ln=18,r=8,p=8" + tail:                                                          "too long",
		"$scrypt$ln=64,r=8,p=1" + tail:                                                          "out of range",
		"$scrypt$ln=14,r=0,p=1" + tail:                                                          "out of range",
		"$scrypt$ln=14,r=2147483647,p=2147483647" + tail:                                        "out of range",
		"$scrypt$v=1$ln=14,r=8,p=1" + tail:                                                      "neither",
	} {
		_, err := ParseSlow(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSlow(%q) = %v; want an error with %q", text, err, want)
		}
		if err != nil && len(text) > 6 && strings.Contains(err.Error(), text[len(text)-6:]) {
			t.Errorf("the error of %q repeats it: %v", text, err)
		}
	}
}

func TestSlowDoesNotPrint(t *testing.T) {
	s, err := ParseSlow(slowHashes[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{s, &s, []Slow{s}, struct{ S Slow }{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "t9aqkac") || strings.Contains(text, "c29tZX") {
				t.Errorf("%s of a hash is %q", verb, text)
			}
		}
	}
}

// FuzzParseSlow reads anything without trying it, and nothing that would take too much.
func FuzzParseSlow(f *testing.F) {
	for _, text := range slowHashes {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSlow(text)
		if err != nil {
			return
		}
		memory := int64(s.memory) << 10
		if !s.argon2 {
			memory = 128 * int64(s.r) << s.ln
		}
		if memory > maxSlowMemory || s.Cost() > maxSlowWork || s.Cost() <= 0 || s.Lanes() > maxLanes {
			t.Errorf("ParseSlow(%q) takes %d bytes and goes through %d", text, memory, s.Cost())
		}
	})
}

func BenchmarkSlow(b *testing.B) {
	for _, text := range slowHashes {
		s, err := ParseSlow(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.Split(text, "c29t")[0], func(b *testing.B) {
			for b.Loop() {
				s.Fits([]byte("wrong"))
			}
		})
	}
}
