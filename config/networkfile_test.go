package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadNetworks(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := put("good", "\ufeff# offices\n\n192.0.2.0/24\r\n  2001:db8::/32 ; a comment\n203.0.113.7#another\n;\n10.0.0.0/8")
	c := mustParse(t, oneUser)
	list, problems := c.ReadNetworks("network.allow_file", []string{good, put("more", "192.0.2.0/24\n")})
	want := []string{"192.0.2.0/24", "2001:db8::/32", "203.0.113.7", "10.0.0.0/8", "192.0.2.0/24"}
	if len(problems) > 0 || !slices.Equal(list, want) {
		t.Errorf("ReadNetworks() = %q, %v; want %q", list, problems, want)
	}

	bad := put("bad", "10.0.0.0/8\n10.0.0.1/8\nhunter2 secret\n10.1.0.0/16, 10.2.0.0/16\n\nany\n::ffff:0:0/90\nfe80::1%eth0\n300.1.1.1\n")
	_, problems = c.ReadNetworks("network.allow_file", []string{bad, filepath.Join(dir, "missing"), good, dir})
	var got []string
	for _, p := range problems {
		got = append(got, strings.ReplaceAll(p.Error(), dir, "DIR"))
		if p.Hint == "" {
			t.Errorf("%v has no hint", p)
		}
	}
	wanted := []string{
		`DIR/bad:2: "10.0.0.1/8" has bits set beyond its prefix length`,
		`DIR/bad:3: this is not a network`,
		`DIR/bad:4: this is not a network`,
		`DIR/bad:6: this is not a network`,
		`DIR/bad:7: "::ffff:0:0/90" mixes IPv6 with mapped IPv4 addresses`,
		`DIR/bad:8: this is not a network`,
		`DIR/bad:9: "300.1.1.1" is not a network`,
		`/etc/redisgate/redisgate.toml: network.allow_file[1]: DIR/missing: no such file or directory`,
		`/etc/redisgate/redisgate.toml: network.allow_file[3]: DIR: is a directory`,
	}
	for i := range max(len(got), len(wanted)) {
		if i >= len(got) || i >= len(wanted) || !strings.HasSuffix(got[i], strings.TrimPrefix(wanted[i], "/etc/redisgate/")) {
			t.Fatalf("problems:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
		}
	}
}

func TestProblemsOfANetworkFileAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(path, []byte(strings.Repeat("x\n", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, problems := mustParse(t, oneUser).ReadNetworks("network.deny_file", []string{path})
	if n := len(problems); n != maxFileProblems+1 || problems[n-1].Line != maxFileProblems+1 {
		t.Errorf("%d problems, the last is %v; want %d and where it stopped", n, problems[n-1], maxFileProblems+1)
	}
}

func FuzzNetworkFile(f *testing.F) {
	f.Add([]byte("10.0.0.0/8 # x\n::/0\n"))
	f.Add([]byte("\xef\xbb\xbf1.2.3.4;\r\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, problems := appendNetworks(nil, "f", data)
		lines := strings.Count(string(data), "\n") + 1
		if len(list)+len(problems) > lines {
			t.Fatalf("%d networks and %d problems of %d lines", len(list), len(problems), lines)
		}
		for _, n := range list {
			if err := checkNetwork(n); err != nil {
				t.Fatal(err)
			}
		}
		if again, wrong := appendNetworks(nil, "f", fmt.Appendln(nil, strings.Join(list, "\n"))); len(wrong) > 0 || !slices.Equal(again, list) {
			t.Fatalf("%q written anew is %q, %v", list, again, wrong)
		}
	})
}
