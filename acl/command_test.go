package acl

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/resp"
	"redisgate/users"
)

// directory changes a store and nothing else.
type directory struct {
	store *users.Store
	fails error // what Load and Save say
}

func (d *directory) SetUser(_, name string, rules []string) error {
	return d.change(func(all []users.Definition) ([]users.Definition, error) {
		opt := policy.Options{RefuseReserved: true}
		i := slices.IndexFunc(all, func(u users.Definition) bool { return u.User.Name == name })
		if i < 0 {
			u, err := policy.NewUser(name, nil, opt)
			if err != nil {
				return nil, err
			}
			i, all = len(all), append(all, users.Definition{User: u})
		}
		u, err := all[i].User.With(rules, opt)
		all[i].User = u
		return all, err
	})
}

func (d *directory) DelUser(_ string, names []string) (deleted int, err error) {
	err = d.change(func(all []users.Definition) ([]users.Definition, error) {
		left := slices.DeleteFunc(slices.Clone(all), func(u users.Definition) bool { return slices.Contains(names, u.User.Name) })
		deleted = len(all) - len(left)
		return left, nil
	})
	return deleted, err
}

func (d *directory) Load(string) error { return d.fails }
func (d *directory) Save(string) error { return d.fails }

func (d *directory) change(f func([]users.Definition) ([]users.Definition, error)) error {
	return d.store.Update(func(old *users.Set) (*users.Set, error) {
		var all []users.Definition
		for _, u := range old.All() {
			all = append(all, users.Definition{User: u.User, Allow: u.Allow})
		}
		all, err := f(all)
		if err != nil {
			return nil, err
		}
		return users.NewSet(all, old)
	})
}

const everything = "on nopass sanitize-payload ~* &* +@all"

