package proxy_test

import (
	"strings"
	"testing"

	"redisgate/auth"
	"redisgate/internal/gatetest"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/users"
)

// slowGate has the users ann and app, both with the password secret; ann's is hashed
// slowly.
func slowGate(t *testing.T) *gatetest.Gate {
	t.Helper()
	hash, err := auth.ParseSlow(auth.NewArgon2id([]byte("secret")))
	if err != nil {
		t.Fatal(err)
	}
	var all []users.Definition
	for name, rules := range map[string]string{"ann": "on ~* &* +@all", "app": "on >secret ~* &* +@all"} {
		u, err := policy.ParseUser(name, rules, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := users.Definition{User: u}
		if name == "ann" {
			d.Slow = []auth.Slow{hash}
		}
		all = append(all, d)
	}
	set, err := users.NewSet(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := gate(t, gatetest.Options{Change: func(o *proxy.Options) { o.Users.Swap(set) }})
	return g
}

const wrongPassword = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

func TestSlowPasswords(t *testing.T) {
	g := slowGate(t)
	w := newWire(t, g.Dial(t))
	w.do(wrongPassword, "AUTH", "ann", "wrong")
	w.do("-NOAUTH Authentication required.\r\n", "PING")
	// What comes behind a log-in waits for it.
	w.send("AUTH", "ann", "secret")
	w.send("SET", "k", "v")
	w.send("ACL", "WHOAMI")
	w.want("+OK\r\n")
	w.want("+OK\r\n")
	w.want("$3\r\nann\r\n")
	w.do("+OK\r\n", "AUTH", "app", "secret")

	h := newWire(t, g.DialPlain(t))
	h.send("HELLO", "3", "AUTH", "ann", "secret", "SETNAME", "me")
	if got := h.reply(); !strings.HasPrefix(got, "%7\r\n") {
		t.Errorf("HELLO = %q; want a map", got)
	}
	h.do("$2\r\nme\r\n", "CLIENT", "GETNAME")

	m := newWire(t, g.Dial(t))
	m.do("+OK\r\n", "AUTH", "app", "secret")
	m.do("+OK\r\n", "MULTI")
	for _, q := range [][]string{{"INCR", "n"}, {"AUTH", "ann", "wrong"}, {"AUTH", "ann", "secret"}, {"ACL", "WHOAMI"}, {"INCR", "n"}} {
		m.do("+QUEUED\r\n", q...)
	}
	m.do("*5\r\n:1\r\n"+wrongPassword+"+OK\r\n$3\r\nann\r\n:2\r\n", "EXEC")
	if s := doors(g); s.Auth["ok"] != 5 || s.Auth["failed"] != 2 || s.Passwords[proxy.Password{User: "ann", Slot: 0}] != 3 {
		t.Errorf("attempts are %v with %v; want 5 right, 2 wrong, and 3 by ann's password", s.Auth, s.Passwords)
	}
}

// While passwords are tried one after the other, who is logged in goes on.
func TestSlowPasswordsHoldNobodyUp(t *testing.T) {
	g := slowGate(t)
	app := newWire(t, g.DialPlain(t))
	app.do("+OK\r\n", "AUTH", "app", "secret")
	guesser := newWire(t, g.DialPlain(t))
	release := g.Server.HoldProver() // as if one password took for ever
	for range 4 {
		guesser.send("AUTH", "ann", "wrong")
	}
	for range 200 {
		app.do("+PONG\r\n", "PING")
	}
	if s := doors(g); s.Auth["failed"] != 0 {
		t.Error("a wrong password is answered before it was tried")
	}
	release()
	for range 4 {
		guesser.want(wrongPassword)
	}
}
