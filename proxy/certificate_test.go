package proxy

import (
	"testing"

	"redisgate/identity"
	"redisgate/policy"
	"redisgate/users"
)

// certificates are conversations with a client whose certificate is of the user cert,
// who may not run FLUSHALL, so that the refusal says who somebody is; other and five
// may not either.
var certificates = map[string]string{
	"logged in without AUTH": `
		C FLUSHALL
		G -NOPERM User cert has no permissions to run the 'flushall' command
		C GET a
		U S1 GET a
		A S1
		G =get a`,

	"no password reaches it": `
		C AUTH cert secret
		G -WRONGPASS invalid username-password pair or user is disabled.
		C AUTH cert ""
		G -WRONGPASS invalid username-password pair or user is disabled.
		C FLUSHALL
		G -NOPERM User cert has no permissions to run the 'flushall' command`,

	"another user by password, and back": `
		C AUTH other secret
		G +OK
		C FLUSHALL
		G -NOPERM User other has no permissions to run the 'flushall' command
		C RESET
		G +RESET
		C FLUSHALL
		G -NOPERM User cert has no permissions to run the 'flushall' command
		C AUTH other secret
		C AUTH other wrong
		C FLUSHALL
		G +OK
		G -WRONGPASS invalid username-password pair or user is disabled.
		G -NOPERM User cert has no permissions to run the 'flushall' command
		C HELLO 3 AUTH other wrong
		C FLUSHALL
		G -WRONGPASS invalid username-password pair or user is disabled.
		G -NOPERM User cert has no permissions to run the 'flushall' command`,

	"a syntax error in AUTH is no failed log-in": `
		C AUTH other secret
		C AUTH a b c
		C FLUSHALL
		G +OK
		G -ERR syntax error
		G -NOPERM User other has no permissions to run the 'flushall' command`,

	"a password that needs another certificate": `
		C AUTH bound secret
		G -WRONGPASS invalid username-password pair or user is disabled.`,

	"a failed AUTH in a transaction": `
		C AUTH other secret
		G +OK
		C MULTI
		C GET x
		C AUTH other wrong
		C GET y
		C FLUSHALL
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		G -NOPERM User other has no permissions to run the 'flushall' command
		G -EXECABORT Transaction discarded because of previous errors.
		C MULTI
		C AUTH other wrong
		C GET y
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET y
		U D1 EXEC
		A D1
		G "*2\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n$5\r\nget y\r\n"
		C FLUSHALL
		G -NOPERM User cert has no permissions to run the 'flushall' command`,

	"a failed AUTH in a transaction in a database that is not the certificate's": `
		C AUTH five secret
		C MULTI
		C GET x
		C AUTH five wrong
		C GET y
		C EXEC
		G +OK
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET x
		U D1 GET y
		U D1 EXEC
		A D1
		G "*3\r\n$5\r\nget x\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n$5\r\nget y\r\n"
		C FLUSHALL
		G -NOPERM User cert has no permissions to run the 'flushall' command`,

	"a failed AUTH before one that succeeds, in a transaction in such a database": `
		C AUTH five secret
		C MULTI
		C AUTH five wrong
		C AUTH five secret
		C GET y
		C EXEC
		G +OK
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET y
		U D1 EXEC
		A D1
		G "*3\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n$5\r\nget y\r\n"
		C FLUSHALL
		G -NOPERM User five has no permissions to run the 'flushall' command`,

	"a transaction with a failed AUTH that does not run": `
		C AUTH five secret
		G +OK
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C MULTI
		C AUTH five wrong
		C GET y
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET y
		U D1 EXEC
		R D1 +OK
		R D1 +QUEUED
		R D1 "*-1\r\n"
		G "*-1\r\n"
		C FLUSHALL
		G -NOPERM User five has no permissions to run the 'flushall' command`,

	"a right password for another database, in a transaction": `
		C AUTH other secret
		C MULTI
		C AUTH five secret
		C GET y
		C EXEC
		G +OK
		G +OK
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET y
		U D1 EXEC
		A D1
		G "*2\r\n-ERR redisgate: that user may not use this database, and inside MULTI no other can be chosen for it\r\n$5\r\nget y\r\n"
		C FLUSHALL
		G -NOPERM User other has no permissions to run the 'flushall' command`,

	"a failed AUTH behind one that succeeds, in a transaction": `
		C MULTI
		C AUTH other secret
		C AUTH other wrong
		C GET mine
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET mine
		U D1 EXEC
		A D1
		G "*3\r\n+OK\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n$8\r\nget mine\r\n"
		C FLUSHALL
		G -NOPERM User cert has no permissions to run the 'flushall' command`,

	"a failed AUTH while keys are watched in a database that is not the certificate's": `
		C AUTH five secret
		G +OK
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C AUTH five wrong
		G -WRONGPASS invalid username-password pair or user is disabled.
		X user`,

	"the certificate is nobody's any more": `
		C GET a
		U S1 GET a
		A S1
		G =get a
		W unmapped told
		X user`,

	"who has logged in by password stays when the certificate is nobody's any more": `
		C AUTH other secret
		G +OK
		W unmapped told
		C FLUSHALL
		G -NOPERM User other has no permissions to run the 'flushall' command
		C RESET
		G +RESET
		C GET a
		G -NOAUTH Authentication required.`,
}

// certificateRules has no right to FLUSHALL.
const certificateRules = " ~* &* +@all -flushall"

