package proxy_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/proxy"
	"redisgate/users"
)

// directory gives a gate an aclfile.
func directory(g **users.Directory, file string) func(*proxy.Options) {
	return func(o *proxy.Options) {
		*g = users.NewDirectory(o.Users, users.DirectoryOptions{File: file, Config: "redisgate.toml"})
		o.Directory = *g
	}
}

func client(t *testing.T, g *gatetest.Gate, user, password string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: g.TCP, TLSConfig: g.TLS().Clone(), Username: user, Password: password, MaxRetries: -1, PoolSize: 3})
	t.Cleanup(func() { c.Close() })
	return c
}

// TestACLThroughTheGate: an administrator makes, changes and removes users, who are
// redisgate's own; Redis hears nothing of it.
func TestACLThroughTheGate(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	file := filepath.Join(t.TempDir(), "users.acl")
	var dir *users.Directory
	g := gatetest.Start(t, gatetest.Options{
		Upstream: rs.Socket(), Workers: 2, Change: directory(&dir, file),
		Users: map[string]string{"admin": "on >secret ~* &* +@all", "few": "on >secret ~few* +@all +acl|setuser"},
	})
	ctx := context.Background()
	admin := client(t, g, "admin", "secret")

	if err := client(t, g, "few", "secret").Do(ctx, "ACL", "SETUSER", "x", "on").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("ACL SETUSER by a user who may not do everything = %v; want NOPERM", err)
	}
	if err := admin.Do(ctx, "ACL", "SETUSER", "bob", "on", ">pw", "~b:*", "+@all", "-@dangerous").Err(); err != nil {
		t.Fatalf("ACL SETUSER = %v", err)
	}
	bob := client(t, g, "bob", "pw")
	if err := bob.Set(ctx, "b:1", "v", 0).Err(); err != nil {
		t.Errorf("SET of a key that is bob's = %v", err)
	}
	if err := bob.Set(ctx, "c", "v", 0).Err(); err == nil || err.Error() != "NOPERM No permissions to access a key" {
		t.Errorf("SET of another key = %v; want NOPERM", err)
	}
	log, err := admin.ACLLog(ctx, 10).Result()
	if err != nil || len(log) != 2 || log[0].Object != "c" || log[0].Username != "bob" || log[0].Reason != "key" ||
		!strings.Contains(log[0].ClientInfo.User, "bob") || log[1].Object != "acl|setuser" {
		t.Errorf("ACL LOG = %+v, %v; want bob's refused key and few's refused command", log, err)
	}
	if err := admin.Do(ctx, "ACL", "SETUSER", "bob", "~c").Err(); err != nil {
		t.Fatal(err)
	}
	if err := bob.Set(ctx, "c", "v", 0).Err(); err != nil {
		t.Errorf("SET after the rules have changed = %v", err)
	}
	if err := admin.Do(ctx, "ACL", "SAVE").Err(); err != nil {
		t.Errorf("ACL SAVE = %v", err)
	}
	saved, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(saved), "user bob on sanitize-payload #") {
		t.Errorf("the aclfile is %q, %v; want bob in it", saved, err)
	}
	if n, err := admin.Do(ctx, "ACL", "DELUSER", "bob", "nobody").Int(); n != 1 || err != nil {
		t.Errorf("ACL DELUSER = %d, %v; want 1", n, err)
	}
	if err := bob.Get(ctx, "b:1").Err(); err == nil {
		t.Error("a connection of a removed user still works")
	}
	if err := admin.Do(ctx, "ACL", "LOAD").Err(); err != nil {
		t.Errorf("ACL LOAD = %v", err)
	}
	if v, err := client(t, g, "bob", "pw").Get(ctx, "c").Result(); v != "v" || err != nil {
		t.Errorf("GET by a user who is back = %q, %v", v, err)
	}
	if list := rs.Do("ACL", "USERS"); !slices.Equal(list.([]any), []any{"default"}) {
		t.Errorf("Redis has the users %v; want its own only", list)
	}
}

