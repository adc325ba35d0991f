package command

import (
	"slices"
	"strings"
	"testing"
)

// The commands that no category and no +@all reaches. A container stands for its subcommands.
var reservedCommands = strings.Fields(`sync psync replconf monitor migrate debug module replicaof slaveof failover shutdown config|set
	config|rewrite cluster readonly readwrite asking script|debug restore-asking pfdebug pfselftest`)

func TestReservedCommands(t *testing.T) {
	for _, c := range All() {
		want := slices.Contains(reservedCommands, c.Name) || c.Parent() != nil && slices.Contains(reservedCommands, c.Parent().Name)
		if got := c.Flags.Has(FlagReserved); got != want {
			t.Errorf("%s is reserved: %v; want %v", c.Name, got, want)
		}
		if want && c.Route != RouteReserved {
			t.Errorf("%s has route %v; want reserved", c.Name, c.Route)
		}
	}
}

// What may share a connection with strangers: nothing that waits, subscribes, changes the connection, or runs scripts.
func TestSharedCommandsAreHarmless(t *testing.T) {
	for _, c := range All() {
		if c.Route != RouteShared {
			continue
		}
		if c.Flags&(FlagBlocking|FlagNoAuth|FlagReserved|FlagScript|FlagRewriteSecrets|FlagAllowBusy) != 0 && c.Name != "xread" && c.Name != "xreadgroup" {
			t.Errorf("%s is shared with flags %b", c.Name, c.Flags)
		}
		if c.Categories&(CategoryTransaction|CategoryScripting) != 0 {
			t.Errorf("%s is shared with categories %b", c.Name, c.Categories)
		}
		if c.Categories&CategoryConnection != 0 && !strings.HasPrefix(c.Name, "command") && c.Name != "ping" && c.Name != "echo" {
			t.Errorf("%s is of the connection and shared", c.Name)
		}
	}
}

func TestNobodyForgotACommand(t *testing.T) {
	for _, c := range All() {
		if c.Route == RouteRefused && c.Name != "wait" && c.Name != "waitaof" {
			t.Errorf("%s is refused because no class has it", c.Name)
		}
	}
}

func TestSubcommandsFollowTheirContainer(t *testing.T) {
	for i, c := range All() {
		if c.ID != i || ByID(i) != c {
			t.Errorf("%s has ID %d; want %d", c.Name, c.ID, i)
		}
		from, to := c.Subcommands()
		if c.Flags.Has(FlagContainer) != (to > from) {
			t.Errorf("%s is a container: %v, with %d subcommands", c.Name, c.Flags.Has(FlagContainer), to-from)
		}
		for id := from; id < to; id++ {
			if sub := ByID(id); sub.Parent() != c || !strings.HasPrefix(sub.Name, c.Name+"|") {
				t.Errorf("%s stands among the subcommands of %s", sub.Name, c.Name)
			}
		}
	}
}

func TestCategoriesByName(t *testing.T) {
	for i, n := range CategoryNames() {
		if got, ok := CategoryByName(strings.ToUpper(n)); !ok || got != 1<<i {
			t.Errorf("CategoryByName(%q) = %b, %v; want bit %d", n, got, ok, i)
		}
	}
	if _, ok := CategoryByName("all"); ok {
		t.Errorf("CategoryByName(all) is found; want it left to the rules")
	}
}
