package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/auth"
)

func TestPasswordsOfTheConfiguration(t *testing.T) {
	one, two := auth.NewArgon2id([]byte("one")), auth.NewArgon2id([]byte("two"))
	users := fmt.Sprintf("[[user]]\nname = \"ann\"\n%%spassword = ['%s', '%s']\n", one, two)
	inFile := write(t, socketConfig+"[acl]\nfile = \"users.acl\"\n"+fmt.Sprintf(users, ""))
	if err := os.WriteFile(filepath.Join(filepath.Dir(inFile), "users.acl"), []byte("user ann on ~* +@all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{write(t, socketConfig+fmt.Sprintf(users, "acl = \"on ~* +@all\"\n")), inFile} {
		b, err := loadAndBuild(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for password, want := range map[string]bool{"one": true, "two": true, "three": false} {
			name := []byte("ann")
			if _, _, ok := b.users.AuthenticateProved(netip.Addr{}, nil, name, []byte(password), b.users.Prove(name, []byte(password))); ok != want {
				t.Errorf("ann with %q = %v; want %v", password, ok, want)
			}
		}
		if notes := strings.Join(b.notes, "\n"); strings.Contains(notes, "ann") {
			t.Errorf("notes = %q; want nothing about ann", notes)
		}
	}
}

func TestPasswordsOfTheConfigurationAreChecked(t *testing.T) {
	good := auth.NewArgon2id([]byte("hunter2"))
	for text, want := range map[string]string{
		"password = 'hunter2'": "user[0].password[0]: is not a hash",
		"password = ['" + good + "', '" + strings.Replace(good, "m=19456", "m=64", 1) + "']":            "user[0].password[1]: takes too little memory",
		"password = '" + strings.Replace(good, "m=19456", "m=1000000", 1) + "'":                         "user[0].password[0]: takes too much memory",
		"password = '$2b$12$abcdefghijklmnopqrstuu'":                                                    "user[0].password[0]: is neither",
		"password = '" + good + "'\n[[user]]\nname = 'b'\nacl = 'on nopass'\npassword = '" + good + "'": "user[1].password: acl has nopass",
	} {
		r := invoke(t, "", "check", "--config", write(t, socketConfig+"[[user]]\nname = 'a'\nacl = 'on ~* +@all'\n"+text+"\n"))
		if r.code != 1 || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("check with %s = %d, %q; want %q and a hint", text, r.code, r.stderr, want)
		}
		if strings.Contains(r.stderr, "hunter2") || strings.Contains(r.stderr, good[40:]) {
			t.Errorf("check shows a secret: %q", r.stderr)
		}
	}
}
