package policy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

func TestExplainSaysWhoDecidedAndWhy(t *testing.T) {
	const two = "on >pw ~app:* %R~log:* &ev* -@all +@read -get (~tmp:* +@all -@dangerous +config|set)"
	for _, tt := range []struct {
		rules, request string
		reason         Reason
		decider        int
		rule, why      string
	}{
		{two, "STRLEN app:1", ReasonAllowed, 0, "+@read", "+@read allows the command, and patterns of the same selector all its keys"},
		{two, "GET tmp:1", ReasonAllowed, 1, "+@all", "+@all allows the command, and patterns of the same selector all its keys"},
		{two, "GET app:1", ReasonKey, 1, "+@all", `no pattern allows to read the key "app:1"`},
		{two, "MGET app:1 x", ReasonKey, 0, "+@read", `no pattern allows to read the key "x"`},
		{two, "FLUSHALL", ReasonCommand, 0, "", "no rule allows flushall"},
		{two, "CONFIG SET a b", ReasonAllowed, 1, "+config|set", "+config|set allows the command"},
		{two, "AUTH pw", ReasonAllowed, 0, "", "auth is allowed to everybody"},
		{two, "SET tmp:1 v NOPE", ReasonSyntax, 1, "+@all", "the arguments do not parse, so nobody can say which keys they use: ERR syntax error"},
		{"~* +@all -@dangerous", "FLUSHALL", ReasonCommand, 0, "-@dangerous", "-@dangerous takes flushall away"},
		{"~* -flushall", "FLUSHALL", ReasonCommand, 0, "-flushall", "-flushall takes flushall away"},
		{"~* +@all +config", "CONFIG SET a b", ReasonReserved, 0, "", "config|set is reserved: no category, no +@all and no rule for a container reaches it"},
		{"~* +monitor -@admin", "MONITOR", ReasonReserved, 0, "-@admin", "-@admin takes it away, and it is reserved"},
		{"~* +config|set +get", "CONFIG SET a b", ReasonAllowed, 0, "+config|set", "+config|set allows the command"},
		{"+select|0", "SELECT 0", ReasonAllowed, 0, "+select|0", "+select|0 allows the command"},
		{"+select|0", "SELECT 1", ReasonCommand, 0, "", "no rule allows select"},
		{"+get +@all", "GET k", ReasonKey, 0, "+@all", `no pattern allows to read the key "k"`},
		{"+@all %R~log:*", "APPEND log:1 v", ReasonKey, 0, "+@all", `no pattern allows to write the key "log:1": %R~log:* does not allow enough`},
		{"+@all %R~a* %W~ab*", "INCR ab", ReasonKey, 0, "+@all", `no pattern allows to read and write the key "ab": %R~a* does not allow enough`},
		{"+@all %W~a", "EXISTS b", ReasonKey, 0, "+@all", `no pattern allows to know of the key "b"`},
		{"+@all ~a*", "KEYS *", ReasonKeyless, 0, "+@all", "keys takes no key and tells the names of all of them"},
		{"+@all ~a* +keys", "KEYS *", ReasonAllowed, 0, "+keys", "+keys allows the command, and the reply has the names of those keys only that the user may read"},
		{"+@all ~a*", "DBSIZE", ReasonKeyless, 0, "+@all", "dbsize takes no key and sees or changes all of them"},
		{"+@all ~a*", "SORT a BY x*", ReasonSortBy, 0, "+@all", "SORT with BY or GET reads keys that are not among its arguments"},
		{"+@all ~a* &ab*", "PSUBSCRIBE ab*", ReasonAllowed, 0, "+@all", "+@all allows the command, and patterns of the same selector all its channels"},
		{"+@all ~a* &ab*", "PSUBSCRIBE abc", ReasonChannel, 0, "+@all", `no rule has the pattern "abc" letter by letter`},
		{"+@all ~a* &ab*", "PUBLISH c m", ReasonChannel, 0, "+@all", `no pattern allows the channel "c"`},
		{"~a* +@all", "CLIENT TRACKING ON BCAST", ReasonKeyless, 0, "+@all", "CLIENT TRACKING with BCAST tells of all keys, or of all that begin with a prefix"},
		{"~* +@all", "EVAL s 0", ReasonScript, 0, "+@all", "eval runs with the rights of redisgate's own account in Redis, or changes what does"},
	} {
		e := mustUser(t, tt.rules, Options{}).Explain(0, split(tt.request))
		if e.Decision.Reason != tt.reason || e.Decider != tt.decider || e.Selectors[e.Decider].Rule != tt.rule || e.Why != tt.why {
			t.Errorf("user %q: %q = %v by selector %d, rule %q: %q; want %v by selector %d, rule %q: %q", tt.rules, tt.request, e.Decision.Reason,
				e.Decider, e.Selectors[e.Decider].Rule, e.Why, tt.reason, tt.decider, tt.rule, tt.why)
		}
		if tt.reason == ReasonAllowed && e.Advice != "" {
			t.Errorf("user %q: %q is allowed with the advice %q", tt.rules, tt.request, e.Advice)
		}
	}
	u := mustUser(t, "allkeys allchannels +@all", Options{Databases: []int{1, 2}})
	for request, want := range map[string]string{
		"GET k":         "the user has the databases [1 2] only, and not 0",
		"SELECT 3":      "the user has the databases [1 2] only, and not 3",
		"SELECT 1":      "+@all allows the command",
		"COPY a b DB 9": "the user has the databases [1 2] only, and not 0",
	} {
		if e := u.Explain(0, split(request)); e.Why != want {
			t.Errorf("%q in database 0: %q; want %q", request, e.Why, want)
		}
	}
	if e := u.Explain(1, split("FLUSHALL")); e.Why != "the user has the databases [1 2] only, and flushall acts on others too" {
		t.Errorf("FLUSHALL: %q", e.Why)
	}
}

