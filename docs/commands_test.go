package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redisgate/policy/command"
)

var update = flag.Bool("update", false, "write docs/COMMANDS.md and docs/CONFIG.md")

// ways says what redisgate does with a command of each route.
var ways = map[command.Route]string{
	command.RouteRefused:   "refused",
	command.RouteShared:    "shared pipeline",
	command.RouteDedicated: "dedicated connection",
	command.RouteBlocking:  "dedicated connection, waits",
	command.RouteSubscribe: "dedicated connection, as long as it is subscribed",
	command.RouteLocal:     "answered here",
	command.RouteReserved:  "reserved, then a connection that is closed afterwards",
}

var marks = []struct {
	flag command.Flags
	text string
}{
	{command.FlagReserved, "needs a rule that names it"},
	{command.FlagScript, "needs all rights, or `unsafe_scripts`"},
	{command.FlagKeyless, "needs all keys"},
	{command.FlagTelling, "needs all keys, or a rule that names it"},
	{command.FlagFiltered, "needs all keys, or a rule that names it; then the reply is filtered"},
	{command.FlagEveryDatabase, "needs all databases"},
	{command.FlagRewriteSecrets, "secrets in the reply are emptied"},
	{command.FlagChangesUsers, "needs all rights"},
	{command.FlagShowsUsers, "needs all rights, or a rule that names it"},
}

func commandsPage() string {
	var b strings.Builder
	b.WriteString(`# Commands

What redisgate does with each command that it knows, for a user whose rules allow it.
This page is written from the code: ` + "`go test ./docs -run TestCommandsPageIsTheTable -update`" + `.
A shared pipeline carries the commands of many clients; on a dedicated connection a
client is alone for as long as it needs it. A command in no line is unknown: users who
may do everything may run it, on a connection that is closed afterwards, and others are
refused.

| command | way | besides |
| --- | --- | --- |
`)
	for _, c := range command.All() {
		var besides []string
		for _, m := range marks {
			if c.Flags.Has(m.flag) {
				besides = append(besides, m.text)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ToUpper(strings.ReplaceAll(c.Name, "|", " ")), ways[c.Route], strings.Join(besides, "; "))
	}
	return b.String()
}

func TestCommandsPageIsTheTable(t *testing.T) {
	path := filepath.Join(root, "docs", "COMMANDS.md")
	want := commandsPage()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/COMMANDS.md is not what the code says (%v); run go test ./docs -run TestCommandsPageIsTheTable -update", err)
	}
	for _, r := range []command.Route{command.RouteRefused, command.RouteShared, command.RouteReserved} {
		if !strings.Contains(want, "| "+ways[r]+" |") {
			t.Errorf("no command is %s", ways[r])
		}
	}
}