// newCommand makes a Command with the user default, who may do everything, and others: "name rules".
func newCommand(t testing.TB, others ...string) *Command {
	t.Helper()
	var all []users.Definition
	for _, line := range append([]string{"default " + everything}, others...) {
		name, rules, _ := strings.Cut(line, " ")
		u, err := policy.ParseUser(name, rules, policy.Options{})
		if err != nil {
			t.Fatalf("ParseUser(%q) = %v", line, err)
		}
		all = append(all, users.Definition{User: u})
	}
	s, err := users.NewSet(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := users.NewStore(s)
	clock := time.UnixMilli(1_700_000_000_123)
	return &Command{&directory{store: store}, users.NewLog(func() time.Time { return clock }), store}
}

// ask answers words that no spaces are in.
func ask(t testing.TB, c *Command, proto int, who, line string) string {
	t.Helper()
	return string(answer(t, c, proto, who, slices.Collect(strings.FieldsSeq(line))...))
}

// answer is the one reply to a request.
func answer(t testing.TB, c *Command, proto int, who string, words ...string) []byte {
	t.Helper()
	var args [][]byte
	for _, w := range words {
		args = append(args, []byte(w))
	}
	u := c.Store.Load().Lookup([]byte(who))
	if u == nil {
		t.Fatalf("no user %q", who)
	}
	reply := c.Answer([]byte("before"), proto, u, args)
	rest, ok := strings.CutPrefix(string(reply), "before")
	if !ok {
		t.Fatalf("Answer(%q) = %q; want it appended", words, reply)
	}
	var f resp.Framer
	if n, end, err := f.Next([]byte(rest)); n != len(rest) || !end || err != nil {
		t.Fatalf("Answer(%q) = %q: %d, %v, %v; want one reply", words, rest, n, end, err)
	}
	return []byte(rest)
}

func TestGetUser(t *testing.T) {
	const hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	c := newCommand(t, "app on #"+hash+" ~a %R~b &c -@all +get (~z resetchannels +set)")
	body := "$5\r\nflags\r\nSET$2\r\non\r\n$16\r\nsanitize-payload\r\n$9\r\npasswords\r\n*1\r\n$64\r\n" + hash + "\r\n" +
		"$8\r\ncommands\r\n$10\r\n-@all +get\r\n$4\r\nkeys\r\n$7\r\n~a %R~b\r\n$8\r\nchannels\r\n$2\r\n&c\r\n$9\r\nselectors\r\n*1\r\n" +
		"INNER$8\r\ncommands\r\n$10\r\n-@all +set\r\n$4\r\nkeys\r\n$2\r\n~z\r\n$8\r\nchannels\r\n$0\r\n\r\n"
	for proto, want := range map[int]string{
		2: "*12\r\n" + strings.NewReplacer("SET", "*2\r\n", "INNER", "*6\r\n").Replace(body),
		3: "%6\r\n" + strings.NewReplacer("SET", "~2\r\n", "INNER", "%3\r\n").Replace(body),
	} {
		if got := ask(t, c, proto, "default", "ACL GETUSER app"); got != want {
			t.Errorf("GETUSER in RESP%d = %q; want %q", proto, got, want)
		}
	}
}

func TestUsersAreInTheOrderOfTheirBytes(t *testing.T) {
	c := newCommand(t, "b", "B", "\xff", "é", "a", "a0")
	if got, want := ask(t, c, 2, "default", "ACL USERS"),
		"*7\r\n$1\r\nB\r\n$1\r\na\r\n$2\r\na0\r\n$1\r\nb\r\n$7\r\ndefault\r\n$2\r\né\r\n$1\r\n\xff\r\n"; got != want {
		t.Errorf("ACL USERS = %q; want %q", got, want)
	}
	c = newCommand(t, "a on >x ~k")
	if got, want := ask(t, c, 3, "default", "ACL LIST"), "*2\r\n$115\r\nuser a on sanitize-payload #"+
		"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 ~k resetchannels -@all\r\n"+
		"$51\r\nuser default on nopass sanitize-payload ~* &* +@all\r\n"; got != want {
		t.Errorf("ACL LIST = %q; want %q", got, want)
	}
}

func TestWhoMay(t *testing.T) {
	c := newCommand(t, "lister +acl|list", "admin ~* &* +@admin", "named +acl|setuser +acl|log")
	for _, tt := range []struct{ who, line, want string }{
		{"lister", "ACL LIST", ""},
		{"lister", "acl users", "acl|users"},
		{"admin", "ACL LIST", "acl|list"},
		{"admin", "ACL GETUSER a", "acl|getuser"},
		{"admin", "ACL DRYRUN a get k", "acl|dryrun"},
		{"admin", "ACL LOG", "acl|log"},
		{"admin", "ACL LOG RESET", "acl|log"},
		{"admin", "ACL LOAD", "acl|load"},
		{"admin", "ACL SAVE", "acl|save"},
		{"admin", "ACL DELUSER lister", "acl|deluser"},
		{"admin", "ACL WHOAMI", ""},
		{"admin", "ACL CAT", ""},
		{"admin", "ACL GENPASS", ""},
		{"admin", "ACL HELP", ""},
		{"named", "ACL LOG", ""},
		{"named", "ACL SETUSER named +@all", "acl|setuser"},
	} {
		want := ""
		if tt.want != "" {
			want = "-NOPERM User " + tt.who + " has no permissions to run the '" + tt.want + "' command\r\n"
		}
		if got := ask(t, c, 2, tt.who, tt.line); want != "" && got != want || want == "" && got[0] == '-' {
			t.Errorf("%q as %s = %q; want %q", tt.line, tt.who, got, want)
		}
	}
}

func TestChangesReachTheDirectory(t *testing.T) {
	c := newCommand(t, "a", "b")
	d := c.Directory.(*directory)
	for _, tt := range []struct{ line, want string }{
		{"acl setuser new on nopass ~k +get", "+OK\r\n"},
		{"ACL DELUSER a x default", "-ERR The 'default' user cannot be removed\r\n"},
		{"ACL DELUSER a x", ":1\r\n"},
		{"ACL SETUSER b +debug", "-ERR Error in ACL SETUSER modifier '+debug': This command is reserved: it can be granted in the configuration or the aclfile only\r\n"},
		{"ACL SETUSER b #secret", "-ERR Error in ACL SETUSER modifier '#(hidden)': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters\r\n"},
		{"ACL SETUSER b <secret", "-ERR Error in ACL SETUSER modifier '<(hidden)': The password you are trying to remove from the user does not exist\r\n"},
		{"ACL SETUSER b >my secret", "-ERR Error in ACL SETUSER modifier '(hidden)': Syntax error\r\n"}, // Redis quotes both
		{"ACL USERS", "*3\r\n$1\r\nb\r\n$7\r\ndefault\r\n$3\r\nnew\r\n"},
		{"ACL LOAD", "+OK\r\n"},
		{"ACL SAVE", "+OK\r\n"},
	} {
		if got := ask(t, c, 2, "default", tt.line); got != tt.want {
			t.Errorf("%q = %q; want %q", tt.line, got, tt.want)
		}
	}
	d.fails = errors.New("users.acl:2: one\r\nusers.acl:3: two")
	for _, sub := range []string{"LOAD", "SAVE"} {
		if got, want := ask(t, c, 2, "default", "ACL "+sub), "-ERR users.acl:2: one  users.acl:3: two\r\n"; got != want {
			t.Errorf("%s = %q; want %q", sub, got, want)
		}
	}
	d.fails = errors.New(strings.Repeat("x", 1<<20))
	if got := ask(t, c, 2, "default", "ACL LOAD"); len(got) > 20<<10 {
		t.Errorf("an error of 1 MB makes a reply of %d bytes", len(got))
	}
}

func TestSlow(t *testing.T) {
	for sub, want := range map[string]bool{
		"setuser": true, "deluser": true, "load": true, "save": true, "list": true, "getuser": false, "log": false,
		"whoami": false, "dryrun": false,
	} {
		if got := Slow(command.ByName("acl|" + sub)); got != want {
			t.Errorf("Slow(%q) = %v; want %v", sub, got, want)
		}
	}
}