func TestExplainWhatIsNoRequest(t *testing.T) {
	all, app := mustUser(t, "allkeys allchannels +@all", Options{}), mustUser(t, "~a +@all", Options{})
	for _, tt := range []struct {
		u       *User
		request string
		failure command.Failure
		allowed bool
		answer  string
	}{
		{app, "NOSUCH a", command.UnknownCommand, false, "ERR unknown command"},
		{all, "NOSUCH a", command.UnknownCommand, true, ""},
		{all, "GET", command.WrongArity, false, "ERR wrong number of arguments for 'get' command"},
		{all, "CONFIG NOSUCH", command.UnknownSubcommand, false, "ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."},
		{all, "NO\x00SUCH", command.UnspeakableCommand, false, "ERR unknown command 'NO', with args beginning with: "},
	} {
		e := tt.u.Explain(0, split(tt.request))
		if got := string(e.Decision.AppendText(nil, tt.u, e.Command)); e.Failure != tt.failure || e.Decision.Allowed() != tt.allowed || got != tt.answer {
			t.Errorf("%q = failure %d, allowed %v, %q; want %d, %v, %q", tt.request, e.Failure, e.Decision.Allowed(), got, tt.failure, tt.allowed, tt.answer)
		}
		if e.Why == "" || len(e.Selectors) != 0 {
			t.Errorf("%q: why %q, %d selectors; want a reason and no selector", tt.request, e.Why, len(e.Selectors))
		}
	}
}

// TestExplainAgreesWithAuthorise: whatever is explained is what is decided, and the grounds bear it.
func TestExplainAgreesWithAuthorise(t *testing.T) {
	g := newGenerator(t, rand.New(rand.NewPCG(7, 7)), redistest.Start(t, redistest.Options{}).Client())
	seen := map[Reason]int{}
	for range 300 {
		words := append(g.rules(), ">hunter2")
		u, err := NewUser("app", words, Options{})
		if err != nil {
			t.Fatalf("NewUser(%q) = %v; want no error", words, err)
		}
		for range 30 {
			args := g.request()
			e := u.Explain(0, args)
			if e.Failure != command.Found {
				continue
			}
			var uses command.Uses
			d := u.Authorise(0, e.Command, args, &uses)
			seen[d.Reason]++
			if problem := ungrounded(&e, d); problem != "" {
				t.Fatalf("user %q: %q = %v of argument %d, explained as %+v: %s", words, args, d.Reason, d.Arg, e, problem)
			}
		}
	}
	for _, r := range []Reason{ReasonAllowed, ReasonCommand, ReasonReserved, ReasonKeyless, ReasonKey, ReasonChannel, ReasonScript, ReasonSyntax} {
		if seen[r] == 0 {
			t.Errorf("no request was judged %v; want some", r)
		}
	}
}

// ungrounded says what is wrong with an explanation of d; "" if nothing.
func ungrounded(e *Explanation, d Decision) string {
	j := &e.Selectors[e.Decider]
	key := func(g Ground) bool { return g.Pattern == "" }
	switch {
	case e.Decision.Reason != d.Reason || e.Decision.Arg != d.Arg || e.Decision.Selector != d.Selector:
		return "another decision"
	case d.Allowed() && int(d.Selector) != e.Decider:
		return "another selector"
	case d.Reason < ReasonDatabase && (j.Reason != d.Reason || j.Arg != d.Arg) && !(d.Reason == ReasonCommand && j.Runs):
		return "the selector has another reason"
	case j.Runs != strings.HasPrefix(j.Rule, "+") && !e.Command.Flags.Has(command.FlagNoAuth):
		return "the rule says another thing than the selector"
	case d.Allowed() && (slices.ContainsFunc(j.Keys, key) || slices.ContainsFunc(j.Channels, key)):
		return "a key or channel has no pattern"
	case d.Reason == ReasonKey && ground(j.Keys, d.Arg).Name == "" && !slices.ContainsFunc(j.Keys, func(g Ground) bool { return g.Name == "" && key(g) }):
		return "every key has a pattern"
	case d.Reason == ReasonChannel && !slices.ContainsFunc(j.Channels, key):
		return "every channel has a pattern"
	case e.Why == "" || strings.Contains(e.Why+e.Advice+j.Rules, "hunter2"):
		return "no reason, or a secret"
	}
	return ""
}