func definition(t testing.TB, name, rules string, databases []int, bound bool, patterns ...string) users.Definition {
	t.Helper()
	u, err := policy.ParseUser(name, rules, policy.Options{Databases: databases})
	if err != nil {
		t.Fatal(err)
	}
	d := users.Definition{User: u, RequireCertificate: bound}
	for _, text := range patterns {
		p, err := identity.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		d.Certificates = append(d.Certificates, p)
	}
	return d
}

func certificateWorld(t testing.TB, w *world) {
	t.Helper()
	set, err := users.NewSet([]users.Definition{
		definition(t, "cert", "on"+certificateRules, []int{0}, false, "CN:client"),
		definition(t, "other", "on >secret"+certificateRules, nil, false),
		definition(t, "five", "on >secret"+certificateRules, []int{5}, false),
		definition(t, "bound", "on >secret"+certificateRules, nil, true, "CN:bound"),
		definition(t, "default", "on nopass"+certificateRules, nil, false),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.set, w.cert = set, &identity.Certificate{CommonName: "client"}
}

func TestCertificates(t *testing.T) {
	for name, text := range certificates {
		t.Run(name, func(t *testing.T) {
			script{
				text: text, setup: func(w *world) { certificateWorld(t, w) },
				sets: map[string]map[string]string{"unmapped": {"cert": "on" + certificateRules, "other": "on >secret" + certificateRules}},
			}.play(t)
		})
	}
}

// fallsBack are conversations of somebody who may hear more by a password than by the
// certificate, which is cert's, who may hear own.
var fallsBack = map[string]string{
	"a failed AUTH while subscribed to what is not the certificate's": `
		C HELLO 3
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		C AUTH other secret
		G +OK
		C SUBSCRIBE theirs
		U D1 SUBSCRIBE theirs
		A D1
		G ">3\r\n$9\r\nsubscribe\r\n$6\r\ntheirs\r\n:1\r\n"
		C AUTH other wrong
		G -WRONGPASS invalid username-password pair or user is disabled.
		X user`,

	"the same in a transaction": `
		C HELLO 3
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		C AUTH other secret
		G +OK
		C SUBSCRIBE theirs
		U D1 SUBSCRIBE theirs
		A D1
		G ">3\r\n$9\r\nsubscribe\r\n$6\r\ntheirs\r\n:1\r\n"
		C MULTI
		C AUTH other wrong
		C GET own
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET own
		U D1 EXEC
		A D1
		G "*2\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n$7\r\nget own\r\n"
		X user`,

	"a failed AUTH while subscribed to what is the certificate's too": `
		C HELLO 3
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		C AUTH other secret
		G +OK
		C SUBSCRIBE own
		U D1 SUBSCRIBE own
		A D1
		G ">3\r\n$9\r\nsubscribe\r\n$3\r\nown\r\n:1\r\n"
		C AUTH other wrong
		G -WRONGPASS invalid username-password pair or user is disabled.
		P D1 own hello
		G ">3\r\n$7\r\nmessage\r\n$3\r\nown\r\n$5\r\nhello\r\n"`,

	"a failed AUTH while tracking, which the certificate's user may not": `
		C HELLO 3
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		C AUTH other secret
		G +OK
		C CLIENT TRACKING ON
		U D1 CLIENT TRACKING ON
		R D1 +OK
		G +OK
		C AUTH other wrong
		G -WRONGPASS invalid username-password pair or user is disabled.
		X user`,
}

func TestWhoFallsBackHearsNoMoreThanTheCertificate(t *testing.T) {
	for name, text := range fallsBack {
		t.Run(name, script{text: text, setup: func(w *world) {
			set, err := users.NewSet([]users.Definition{
				definition(t, "cert", "on ~own* &own +@all", nil, false, "CN:client"),
				definition(t, "other", "on >secret ~* &* +@all", nil, false),
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			w.set, w.cert = set, &identity.Certificate{CommonName: "client"}
		}}.play)
	}
}

// A certificate that is somebody's, but logs nobody in, does not make its holder the
// default user, whom everybody else is.
func TestCertificatesThatLogNobodyIn(t *testing.T) {
	for name, test := range map[string]struct {
		c     *identity.Certificate
		reply string
	}{
		"none":                 {nil, "-NOPERM User default has no permissions to run the 'flushall' command\r\n"},
		"nobody's":             {&identity.Certificate{CommonName: "x"}, "-NOPERM User default has no permissions to run the 'flushall' command\r\n"},
		"two users'":           {&identity.Certificate{CommonName: "client", DNS: []string{"client"}}, "-NOAUTH Authentication required.\r\n"},
		"several common names": {&identity.Certificate{CommonName: "client", Unclear: true}, "-NOAUTH Authentication required.\r\n"},
		"one who is off":       {&identity.Certificate{CommonName: "off"}, "-NOAUTH Authentication required.\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			set, err := users.NewSet([]users.Definition{
				definition(t, "cert", "on"+certificateRules, nil, false, "CN:client"),
				definition(t, "dns", "on"+certificateRules, nil, false, "DNS:client"),
				definition(t, "off", "off"+certificateRules, nil, false, "CN:off"),
				definition(t, "other", "on >secret"+certificateRules, nil, false),
				definition(t, "default", "on nopass"+certificateRules, nil, false),
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			w.set, w.cert = set, test.c
			p := w.connect()
			p.unsent = []byte("FLUSHALL\r\nRESET\r\nFLUSHALL\r\nAUTH other wrong\r\nFLUSHALL\r\n")
			w.settle()
			want := test.reply + "+RESET\r\n" + test.reply + "-WRONGPASS invalid username-password pair or user is disabled.\r\n" + test.reply
			if string(p.got) != want {
				t.Errorf("the client got %q; want %q", p.got, want)
			}
			w.end()
		})
	}
}
