package main

import (
	"fmt"
	"slices"
	"strings"

	"redisgate/migration"
)

// notes says what else of Redis's settings redisgate does not take over.
func (t *taken) notes() []migration.Note {
	var out []migration.Note
	note := func(format string, args ...any) {
		out = append(out, migration.Note{Text: fmt.Sprintf(format, args...)})
	}
	set := t.facts.Settings
	if !slices.Contains(t.names, "default") || !t.has("default") {
		note("clients that send a password alone, or none, find no user %q in redisgate", "default")
	}
	if file := set["aclfile"]; file != "" {
		note("Redis has its users in %q; redisgate has a copy, and from now on neither hears of the other's changes", short(file))
	}
	var at []string
	for _, name := range []string{"port", "tls-port"} {
		if p := set[name]; p != "" && p != "0" {
			at = append(at, fmt.Sprintf("%s %q", name, short(p)))
		}
	}
	if len(at) > 0 {
		note("Redis listens on %s, bind %q, and goes on to: close that when the clients have moved (docs/MIGRATE.md)", strings.Join(at, " and "), short(set["bind"]))
	}
	if p := set["tls-port"]; t.certificates && p != "0" && p != "" {
		note("Redis asks clients for certificates; redisgate does if tls.client_ca and tls.client_auth are set")
	}
	if len(t.renamed) > 0 {
		note("Redis does not know %s: rename-command in its redis.conf, whose new names nobody can ask for. redisgate knows the true names only, and its rules take the place of such lines", strings.Join(t.renamed, ", "))
	}
	for _, u := range t.facts.Unseen {
		if strings.Contains(u.What, "settings") || strings.Contains(u.What, "commands") && !strings.Contains(u.What, "dangerous") {
			note("%s could not be asked for: %s", u.What, short(u.Why))
		}
	}
	note("rename-command, and the rest of redis.conf, is nothing that Redis tells; `redisgate doctor` looks at what it does tell")
	return out
}

// has says whether a user was carried over and is on.
func (t *taken) has(name string) bool {
	for _, u := range t.users.Users {
		if u.Name == name {
			return u.Enabled
		}
	}
	return false
}

// short keeps what Redis says on a line.
func short(s string) string {
	if len(s) > 256 {
		return s[:256] + "..."
	}
	return s
}
