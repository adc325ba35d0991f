package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// auditEvents are the kinds of events that can be audited.
var auditEvents = []string{"auth", "denied", "admin", "config", "connection", "command"}

// minAuditFile is the least size at which an audit log may be put aside: a few thousand
// lines, so that it is not done all the time.
const minAuditFile Size = 1 << 20

// minSecret is the least length of a secret for hashes. The names of keys can be
// guessed, and so could a short secret be.
const minSecret = 16

// ToFile says that the audit log is a file.
func (a Audit) ToFile() bool {
	return a.Path != "" && a.Path != "-" && a.Path != "syslog" && !strings.HasPrefix(a.Path, "syslog://")
}

// audit refuses what would not have the effect that somebody relies on.
func (c *Config) audit(v *validator) {
	a := &c.Audit
	for i, e := range a.Events {
		path := fmt.Sprintf("audit.events[%d]", i)
		v.oneOf(path, e, auditEvents...)
		if slices.Contains(a.Events[:i], e) {
			v.add(path, "remove one of the two", "%q is listed twice", e)
		}
	}
	if len(a.Events) == 0 && a.Path != "" {
		v.add("audit.events", fmt.Sprintf("list some of %q, or remove audit.path", auditEvents), "is empty: nothing would be audited")
	}
	if socket, ok := strings.CutPrefix(a.Path, "syslog://"); ok && !strings.HasPrefix(socket, "/") {
		v.add("audit.path", `write "syslog", or the path of a socket as in "syslog:///run/systemd/journal/dev-log"`, "%q names no socket", a.Path)
	}
	v.oneOf("audit.keys", a.Keys, "hash", "plain", "none")
	v.oneOf("audit.on_full", a.OnFull, "drop", "refuse")
	if a.KeySecretFile != "" && a.KeySecretEnv != "" {
		v.add("audit.key_secret_env", "remove one of the two", "key_secret_file is set too")
	}
	if !envName(a.KeySecretEnv) {
		// The value is not repeated: it may be the secret itself.
		v.add("audit.key_secret_env", `write the variable's name, such as "AUDIT_SECRET"`, "is not the name of an environment variable")
	}
	for _, k := range []struct{ key, value string }{{"key_secret_file", a.KeySecretFile}, {"key_secret_env", a.KeySecretEnv}} {
		if k.value != "" && a.Keys != "hash" {
			v.add("audit."+k.key, `write audit.keys = "hash", or remove it`, "has no effect, since audit.keys is %q", a.Keys)
		}
	}
	if a.MaxSize != 0 {
		v.sizeFrom("audit.max_size", a.MaxSize, minAuditFile)
	}
	v.between("audit.keep", int64(a.Keep), 1, 1000)
	v.between("audit.queue", int64(a.Queue), 16, 1_000_000)
}

// ReadSecret returns the secret for hashes of keys, "" if none is configured. The error
// never holds it.
func (a Audit) ReadSecret() (string, error) {
	s, err := readSecret(a.KeySecretFile, a.KeySecretEnv)
	if err == nil && s != "" && len(s) < minSecret {
		return "", fmt.Errorf("the secret has fewer than %d characters", minSecret)
	}
	return s, err
}

// SecretProblem makes a problem of an error of ReadSecret.
func (c *Config) SecretProblem(err error) Problem {
	path, hint := "audit.key_secret_file", "write a long random secret there, as `openssl rand -hex 32` prints one"
	switch {
	case c.Audit.KeySecretFile == "":
		path, hint = "audit.key_secret_env", "set it where redisgate is started, to what `openssl rand -hex 32` prints"
	case errors.Is(err, fs.ErrPermission):
		hint = "the user that redisgate runs as must be able to read it"
	}
	return c.NewProblem(path, err.Error(), hint)
}
