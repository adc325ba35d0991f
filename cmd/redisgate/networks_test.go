package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNetworksComeFromFilesToo(t *testing.T) {
	path := write(t, socketConfig+"[network]\nallow = [\"10.0.0.0/8\"]\nallow_file = [\"offices\"]\ndeny_file = \"bad\"\n"+anyUser)
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("offices", "192.0.2.0/24 # Vienna\n0.0.0.0/0\n")
	put("bad", "10.6.6.6\n")
	b, err := loadAndBuild(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{"10.1.2.3": true, "192.0.2.9": true, "10.6.6.6": false} {
		a := netip.MustParseAddr(address)
		if got := b.allow.Contains(a) && !b.deny.Contains(a); got != want {
			t.Errorf("%s is admitted: %v; want %v", address, got, want)
		}
	}
	if notes := strings.Join(b.notes, "\n"); !strings.Contains(notes, "network.allow has 0.0.0.0/0") {
		t.Errorf("notes = %q; want one on everybody being admitted", notes)
	}

	put("offices", "192.0.2.0/24\n192.0.2.1/24\n")
	put("bad", "nonsense\n")
	r := invoke(t, "", "check", "--config", path)
	for _, want := range []string{`offices:2: "192.0.2.1/24" has bits set`, "bad:1: this is not a network"} {
		if r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("check = %d, %q; want %q in it", r.code, r.stderr, want)
		}
	}

	empty := write(t, socketConfig+"[network]\nallow = []\nallow_file = \"/dev/null\"\n"+anyUser)
	if r := invoke(t, "", "check", "--config", empty); r.code != 1 || !strings.Contains(r.stderr, "nobody could connect") {
		t.Errorf("check with an empty file = %d, %q; want that nobody could connect", r.code, r.stderr)
	}
}
