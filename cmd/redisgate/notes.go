package main

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"redisgate/config"
	"redisgate/users"
)

// notes says what works as configured and may still not be what was meant.
func notes(b *built) []string {
	var out []string
	note := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	cfg := b.cfg

	for _, u := range b.users.All() {
		if len(out) >= maxUserNotes {
			note("there is more to say about users; these are the first notes")
			break
		}
		switch {
		case u.Origin == users.Builtin: // a remark says so
		case !u.Enabled:
			note("user %q is off", u.Name)
		case u.NoPass:
			note("user %q needs no password", u.Name)
		case len(u.Passwords)+len(u.Slow) == 0 && len(u.Certificates) > 0: // certificates alone log in
		case len(u.Passwords)+len(u.Slow) == 0:
			note("user %q has no password and cannot log in", u.Name)
		}
		if u.UnsafeScripts && !u.AllPowerful() {
			note("user %q may run scripts, which do whatever redisgate's account in Redis may do", u.Name)
		}
	}
	for _, n := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} {
		if b.allow.Has(n) {
			note("network.allow has %s: everybody gets as far as a TLS handshake", n)
		}
		if b.balancers.Has(n) {
			note("listen.proxy_protocol_from has %s: everybody may say to be anybody", n)
		}
	}
	e := cfg.Upstream.Endpoint()
	if cfg.Upstream.PasswordFile == "" && cfg.Upstream.PasswordEnv == "" {
		note("redisgate has no password for Redis: any program on this machine may do the same without redisgate")
	}
	if !e.Local() && !cfg.Upstream.TLS {
		note("Redis at %s is not on this machine: what redisgate sends there can be read on the way", e.Address)
	}
	if m := cfg.Metrics.Address; m != "" {
		if e, err := config.ParseEndpoint(m); err == nil && !e.Local() {
			note("metrics at %s are open to the network, without a password", m)
		}
	}
	for path, key := range map[string]string{cfg.Upstream.PasswordFile: "upstream.password_file", cfg.ACL.File: "acl.file", cfg.Audit.KeySecretFile: "audit.key_secret_file"} {
		if readByOthers(path) {
			note("%s: every user of this machine can read %s; chmod 600 it", key, path)
		}
	}
	for _, path := range append([]string{cfg.File()}, cfg.Files()...) {
		if changedByOthers(path) {
			note("every user of this machine can change %s, and so let in whom they like; chmod o-w it", path)
		}
	}
	for i, u := range cfg.Users {
		if slices.ContainsFunc(strings.Fields(u.ACL.Text()), func(rule string) bool { return strings.HasPrefix(rule, ">") }) {
			note("user[%d].acl has a password as it is; `redisgate hash-password` makes a #hash of it", i)
		}
	}
	return out
}

// maxUserNotes keeps the notes on an aclfile readable.
const maxUserNotes = 20

// remarks says where redisgate differs from what a user of Redis may expect.
func remarks(b *built) []string {
	if b.users.Default().Origin != users.Builtin {
		return nil
	}
	return []string{fmt.Sprintf("there is no user %q: it is off and may do nothing. In Redis it would be open to everybody", users.Default)}
}

func readByOthers(path string) bool { return permits(path, 0o004) }

func changedByOthers(path string) bool { return permits(path, 0o002) }

// permits says whether a file has any of those bits of its mode.
func permits(path string, bits fs.FileMode) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&bits != 0
}

// watched refuses to watch files that everybody can change: a change would be in force
// without anybody else's doing.
func (c *compiler) watched() {
	if !c.cfg.Reload.Watch {
		return
	}
	for _, path := range append([]string{c.cfg.File()}, c.cfg.Files()...) {
		if changedByOthers(path) {
			c.add("reload.watch", "every user of this machine can change "+path+", which would be in force at once", "chmod o-w it, or reload by SIGHUP only")
		}
	}
}
