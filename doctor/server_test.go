package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/upstream"
)

const secret = "a-long-password-that-must-not-show"

// asker logs in at a server as a user, or as nobody.
func asker(t *testing.T, s *redistest.Server, user, password string) *upstream.Control {
	t.Helper()
	d := &upstream.Dialer{Network: "unix", Address: s.Socket(), Username: user, Timeout: 10 * time.Second}
	if password != "" {
		d.Password = func() (string, error) { return password, nil }
	}
	c := upstream.NewControl(d)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func gate(users ...*policy.User) Gate {
	return Gate{
		Local: true, Account: "default", Address: "unix:///run/redis.sock", Shared: 64, Dedicated: 4096,
		Argument: 512 << 20, Command: 1 << 30, Users: users, CLI: "redis-cli", Hash: "#hash",
	}
}

func parsed(t *testing.T, name, rules string, o policy.Options) *policy.User {
	t.Helper()
	u, err := policy.ParseUser(name, rules, o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func abouts(all []Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.About)
	}
	return out
}

// TestBadStatesAreFound starts a real server in each state.
func TestBadStatesAreFound(t *testing.T) {
	app := parsed(t, "app", "on >x ~app:* -@all +get +set", policy.Options{})
	for _, tc := range []struct {
		name     string
		tcp      bool
		password string
		args     []string
		want     string // what is found besides the root and account that tests have
		severity Severity
		fix      string
	}{
		{"a password and a socket", false, secret, nil, "", "", ""},
		{"no password", false, "", nil, "password", High, "redis.conf: requirepass"},
		{"protected mode off", false, secret, []string{"--protected-mode", "no"}, "protected-mode", Low, "redis-cli CONFIG SET protected-mode yes"},
		{"protected mode off and open", true, "", []string{"--protected-mode", "no"}, "protected-mode", High, "redis.conf: protected-mode yes"},
		{"maxclients", false, secret, []string{"--maxclients", "4000"}, "maxclients", High, "redis-cli CONFIG SET maxclients 4162"},
		{"timeout", false, secret, []string{"--timeout", "300"}, "timeout", Medium, "redis.conf: timeout 0"},
		{"output buffer", false, secret, []string{"--client-output-buffer-limit", "normal", "1mb", "0", "0"}, "client-output-buffer-limit", High, "redis-cli CONFIG SET client-output-buffer-limit 'normal 0 0 0'"},
		{"arguments", false, secret, []string{"--proto-max-bulk-len", "2mb"}, "proto-max-bulk-len", High, "redis.conf: proto-max-bulk-len 536870912"},
		{"requests", false, secret, []string{"--client-query-buffer-limit", "2mb"}, "client-query-buffer-limit", Medium, "or redisgate.toml: limits.max_command_bytes = 2097152"},
		{"client memory", false, secret, []string{"--maxmemory-clients", "5%"}, "maxmemory-clients", Medium, "redis.conf: maxmemory-clients 0"},
		{"keepalive", false, secret, []string{"--tcp-keepalive", "0"}, "tcp-keepalive", Low, "redis-cli CONFIG SET tcp-keepalive 300"},
		{"debug", false, secret, []string{"--enable-debug-command", "yes"}, "enable-debug-command", Medium, "redis.conf: enable-debug-command no (and restart Redis: it cannot be set while it runs)"},
		{"socket of everybody", false, secret, []string{"--unixsocketperm", "777"}, "files", Medium, "redis.conf: unixsocketperm 770"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := redistest.Start(t, redistest.Options{TCP: tc.tcp, Password: tc.password, Args: tc.args})
			open := tc.password == ""
			var anonymous Asker
			if open {
				anonymous = asker(t, s, "", "")
			}
			g := gate(app)
			f, err := Gather(t.Context(), g, asker(t, s, "", tc.password), anonymous, &open)
			if err != nil {
				t.Fatal(err)
			}
			if text := fmt.Sprintf("%+v", f); strings.Contains(text, secret) || len(f.Unseen) > 0 && runtime.GOOS == "linux" {
				t.Errorf("facts = %s; want no password and nothing unseen", text)
			}
			usual := []string{"default-user", "account"}
			if os.Getuid() == 0 && runtime.GOOS == "linux" {
				usual = append(usual, "root")
			}
			if open {
				usual = append(usual, "password")
			}
			findings := Judge(f, g)
			got := slices.DeleteFunc(abouts(findings), func(a string) bool { return slices.Contains(usual, a) && a != tc.want })
			if strings.Join(got, " ") != tc.want {
				t.Errorf("findings besides %v = %v; want %q", usual, got, tc.want)
			}
			for _, f := range findings {
				if f.About == tc.want && (f.Severity != tc.severity || !slices.ContainsFunc(f.Fix, func(line string) bool { return strings.HasPrefix(line, tc.fix) })) {
					t.Errorf("%s is %s with %q; want %s and a fix %q", f.About, f.Severity, f.Fix, tc.severity, tc.fix)
				}
			}
			if !slices.Contains(f.Dangerous, "CONFIG SET") || !slices.Contains(f.Dangerous, "SHUTDOWN") || len(f.Dangerous) != len(dangerous) {
				t.Errorf("dangerous commands of default = %v; want all", f.Dangerous)
			}
		})
	}
}

