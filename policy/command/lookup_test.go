package command

import (
	"strings"
	"testing"
)

func request(s string) [][]byte {
	var out [][]byte
	for _, w := range strings.Split(s, " ") {
		out = append(out, []byte(w))
	}
	return out
}

func TestLookupFindsEveryName(t *testing.T) {
	for _, c := range All() {
		if len(c.Name) > longestName {
			t.Errorf("%s is longer than longestName", c.Name)
		}
		if got := ByName(strings.ToUpper(c.Name)); got != c {
			t.Errorf("ByName(%q) = %v; want %s", strings.ToUpper(c.Name), got, c.Name)
		}
		args := request(strings.ReplaceAll(c.Name, "|", " "))
		for len(args) < max(c.Arity, -c.Arity) {
			args = append(args, []byte("x"))
		}
		if c.Flags.Has(FlagContainer) {
			continue
		}
		if got, failure := Lookup(args); got != c || failure != Found {
			t.Errorf("Lookup(%q) = %v, %d; want %s", args, got, failure, c.Name)
		}
	}
}

func TestLookupFailures(t *testing.T) {
	for _, tt := range []struct {
		request string
		want    Failure
		name    string
	}{
		{"get", WrongArity, "get"},
		{"get k k", WrongArity, "get"},
		{"GeT k", Found, "get"},
		{"config", WrongArity, "config"},
		{"command", Found, "command"},
		{"config nope", UnknownSubcommand, "config"},
		{"config get", WrongArity, "config|get"},
		{"CONFIG GET x", Found, "config|get"},
		{"config|get x", UnknownCommand, ""},
		{"get\x00 k", UnspeakableCommand, ""},
		{"shutdown\x00xyz", UnspeakableCommand, ""},
		{"config set\x00 a b", UnknownSubcommand, "config"},
		{"ge k", UnknownCommand, ""},
		{"", UnknownCommand, ""},
		{strings.Repeat("g", 1<<20), UnknownCommand, ""},
		{"config " + strings.Repeat("g", 1<<20), UnknownSubcommand, "config"},
		{"\xc5\xbfet k v", UnknownCommand, ""}, // U+017F folds to s in Unicode
	} {
		c, failure := Lookup(request(tt.request))
		name := ""
		if c != nil {
			name = c.Name
		}
		if failure != tt.want || name != tt.name {
			t.Errorf("Lookup(%.40q) = %q, %d; want %q, %d", tt.request, name, failure, tt.name, tt.want)
		}
	}
	if c, failure := Lookup(nil); c != nil || failure != UnknownCommand {
		t.Errorf("Lookup(nil) = %v, %d; want nothing", c, failure)
	}
}

func TestLookupHeadNeedsTheSubcommand(t *testing.T) {
	if c, failure := LookupHead(request("config"), 3); c != nil || failure != UnknownCommand {
		t.Errorf("LookupHead(config, 3) = %v, %d; want nothing", c, failure)
	}
	if c, failure := LookupHead(request("set"), 3); failure != Found || c.Name != "set" {
		t.Errorf("LookupHead(set, 3) = %v, %d; want set", c, failure)
	}
	if _, failure := LookupHead(request("set k"), 2); failure != WrongArity {
		t.Errorf("LookupHead(set k, 2) = %d; want WrongArity", failure)
	}
}

func TestLookupAndParseDoNotAllocate(t *testing.T) {
	var u Uses
	for _, s := range []string{"GET key", "CONFIG GET x", "MGET a b c d e f g h i j", "SET k v EX 10 GET", "nosuch a", "ZUNIONSTORE d 2 a b"} {
		args := request(s)
		allocs := testing.AllocsPerRun(100, func() {
			if c, failure := Lookup(args); failure == Found {
				if err := c.Parse(args, &u); err != nil {
					t.Fatal(err)
				}
			}
		})
		if allocs != 0 {
			t.Errorf("Lookup and Parse of %q allocate %v times; want 0", s, allocs)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, s := range []string{"GET k", "ZREVRANGEBYSCORE k 0 1", "CONFIG GET x"} {
		b.Run(s, func(b *testing.B) {
			args := request(s)
			b.ReportAllocs()
			for b.Loop() {
				if _, failure := Lookup(args); failure != Found {
					b.Fatal("not found")
				}
			}
		})
	}
}
