package proxy

import (
	"strings"
	"testing"
)

// slowLogins is a client whose log-ins all wait for something off the loop.
func slowLogins(t *testing.T) desk {
	w := newWorld(t)
	d := desk{w, w.connect()}
	d.p.slow = true
	return d
}

const wrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

func TestNothingIsJudgedWhileALogInIsTried(t *testing.T) {
	for name, c := range map[string]struct {
		login  []string
		change func(d desk)
		want   string // of the log-in, and of what follows it
	}{
		"AUTH":               {[]string{"AUTH", "app", "secret"}, nil, "+OK\r\n+QUEUED?"},
		"AUTH that is wrong": {[]string{"AUTH", "app", "wrong"}, nil, wrongPass + "-NOAUTH Authentication required.\r\n"},
		"HELLO":              {[]string{"HELLO", "2", "AUTH", "app", "secret", "SETNAME", "n"}, nil, "*14\r\n"},
		"the user is gone meanwhile": {[]string{"AUTH", "app", "secret"}, func(d desk) {
			d.set = buildUsers(t, map[string]string{"few": "on >secret"}, d.set)
		}, wrongPass + "-NOAUTH Authentication required.\r\n"},
		"the password has changed meanwhile": {[]string{"AUTH", "app", "secret"}, func(d desk) {
			d.set = buildUsers(t, map[string]string{"app": "on >other ~* +@all"}, d.set)
		}, wrongPass + "-NOAUTH Authentication required.\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := slowLogins(t)
			d.p.s.Input(append(request(c.login...), request("CLIENT", "GETNAME")...))
			if out := d.p.s.waiting(); out != 0 || d.p.s.known || len(d.p.later) != 1 {
				t.Fatalf("%d bytes are out, known = %v, %d things are off the loop; want 0, false, 1", out, d.p.s.known, len(d.p.later))
			}
			if c.change != nil {
				c.change(d)
			}
			d.settle()
			got := string(d.p.got)
			want, _, _ := strings.Cut(c.want, "+QUEUED?")
			if !strings.HasPrefix(got, want) {
				t.Errorf("the client got %q; want %q first", got, want)
			}
			if name == "HELLO" && !strings.HasSuffix(got, "$1\r\nn\r\n") {
				t.Errorf("the client got %q; want its name last", got)
			}
			if d.p.s.trial != nil || d.p.trials != 1 {
				t.Errorf("%d trials, and one is left: %v; want 1 and none", d.p.trials, d.p.s.trial)
			}
			d.end()
		})
	}
}

// A client that leaves, or runs out of time, while its log-in is tried leaves nothing.
func TestASessionThatEndsWhileALogInIsTried(t *testing.T) {
	d := slowLogins(t)
	d.p.s.Input(request("AUTH", "app", "secret"))
	d.p.s.gone("client")
	d.settle()
	if d.p.s.known || len(d.p.got) > 0 {
		t.Errorf("known = %v, the client got %q; want nothing to have come of it", d.p.s.known, d.p.got)
	}
	d.end()
}

func TestLogInsOfATransactionAreTriedBeforeItRuns(t *testing.T) {
	d := slowLogins(t)
	d.ask("AUTH", "app", "secret")
	d.ask("MULTI")
	d.ask("AUTH", "few", "secret")
	d.ask("HELLO", "2", "AUTH", "few", "wrong")
	d.ask("AUTH", "app", "secret")
	d.ask("EXEC")
	d.settle()
	for _, l := range d.links() {
		l.redis.answer(l, 1<<30)
	}
	d.settle()
	if want := "*3\r\n+OK\r\n" + wrongPass + "+OK\r\n"; !strings.HasSuffix(string(d.p.got), want) {
		t.Errorf("the client got %q; want %q last", d.p.got, want)
	}
	if d.p.trials != 4 {
		t.Errorf("%d trials; want 4", d.p.trials)
	}
	d.end()
}

func TestSlowLogInsOfATransactionAreBounded(t *testing.T) {
	d := slowLogins(t)
	d.ask("AUTH", "app", "secret")
	d.ask("MULTI")
	for range maxQueueTrials + 3 {
		d.ask("AUTH", "app", "secret")
	}
	d.ask("EXEC")
	d.settle()
	for _, l := range d.links() {
		l.redis.answer(l, 1<<30)
	}
	d.settle()
	want := "*19\r\n" + strings.Repeat("+OK\r\n", maxQueueTrials) + strings.Repeat("-"+textThrottled+"\r\n", 3)
	if !strings.HasSuffix(string(d.p.got), want) {
		t.Errorf("the client got %q; want %q last", d.p.got, want)
	}
	d.end()
}

// Guesses behind those are refused though they are right, or a transaction were a place
// where anybody may guess as often as he likes.
func TestNoPasswordIsGuessedBehindTheLastTrialOfATransaction(t *testing.T) {
	d := slowLogins(t)
	d.p.fast = true
	d.ask("AUTH", "app", "secret")
	d.ask("MULTI")
	for range maxQueueTrials {
		d.ask("AUTH", "few", "wrong")
	}
	d.ask("AUTH", "few", "secret")
	d.ask("EXEC")
	d.settle()
	for _, l := range d.links() {
		l.redis.answer(l, 1<<30)
	}
	d.settle()
	want := "*17\r\n" + strings.Repeat(wrongPass, maxQueueTrials) + "-" + textThrottled + "\r\n"
	if !strings.HasSuffix(string(d.p.got), want) {
		t.Errorf("the client got %q; want %q last", d.p.got, want)
	}
	d.end()
}