// TestReach tries addresses in the place of other machines': all of 127/8 is loopback to
// this machine, but a server listens on those that it was told.
func TestReach(t *testing.T) {
	elsewhere := []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	for _, tc := range []struct {
		args, password string
		want           Answer
	}{
		{"--bind 127.0.0.1", "", ""},
		{"--bind 0.0.0.0", "", AnswersAll},
		{"--bind 0.0.0.0", secret, AnswersPassword},
		{"--bind 127.0.0.1 127.0.0.2", secret, AnswersPassword},
	} {
		s := redistest.Start(t, redistest.Options{TCP: true, Password: tc.password, Args: strings.Fields(tc.args)})
		at := netip.MustParseAddrPort(s.Addr())
		got := reached(t.Context(), elsewhere, []port{{at.Port(), false}})
		if (len(got) == 1) != (tc.want != "") || len(got) == 1 && (got[0].Answer != tc.want || got[0].Address != netip.AddrPortFrom(elsewhere[0], at.Port()).String()) {
			t.Errorf("%s is reached at %v; want %q", tc.args, got, tc.want)
		}
	}
}

// TestReachedAtAnAddressOfThisMachine is what an operator sees of a Redis that is bound to
// all, where this machine has more than loopback.
func TestReachedAtAnAddressOfThisMachine(t *testing.T) {
	s := redistest.Start(t, redistest.Options{TCP: true, Args: []string{"--bind", "0.0.0.0", "--protected-mode", "no"}})
	as, open := asker(t, s, "", ""), true
	g := gate(parsed(t, "app", "on >x ~app:* -@all +get", policy.Options{}))
	f, err := Gather(t.Context(), g, as, as, &open)
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := others()
	if err != nil {
		t.Fatal(err)
	}
	want, severity := "bind", Medium
	if slices.ContainsFunc(addresses, netip.Addr.Is4) {
		want, severity = "reach", Critical
	}
	findings := Judge(f, g)
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.About == want })
	if i < 0 || findings[i].Severity != severity || !slices.Contains(findings[i].Fix, "redis.conf: bind 127.0.0.1 -::1") {
		t.Errorf("findings = %+v; want %s, %s", findings, want, severity)
	}
}

func TestWhatTheAccountMayNotAskIsUnseen(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: secret})
	s.Do("ACL", "SETUSER", "least", "on", ">pw", "-@all", "+ping")
	closed := false
	g := gate()
	g.Account = "least"
	f, err := Gather(t.Context(), g, asker(t, s, "least", "pw"), nil, &closed)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, u := range f.Unseen {
		all = append(all, u.What)
		if !strings.Contains(u.Why, "may not ask") {
			t.Errorf("%s is unseen because %s; want that the account may not ask", u.What, u.Why)
		}
	}
	for _, want := range []string{"the version", "the settings (bind", "rights of redisgate's account \"least\"", "the user \"default\"", "which dangerous commands", "the commands of this Redis"} {
		if !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("unseen = %q; want %q among them", all, want)
		}
	}
	if got := abouts(Judge(f, g)); len(got) != 0 {
		t.Errorf("findings = %v; want none: nothing was seen", got)
	}
	s.Do("ACL", "SETUSER", "least", "off")
	if _, err := Gather(t.Context(), g, asker(t, s, "least", "pw"), nil, &closed); err == nil {
		t.Error("Gather by a user who is off = no error; want one")
	}
}