// TestRightsThatAreTakenAway: what goes on without a further command ends with the
// right to it, and takes nothing with it.
func TestRightsThatAreTakenAway(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	g := gatetest.Start(t, gatetest.Options{Upstream: rs.Socket(), Workers: 2, Users: map[string]string{"admin": "on >secret ~* &* +@all"}})
	admin := newWire(t, g.Dial(t))
	ok := "+OK\r\n"
	admin.do(ok, "AUTH", "admin", "secret")
	for _, name := range []string{"taker", "hearer", "gone"} {
		admin.do(ok, "ACL", "SETUSER", name, "on", ">pw", "~*", "&*", "+@all")
	}
	login := func(name string) *wire {
		w := newWire(t, g.Dial(t))
		w.do(ok, "AUTH", name, "pw")
		return w
	}
	const takers = 40
	var waiting []*wire
	for range takers {
		w := login("taker")
		w.send("BLPOP", "list", "0")
		waiting = append(waiting, w)
	}
	hearer, gone := login("hearer"), login("gone")
	hearer.do("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", "SUBSCRIBE", "news")
	gone.send("BLPOP", "list", "0")
	deadline := time.Now().Add(10 * time.Second)
	for strings.Count(rs.Do("CLIENT", "LIST").(string), "cmd=blpop") < takers+1 {
		if time.Now().After(deadline) {
			t.Fatal("the commands do not wait at Redis")
		}
		time.Sleep(10 * time.Millisecond)
	}
	admin.do(ok, "ACL", "SETUSER", "taker", "resetkeys", "~other")
	admin.do(":1\r\n", "ACL", "DELUSER", "gone")
	for range takers + 1 {
		admin.send("RPUSH", "list", "x")
		admin.reply()
	}
	admin.do(":41\r\n", "LLEN", "list")
	for _, w := range waiting {
		w.want("-NOPERM No permissions to access a key\r\n")
		w.do("-NOPERM No permissions to access a key\r\n", "GET", "list")
		w.do("$-1\r\n", "GET", "other")
	}
	gone.end()
	admin.do(ok, "ACL", "SETUSER", "hearer", "resetchannels", "&other")
	hearer.end()
	admin.do(":0\r\n", "PUBLISH", "news", "x")

	// Of its own connection the answer comes first.
	admin.do(ok, "ACL", "SETUSER", "self", "on", ">pw", "~*", "&*", "+@all")
	self := login("self")
	self.do(":1\r\n", "ACL", "DELUSER", "self")
	self.end()
}

// end reads the end of the connection.
func (w *wire) end() {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	var b [64]byte
	if n, err := w.r.Read(b[:]); n != 0 || err == nil || os.IsTimeout(err) {
		w.t.Errorf("read %q, %v; want the end of the connection", b[:n], err)
	}
}

// TestAUserStartsInTheFirstDatabase: after AUTH, HELLO and RESET.
func TestAUserStartsInTheFirstDatabase(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	g := gatetest.Start(t, gatetest.Options{
		Upstream:  rs.Socket(),
		Users:     map[string]string{"app": "on >secret ~* &* +@all", "some": "on >secret ~* +@all", "default": "on nopass ~* +@all"},
		Databases: map[string][]int{"some": {5, 0}, "default": {4}},
	})
	for db := range 8 {
		if _, err := rs.Client().Pipelined(context.Background(), func(p redis.Pipeliner) error {
			p.Select(context.Background(), db)
			p.Set(context.Background(), "db", db, 0)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w := newWire(t, g.Dial(t))
	in := func(db string) {
		t.Helper()
		w.do("$1\r\n"+db+"\r\n", "GET", "db")
	}
	in("4")
	w.do("+OK\r\n", "AUTH", "some", "secret")
	in("5")
	w.do("+OK\r\n", "SELECT", "0")
	in("0")
	w.do("-NOPERM No permissions to access a database\r\n", "SELECT", "4")
	w.do("+OK\r\n", "AUTH", "app", "secret")
	in("0")
	w.do("+OK\r\n", "SELECT", "7")
	w.send("HELLO", "2", "AUTH", "some", "secret")
	w.reply()
	in("5")
	w.do("+RESET\r\n", "RESET")
	in("4")
}
