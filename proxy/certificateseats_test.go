package proxy

import (
	"testing"

	"redisgate/identity"
	"redisgate/users"
)

// seatWorld is certificateWorld whose user cert has one connection.
func seatWorld(t testing.TB) *world {
	w := newWorld(t)
	one := definition(t, "cert", "on"+certificateRules, []int{0}, false, "CN:client")
	one.MaxConnections = 1
	set, err := users.NewSet([]users.Definition{
		one,
		definition(t, "other", "on >secret"+certificateRules, nil, false),
		definition(t, "five", "on >secret"+certificateRules, []int{5}, false),
		definition(t, "default", "on nopass"+certificateRules, nil, false),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.set, w.auto, w.cert = set, true, &identity.Certificate{CommonName: "client"}
	return w
}

// says sends and compares what has come since.
func (p *peer) says(t *testing.T, send, want string) {
	t.Helper()
	p.unsent = append(p.unsent, send...)
	p.got = p.got[:0]
	p.w.settle()
	if string(p.got) != want {
		t.Errorf("%q is answered %q; want %q", send, p.got, want)
	}
}

const (
	iAmCert   = "-NOPERM User cert has no permissions to run the 'flushall' command\r\n"
	iAmOther  = "-NOPERM User other has no permissions to run the 'flushall' command\r\n"
	iAmNobody = "-NOAUTH Authentication required.\r\n"
	isWrong   = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
)

// A certificate logs in where its user may have one more connection, and makes its
// holder nobody, not default, where not.
func TestCertificatesTakeAConnectionOfTheirUser(t *testing.T) {
	w := seatWorld(t)
	a, b := w.connect(), w.connect()
	a.says(t, "FLUSHALL\r\n", iAmCert)
	b.says(t, "FLUSHALL\r\nRESET\r\nFLUSHALL\r\n", iAmNobody+"+RESET\r\n"+iAmNobody)
	if b.s.byCert || w.k.counts.Auth["certificate"] != 1 {
		t.Errorf("%d log-ins by certificate; want one, and the second session has none", w.k.counts.Auth["certificate"])
	}

	// From another user there is no way back to it, but none to stay either.
	b.says(t, "AUTH other secret\r\nFLUSHALL\r\n", "+OK\r\n"+iAmOther)
	if b.s.authBy != 0 {
		t.Error("a client that is logged in has a time to log in by")
	}
	b.says(t, "AUTH other wrong\r\nFLUSHALL\r\n", isWrong+iAmNobody)
	if b.s.authBy == 0 || b.s.phase != greeting {
		t.Error("a client that is nobody again has all the time there is")
	}
	b.says(t, "AUTH other secret\r\nMULTI\r\nAUTH other wrong\r\nGET y\r\nEXEC\r\nFLUSHALL\r\n",
		"+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n"+isWrong+"$5\r\nget y\r\n"+iAmNobody)

	// The connection that the first gives up is the second's to have.
	a.says(t, "AUTH other secret\r\nFLUSHALL\r\n", "+OK\r\n"+iAmOther)
	b.says(t, "RESET\r\nFLUSHALL\r\n", "+RESET\r\n"+iAmCert)
	a.says(t, "AUTH other wrong\r\nFLUSHALL\r\n", isWrong+iAmNobody)
	b.says(t, "MULTI\r\nAUTH other secret\r\nAUTH other wrong\r\nEXEC\r\nFLUSHALL\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n"+isWrong+iAmCert)
	a.says(t, "RESET\r\nFLUSHALL\r\n", "+RESET\r\n"+iAmNobody)
	b.s.gone("test")
	a.says(t, "RESET\r\nFLUSHALL\r\n", "+RESET\r\n"+iAmCert)

	// From another database the way back is behind the transaction.
	a.says(t, "AUTH five secret\r\n", "+OK\r\n")
	if a.s.db != 5 {
		t.Errorf("five begins in database %d; want 5", a.s.db)
	}
	a.says(t, "MULTI\r\nAUTH five wrong\r\nGET y\r\nEXEC\r\nFLUSHALL\r\n",
		"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n"+isWrong+"$5\r\nget y\r\n"+iAmCert)
	if a.s.db != 0 || !a.s.byCert {
		t.Errorf("then the client is in database %d, by its certificate: %v; want 0", a.s.db, a.s.byCert)
	}
	w.end()
}

// What is watched or subscribed to is nobody's: its client does not stay.
func TestWhoFallsBackToNobodyEndsWithWhatIsPinned(t *testing.T) {
	for name, pins := range map[string]string{
		"watched":    "WATCH k\r\n",
		"subscribed": "HELLO 3\r\nSUBSCRIBE c\r\n",
		"in MULTI":   "HELLO 3\r\nSUBSCRIBE c\r\nMULTI\r\nAUTH other wrong\r\nEXEC\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := seatWorld(t)
			w.connect()
			b := w.connect()
			b.unsent = []byte("AUTH other secret\r\n" + pins + "AUTH other wrong\r\nGET k\r\n")
			w.settle()
			if !b.closed || b.s.reason != "user" {
				t.Errorf("the session has got %q and ended: %v, for %q; want it ended for its user", b.got, b.closed, b.s.reason)
			}
			w.end()
		})
	}
}