// configurations are users for whom the least account is tried.
var configurations = map[string][]struct {
	rules  string
	option policy.Options
}{
	"one command":   {{"on >x ~app:* -@all +get", policy.Options{}}},
	"first user":    {{"on >x ~* &* -@all +@read +@write +@connection +@transaction +@pubsub -@admin -@dangerous", policy.Options{}}},
	"everything":    {{"on >x ~* &* +@all", policy.Options{}}},
	"reserved":      {{"on >x ~* &* +@all +config|set +monitor", policy.Options{}}, {"on >x ~a -@all +debug", policy.Options{}}},
	"scripts":       {{"on >x ~app:* &app:* -@all +@all -@dangerous", policy.Options{UnsafeScripts: true}}},
	"several":       {{"on >x %R~log:* &ev:* -@all +@read", policy.Options{Databases: []int{1}}}, {"on >x ~log:a ~b -@all +@write +select|3 (~tmp:* +@hash)", policy.Options{}}},
	"subcommands":   {{"on >x -@all +command|count +config|get +object|help +script", policy.Options{}}},
	"nobody at all": nil,
}

// TestTheLeastAccountIsThatAndNoMore asks a real server about each of its commands.
func TestTheLeastAccountIsThatAndNoMore(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	as, open := asker(t, s, "", ""), true
	for name, users := range configurations {
		t.Run(name, func(t *testing.T) {
			g := gate()
			g.Account = "least"
			for i, u := range users {
				g.Users = append(g.Users, parsed(t, fmt.Sprint("u", i), u.rules, u.option))
			}
			s.Do("ACL", "SETUSER", "least", "on", ">pw", "+@all", "~*") // what was there must go
			f, err := Gather(t.Context(), g, as, as, &open)
			if err != nil {
				t.Fatal(err)
			}
			args := []any{"ACL", "SETUSER", "least"}
			for _, w := range Least(g, f.Commands).Words() {
				args = append(args, w)
			}
			if len(args) > 120 {
				t.Errorf("the line has %d words: %v", len(args), args)
			}
			s.Do(args...)
			may := permitted(t, s, "least")
			for _, c := range f.Commands {
				if !c.Callable {
					continue
				}
				k := command.ByName(c.Name)
				want := slices.Contains(own, c.Name)
				for _, u := range g.Users {
					if k == nil {
						want = want || u.AllPowerful() && command.ByName(container(c.Name)) == nil
					} else {
						want = want || forwarded(k) && u.MayRun(k)
					}
				}
				if k != nil && k.Flags.Has(command.FlagNoAuth) {
					want = true // Redis lets everybody
				}
				if may[c.Name] != want {
					t.Errorf("the account may run %s = %v; want %v by %v", c.Name, may[c.Name], want, args)
				}
			}
			f, err = Gather(t.Context(), g, as, as, &open)
			if err != nil {
				t.Fatal(err)
			}
			if got := abouts(Judge(f, g)); slices.Contains(got, "account") || slices.Contains(got, "account-lacks") {
				t.Errorf("findings of the least account = %v; want none about it", Judge(f, g))
			}
			s.Do("ACL", "SETUSER", "least", "-ping", "+acl|whoami")
			f, err = Gather(t.Context(), g, as, as, &open)
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range Judge(f, g) {
				want := map[string]string{"account": "need: acl|whoami of the commands.", "account-lacks": "have: ping of the commands."}[finding.About]
				if !strings.Contains(finding.Text, want) {
					t.Errorf("%s = %s; want %q", finding.About, finding.Text, want)
				}
			}
			if got := abouts(Judge(f, g)); !slices.Contains(got, "account") || !slices.Contains(got, "account-lacks") {
				t.Errorf("findings without PING and with ACL WHOAMI = %v", got)
			}
		})
	}
}

// permitted asks the server by ACL DRYRUN, which judges no arguments but keys and channels.
func permitted(t *testing.T, s *redistest.Server, user string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	c := s.Client()
	list, err := c.Do(t.Context(), "COMMAND").Slice()
	if err != nil {
		t.Fatal(err)
	}
	var walk func([]any)
	walk = func(list []any) {
		for _, item := range list {
			f := item.([]any)
			name, arity, subs := f[0].(string), f[1].(int64), f[9].([]any)
			walk(subs)
			args := []any{"ACL", "DRYRUN", user}
			for _, w := range strings.Split(name, "|") {
				args = append(args, w)
			}
			for int64(len(args)-3) < max(arity, -arity) {
				args = append(args, "1")
			}
			reply, err := c.Do(t.Context(), args...).Result()
			if err != nil {
				if len(subs) == 0 || arity == -1 {
					t.Fatalf("%v = %v", args, err)
				}
				continue
			}
			out[name] = !strings.Contains(fmt.Sprint(reply), "permissions to run")
		}
	}
	walk(list)
	return out
}

