package proxy_test

import (
	"strings"
	"syscall"
	"testing"

	"redisgate/internal/gatetest"
)

// TestWhoIsRemovedWhileATransactionRunsDoesNothingMore: what redisgate does itself of a
// transaction it does when that has run. Who has been removed by then does not do it.
func TestWhoIsRemovedWhileATransactionRunsDoesNothingMore(t *testing.T) {
	telling := [][]string{{"ACL", "GETUSER", "app"}, {"CLIENT", "KILL", "USER", "app"}, {"PING"}}
	logins := [][]string{{"AUTH", "app", "secret"}, {"AUTH", "bob", "pw"}}
	for name, test := range map[string]struct {
		asks  string
		queue [][]string
	}{
		"who has asked":                     {"bob", telling},
		"whom a command before has made it": {"bob", append(logins, telling...)},
		"whom the last command has made it": {"ann", [][]string{{"AUTH", "bob", "pw"}, {"PING"}}},
	} {
		t.Run(name, func(t *testing.T) {
			g, rs := gate(t, gatetest.Options{})
			admin := newWire(t, g.DialPlain(t)).login()
			admin.do("+OK\r\n", "ACL", "SETUSER", "bob", "on", ">pw", "~*", "&*", "+@all")
			admin.do("+OK\r\n", "ACL", "SETUSER", "ann", "on", ">pw", "~*", "&*", "+@all")
			bob := newWire(t, g.DialPlain(t))
			bob.do("+OK\r\n", "AUTH", test.asks, "pw")
			bob.do("+OK\r\n", "WATCH", "k") // it has a connection to Redis
			bob.do("+OK\r\n", "MULTI")
			for _, c := range test.queue {
				bob.do("+QUEUED\r\n", c...)
			}
			if err := syscall.Kill(rs.Pid(), syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { syscall.Kill(rs.Pid(), syscall.SIGCONT) })
			bob.send("EXEC")
			eventually(t, func() bool { // it has been sent
				admin.send("CLIENT", "LIST")
				return strings.Contains(admin.reply(), " cmd=exec user="+test.asks+" ")
			})
			admin.do(":1\r\n", "ACL", "DELUSER", "bob")
			if err := syscall.Kill(rs.Pid(), syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			if got := bob.reply(); strings.Contains(got, "passwords") || !strings.HasSuffix(got, "+PONG\r\n") {
				t.Errorf("EXEC = %q; want PONG, and no user", got)
			}
			bob.closed()
			admin.do("+PONG\r\n", "PING") // it is there still
		})
	}
}
