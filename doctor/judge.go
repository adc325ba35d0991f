package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Judge returns what is wrong, the worst first.
func Judge(f Facts, g Gate) []Finding {
	j := &judge{f: f, g: g}
	j.version()
	j.reach()
	j.stranger()
	j.process()
	j.account()
	j.settings()
	slices.SortStableFunc(j.out, func(a, b Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	return j.out
}

type judge struct {
	f   Facts
	g   Gate
	out []Finding
}

func (j *judge) find(s Severity, about, text string, fix ...string) {
	j.out = append(j.out, Finding{s, about, text, fix})
}

// set is a setting's fix, in the file and at once.
func (j *judge) set(name, value string) []string {
	quoted := value
	if strings.Contains(value, " ") {
		quoted = "'" + value + "'"
	}
	return []string{"redis.conf: " + name + " " + value, j.g.CLI + " CONFIG SET " + name + " " + quoted}
}

// setting is a setting's number.
func (j *judge) setting(name string) (int64, bool) {
	n, err := strconv.ParseInt(j.f.Settings[name], 10, 64)
	return n, err == nil
}

func (j *judge) version() {
	oldest, others := 7, "Redis 7.0 or newer"
	if j.f.Name == "valkey" {
		oldest, others = 8, "Valkey 8 or newer"
	}
	major, _, _ := strings.Cut(j.f.Version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldest {
		j.find(Critical, "version", fmt.Sprintf("%s is version %s: redisgate knows %s, and what it forwards may mean something else there", j.f.Name, j.f.Version, others), "install "+others)
	}
	if m := j.f.Mode; m != "" && m != "standalone" {
		j.find(High, "mode", fmt.Sprintf("this Redis runs as a %s, and redisgate stands in front of a single one", m), "redis.conf: cluster-enabled no")
	}
}

// open says whether strangers are let in, as far as it is known.
func (j *judge) open() bool { return j.f.Open != nil && *j.f.Open }

// reach judges who can connect to Redis without redisgate.
func (j *judge) reach() {
	if !j.g.Local {
		j.find(High, "remote", "Redis is on another machine: passwords and data cross the network unencrypted, and whoever reaches its port can go around redisgate", "run redisgate on the machine of Redis, and clients through it")
		return
	}
	bind, bound := j.f.Settings["bind"]
	fix := append(j.set("bind", "127.0.0.1 -::1"), "or better redis.conf: port 0, with unixsocket /run/redis/redis.sock and unixsocketperm 770")
	switch {
	case len(j.f.Reached) > 0:
		severity := High
		var at []string
		for _, r := range j.f.Reached {
			at = append(at, r.Address+" ("+string(r.Answer)+")")
			if r.Answer == AnswersAll {
				severity = Critical
			}
		}
		j.find(severity, "reach", "Redis answers at addresses of this machine that others may reach, so that clients can go around redisgate: "+strings.Join(at, ", "), fix...)
	case bound && j.listens() && !onlyLoopback(bind):
		j.find(Medium, "bind", fmt.Sprintf("Redis listens on more than loopback (bind %q), though it was not reached at another address of this machine just now", bind), fix...)
	}
	if j.f.Settings["protected-mode"] == "no" {
		severity := Low
		if j.open() && j.listens() {
			severity = High
		}
		j.find(severity, "protected-mode", "protected mode is off: nothing refuses other machines if Redis comes to listen there without a password", j.set("protected-mode", "yes")...)
	}
}

// listens says whether Redis listens on TCP at all, for all that is known.
func (j *judge) listens() bool {
	return j.f.Settings["port"] != "0" || j.f.Settings["tls-port"] != "0" && j.f.Settings["tls-port"] != ""
}

// onlyLoopback reads bind: addresses, of which one with a '-' may be missing
// (redis.conf). None at all means that nothing listens.
func onlyLoopback(bind string) bool {
	for _, word := range strings.Fields(bind) {
		word = strings.TrimPrefix(word, "-")
		a, err := netip.ParseAddr(word)
		if word != "localhost" && (err != nil || !a.IsLoopback()) {
			return false
		}
	}
	return true
}

// stranger judges what who has no password of redisgate's may do.
func (j *judge) stranger() {
	off := j.g.CLI + " ACL SETUSER default off"
	if j.open() {
		severity := High
		if slices.ContainsFunc(j.f.Reached, func(r Reach) bool { return r.Answer == AnswersAll }) {
			severity = Critical
		}
		j.find(severity, "password", "Redis lets in whoever connects, without a password: every program that reaches its port or socket does what it likes, around redisgate",
			"redis.conf: requirepass and a long random password, which upstream.password_file then names", "or, once redisgate has an account of its own, "+off)
	}
	if len(j.f.Dangerous) > 0 && (j.f.Default == nil || j.f.Default.Enabled || j.open()) {
		severity := Medium
		if j.open() {
			severity = High
		}
		j.find(severity, "default-user", "the user \"default\" may run "+strings.Join(j.f.Dangerous, ", ")+": whoever gets in as it can stop, empty or take over the server",
			"give redisgate an account of its own, as below, and administrators one of theirs, then "+off)
	}
	for _, name := range []string{"enable-debug-command", "enable-module-command", "enable-protected-configs"} {
		if v, ok := j.f.Settings[name]; ok && v != "no" {
			j.find(Medium, name, fmt.Sprintf("%s is %q: it opens what can crash Redis or run code in it", name, v), "redis.conf: "+name+" no (and restart Redis: it cannot be set while it runs)")
		}
	}
}

// process judges how Redis runs on this machine.
func (j *judge) process() {
	if j.f.Root != nil && *j.f.Root {
		j.find(High, "root", "Redis runs as root: who gets through to it gets the machine", "run it as a user of its own, as the packages do: systemd: User=redis")
	}
	for _, f := range j.f.Exposed {
		severity, text, fix := Medium, fmt.Sprintf("every user of this machine can read %s %s (mode %04o), which may have passwords", f.What, f.Path, f.Mode), fmt.Sprintf("chmod %04o '%s'", f.Mode&^0o007, f.Path)
		if f.What == "the socket" {
			text = fmt.Sprintf("every user of this machine can connect to %s %s (mode %04o)", f.What, f.Path, f.Mode)
			fix = fmt.Sprintf("redis.conf: unixsocketperm %o", f.Mode&^0o007)
			if j.open() {
				severity = High
			}
		}
		j.find(severity, "files", text, fix)
	}
}