// TestTheGateWorksWithTheLeastAccount runs what the users may run through a whole
// redisgate whose account in Redis has the least rights.
func TestTheGateWorksWithTheLeastAccount(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: secret})
	rules := "on >secret ~app:* &app:* -@all +@read +@write +@connection +@transaction +@pubsub +@blocking -@dangerous +scan"
	g := gate(parsed(t, "app", rules, policy.Options{}))
	as, closed := asker(t, s, "", secret), false
	f, err := Gather(t.Context(), g, as, nil, &closed)
	if err != nil {
		t.Fatal(err)
	}
	args := []any{"ACL", "SETUSER", "redisgate", "on", ">pw"}
	for _, w := range Least(g, f.Commands).Words() {
		args = append(args, w)
	}
	s.Do(args...)
	s.Do("SET", "other", "x")
	gt := gatetest.Start(t, gatetest.Options{Upstream: s.Socket(), Username: "redisgate", Password: "pw", Users: map[string]string{"app": rules}})
	for _, proto := range []int{2, 3} {
		c := redistest.NewClient(t, &redis.Options{Addr: gt.TCP, TLSConfig: gt.TLS(), Username: "app", Password: "secret", Protocol: proto, DB: 1, MaxRetries: -1})
		ctx := t.Context()
		must := func(what string, err error) {
			t.Helper()
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Errorf("RESP%d: %s = %v", proto, what, err)
			}
		}
		must("PING", c.Ping(ctx).Err())
		must("SET", c.Set(ctx, "app:1", "v", 0).Err())
		must("GET", c.Get(ctx, "app:1").Err())
		must("large SET", c.Set(ctx, "app:2", strings.Repeat("x", 1<<20), 0).Err())
		must("SCAN", c.Scan(ctx, 0, "*", 10).Err())
		must("BLPOP", c.BLPop(ctx, 10*time.Millisecond, "app:none").Err())
		must("XADD", c.XAdd(ctx, &redis.XAddArgs{Stream: "app:x", Values: []string{"a", "b"}}).Err())
		must("XREAD", c.XRead(ctx, &redis.XReadArgs{Streams: []string{"app:x", "0"}, Block: -1}).Err())
		must("COMMAND", c.Do(ctx, "COMMAND", "COUNT").Err())
		must("WATCH", c.Watch(ctx, func(tx *redis.Tx) error {
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Incr(ctx, "app:n")
				p.Get(ctx, "app:1")
				return nil
			})
			return err
		}, "app:n"))
		must("SELECT and UNWATCH", func() error {
			one := c.Conn()
			defer one.Close()
			return errors.Join(one.Do(ctx, "WATCH", "app:1").Err(), one.Do(ctx, "UNWATCH").Err(), one.Select(ctx, 3).Err(), one.Do(ctx, "SET", "app:1", "x").Err())
		}())
		if proto == 3 {
			one := c.Conn()
			must("CLIENT TRACKING", one.Do(ctx, "CLIENT", "TRACKING", "ON").Err())
			must("GET while tracking", one.Get(ctx, "app:1").Err())
			_ = one.Close()
		}
		sub := c.Subscribe(ctx, "app:news")
		if _, err := sub.Receive(ctx); err != nil {
			t.Errorf("RESP%d: SUBSCRIBE = %v", proto, err)
		}
		must("PUBLISH", c.Publish(ctx, "app:news", "m").Err())
		if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "m" {
			t.Errorf("RESP%d: message = %v, %v", proto, m, err)
		}
		_ = sub.Close()
	}
	// The account itself is held to it by Redis.
	direct := redistest.NewClient(t, &redis.Options{Network: "unix", Addr: s.Socket(), Username: "redisgate", Password: "pw", DisableIdentity: true})
	for _, args := range [][]any{{"CONFIG", "SET", "timeout", "1"}, {"CONFIG", "GET", "*"}, {"FLUSHALL"}, {"EVAL", "return 1", "0"}, {"GET", "other"}, {"ACL", "LIST"}, {"SHUTDOWN"}, {"KEYS", "*"}} {
		if err := direct.Do(context.Background(), args...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v by the account = %v; want NOPERM", args, err)
		}
	}
}
