package main

import (
	"testing"
	"time"

	"redisgate/users"
)

// TestRatesReachTheUsers: those of a user go before those of all, in either place where
// rules stand, and for users that ACL SETUSER makes.
func TestRatesReachTheUsers(t *testing.T) {
	const limits = `[limits]
commands_per_second_per_user = 100
commands_per_second_per_address = 7
bytes_per_second_per_user = "64KB"
bytes_per_second_per_address = "8KB"
rate_exceeded = "error"
`
	const app = "[[user]]\nname = \"app\"\nmax_commands_per_second = 5\n"
	for name, path := range map[string]string{
		"[[user]]": write(t, socketConfig+limits+app+"acl = \"on >pw\"\n[[user]]\nname = \"other\"\nacl = \"on >pw\"\nmax_bytes_per_second = \"1MB\"\n"),
		"acl.file": writeBoth(t, limits+app+"[[user]]\nname = \"other\"\nmax_bytes_per_second = \"1MB\"\n", "user app on >pw\nuser other on >pw\n"),
	} {
		b, err := loadAndBuild(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		store := users.NewStore(b.users)
		if err := users.NewDirectory(store, b.directory).SetUser("", "made", []string{"on", ">pw"}); err != nil {
			t.Fatal(err)
		}
		for user, want := range map[string]users.Rates{"app": {Commands: 5, Bytes: 64 << 10}, "other": {Commands: 100, Bytes: 1 << 20}, "made": {Commands: 100, Bytes: 64 << 10}} {
			if got := store.Load().Lookup([]byte(user)).Rates; got != want {
				t.Errorf("%s: the rates of %s are %+v; want %+v", name, user, got, want)
			}
		}
		if l := b.limits; l.AddressCommands != 7 || l.AddressBytes != 8<<10 || !l.RefuseOverRate {
			t.Errorf("%s: the limits are %+v; want 7 commands, 8 KB, and errors", name, l)
		}
	}
}
