package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Validate returns everything that is wrong with the values and their
// combinations, as Problems, or nil. It opens no file and asks no name
// server.
func (c *Config) Validate() error {
	all := c.problems()
	for i := range all {
		all[i] = c.place(all[i])
	}
	return all.err()
}

type validator struct{ problems Problems }

func (v *validator) add(path, hint, format string, args ...any) {
	v.problems = append(v.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...), Hint: hint})
}

func (v *validator) err(path string, err error) {
	if err != nil {
		v.problems = append(v.problems, problemAt(path, err))
	}
}

func (c *Config) problems() Problems {
	v := &validator{}
	c.listen(v)
	c.tls(v)
	c.network(v)
	c.upstream(v)
	c.users(v)
	c.auth(v)
	c.limits(v)
	c.observability(v)
	c.audit(v)
	c.clashes(v)
	return v.problems
}

// clashes finds addresses that two parts of redisgate would want, or at which it
// would find itself in place of Redis.
func (c *Config) clashes(v *validator) {
	up, upErr := ParseEndpoint(c.Upstream.Address)
	m, mErr := ParseEndpoint(c.Metrics.Address)
	if upErr == nil && mErr == nil && up.meets(m) {
		v.add("metrics.address", "choose another port, such as 9122", "%q is where upstream.address says that Redis is", c.Metrics.Address)
	}
	if e := c.Listen.HandoverEndpoint(); c.Listen.Handover != "" && (e == up || slices.Contains(c.Listen.Endpoints(), e)) {
		v.add("listen.handover", `choose a path of its own, such as "/run/redisgate/handover.sock"`, "%q is where clients connect, or Redis listens", c.Listen.Handover)
	}
	for _, e := range c.Listen.Endpoints() {
		if upErr == nil && e.meets(up) {
			v.add("upstream.address", "Redis's own port is 6379; let redisgate listen on another, such as 6380",
				"%q is where redisgate itself listens", c.Upstream.Address)
		}
		if mErr == nil && e.meets(m) {
			v.add("metrics.address", "choose another port, such as 9122", "%q is in listen.address too", c.Metrics.Address)
		}
	}
}

func (c *Config) listen(v *validator) {
	l := &c.Listen
	if len(l.Address) == 0 {
		v.add("listen.address", `write an address, such as "127.0.0.1:6380"`, "is empty")
	}
	seen := map[Endpoint]bool{}
	for i, s := range l.Address {
		path := "listen.address"
		if len(l.Address) > 1 {
			path = fmt.Sprintf("%s[%d]", path, i)
		}
		e, err := ParseEndpoint(s)
		if err == nil && !e.Unix() {
			err = listenHost(e)
		}
		v.address(path, err, s, "6380", `, ":6380" for all addresses of this machine, or "unix:///run/redisgate/redisgate.sock"`)
		if err == nil && seen[e] && !strings.HasSuffix(e.Address, ":0") {
			v.add(path, "remove one of the two", "%q is listed twice", s)
		} else if err == nil {
			for o := range seen {
				if o.meets(e) {
					v.add(path, "remove one of the two", "%q and %q are the same address for one of this machine's: only one can listen", s, o.Address)
				}
			}
		}
		if err == nil {
			seen[e] = true
		}
	}
	v.between("listen.max_connections", int64(l.MaxConnections), 1, 1_000_000)
	v.between("listen.workers", int64(l.Workers), 0, 1024)
	v.networks("listen.proxy_protocol_from", l.ProxyProtocolFrom)
	v.positive("listen.proxy_protocol_timeout", l.ProxyProtocolTimeout)
	v.positive("listen.handshake_timeout", l.HandshakeTimeout)
	v.positive("listen.auth_timeout", l.AuthTimeout)
	v.positive("listen.request_timeout", l.RequestTimeout)
	v.positive("listen.drain_timeout", l.DrainTimeout)
	v.socket("listen.handover", l.Handover)
	if l.UnixMode&0o600 != 0o600 {
		v.add("listen.unix_mode", `its owner must be able to connect: "0600" or "0660"`, "%s leaves out the owner", l.UnixMode)
	}
}

// socket refuses what is no path of a unix socket; "" is none and right.
func (v *validator) socket(path, name string) {
	if name == "" {
		return
	}
	p := Problem{Path: path}
	switch _, err := ParseEndpoint(unixScheme + name); {
	case strings.HasPrefix(name, unixScheme):
		p.Text = fmt.Sprintf("%q is not a path", name)
	case err != nil:
		p = problemAt(path, err)
	default:
		return
	}
	if p.Hint == "" {
		p.Hint = `write a path alone, such as "/run/redisgate/handover.sock"`
	}
	v.problems = append(v.problems, p)
}

// listenHost refuses names: which of their addresses would be listened on
// depends on the name server of the day.
func listenHost(e Endpoint) error {
	host := e.Host()
	if host == "" || strings.EqualFold(host, "localhost") {
		return nil
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return hinted("", "%q is not an address of this machine", host)
	}
	return nil
}

func (c *Config) tls(v *validator) {
	t := &c.TLS
	tcp := slices.ContainsFunc(c.Listen.Endpoints(), func(e Endpoint) bool { return !e.Unix() })
	if tcp && t.Cert == "" {
		v.add("tls.cert", "`redisgate init DIR` makes one; unix:// listeners need none", "a TCP listener needs a certificate")
	}
	if tcp && t.Key == "" {
		v.add("tls.key", "`redisgate init DIR` makes one; unix:// listeners need none", "a TCP listener needs a key")
	}
	v.oneOf("tls.min_version", t.MinVersion, "1.2", "1.3")
	v.oneOf("tls.client_auth", t.ClientAuth, "none", "optional", "require")
	switch {
	case t.ClientAuth == "none" && t.ClientCA != "":
		v.add("tls.client_auth", `write "require" or "optional", or remove tls.client_ca`,
			"is \"none\", so tls.client_ca would have no effect")
	case (t.ClientAuth == "optional" || t.ClientAuth == "require") && t.ClientCA == "":
		v.add("tls.client_ca", "name a PEM file with the CAs that sign client certificates",
			"tls.client_auth = %q needs it", t.ClientAuth)
	}
	for i, more := range t.Certificates {
		path := fmt.Sprintf("tls.certificate[%d].", i)
		if more.Cert == "" {
			v.add(path+"cert", "name a PEM file with the certificate for the other name", "is missing")
		}
		if more.Key == "" {
			v.add(path+"key", "name a PEM file with its key", "is missing")
		}
	}
	v.files("tls.crl", t.CRL)
	if len(t.CRL) > 0 && t.ClientAuth == "none" {
		v.add("tls.crl", `write tls.client_auth = "optional" or "require", or remove it`, `has no effect, since tls.client_auth is "none"`)
	}
}

// files looks at a list of files, of which there need be none.
func (v *validator) files(path string, list Files) {
	for i, name := range list {
		if name == "" {
			v.add(fmt.Sprintf("%s[%d]", path, i), "write the file's name, or remove it", "names no file")
		}
	}
}

func (c *Config) network(v *validator) {
	n := &c.Network
	if len(n.Allow) == 0 && len(n.AllowFile) == 0 {
		v.add("network.allow", `list the clients' networks, such as ["10.0.0.0/8"]; ["0.0.0.0/0", "::/0"] admits everybody`,
			"is empty: nobody could connect")
	}
	v.networks("network.allow", n.Allow)
	v.networks("network.deny", n.Deny)
	v.fileNames("network.allow_file", n.AllowFile)
	v.fileNames("network.deny_file", n.DenyFile)
	v.networks("network.admin_from", n.AdminFrom)
}

func (c *Config) upstream(v *validator) {
	u := &c.Upstream
	e, err := ParseEndpoint(u.Address)
	v.address("upstream.address", err, u.Address, "6379", ` or "unix:///run/redis/redis.sock"`)
	if err == nil {
		switch port := e.Address[strings.LastIndexByte(e.Address, ':')+1:]; {
		case !e.Unix() && e.Host() == "":
			v.add("upstream.address", `write "127.0.0.1:6379" or "unix:///run/redis/redis.sock"`, "%q has no host", u.Address)
		case !e.Unix() && port == "0":
			v.add("upstream.address", "Redis's own port is 6379", "port 0 cannot be dialled")
		case !e.Local() && !u.UnsafeRemote:
			v.add("upstream.address",
				"let redisgate run beside Redis and use 127.0.0.1 or a unix socket; unsafe_remote = true permits it, and without tls = true sends passwords and data unencrypted over the network",
				"%q is not on this machine", u.Address)
		}
	}
	c.upstreamTLS(v, err == nil && e.Unix())
	if u.PasswordFile != "" && u.PasswordEnv != "" {
		v.add("upstream.password_env", "remove one of the two", "password_file is set too")
	}
	if !envName(u.PasswordEnv) {
		// The value is not repeated: it may be the password itself.
		v.add("upstream.password_env", `write the variable's name, such as "REDIS_PASSWORD"`, "is not the name of an environment variable")
	}
	if u.Username != "" && u.PasswordFile == "" && u.PasswordEnv == "" {
		v.add("upstream.username", "set password_file or password_env too", "has no password")
	}
	v.positive("upstream.connect_timeout", u.ConnectTimeout)
	v.between("upstream.max_shared", int64(u.MaxShared), 1, 1<<16)
	v.between("upstream.max_dedicated", int64(u.MaxDedicated), 1, 1<<20)
	v.between("upstream.max_dedicated_per_user", int64(u.MaxDedicatedPerUser), 1, 1<<20)
}

func (c *Config) upstreamTLS(v *validator, unix bool) {
	u := &c.Upstream
	if !u.TLS {
		for _, k := range []struct{ key, value string }{{"ca", u.CA}, {"cert", u.Cert}, {"key", u.Key}, {"server_name", u.ServerName}} {
			if k.value != "" {
				v.add("upstream."+k.key, "write tls = true, or remove it", "has no effect without upstream.tls")
			}
		}
		return
	}
	switch {
	case unix:
		v.add("upstream.tls", "remove it: what goes through a unix socket stays on this machine", "a unix socket has no TLS")
	case u.Cert != "" && u.Key == "":
		v.add("upstream.key", "name the PEM file with the certificate's key", "is missing: upstream.cert is set")
	case u.Cert == "" && u.Key != "":
		v.add("upstream.cert", "name the PEM file with the key's certificate", "is missing: upstream.key is set")
	}
}

func envName(s string) bool {
	for i, r := range s {
		digit := r >= '0' && r <= '9'
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (!digit || i == 0) {
			return false
		}
	}
	return true
}

func (c *Config) auth(v *validator) {
	v.between("auth.free_attempts", int64(c.Auth.FreeAttempts), 1, 1_000_000)
	if l := c.Auth.Lockout.Std(); l < time.Second || l > 24*time.Hour {
		v.add("auth.lockout", `write a time from "1s" to "24h"`, "%s is out of range", c.Auth.Lockout)
	}
}

func (c *Config) limits(v *validator) {
	l := &c.Limits
	v.between("limits.connections_per_user", int64(l.ConnectionsPerUser), 0, 1_000_000)
	v.between("limits.connections_per_address", int64(l.ConnectionsPerAddress), 0, 1_000_000)
	v.between("limits.commands_per_second_per_user", int64(l.CommandsPerSecondPerUser), 0, maxRate)
	v.between("limits.commands_per_second_per_address", int64(l.CommandsPerSecondPerAddress), 0, maxRate)
	v.byteRate("limits.bytes_per_second_per_user", l.BytesPerSecondPerUser)
	v.byteRate("limits.bytes_per_second_per_address", l.BytesPerSecondPerAddress)
	v.oneOf("limits.rate_exceeded", l.RateExceeded, "wait", "error")
	v.sizeFrom("limits.max_command_bytes", l.MaxCommandBytes, 64<<10)
	v.sizeFrom("limits.max_argument_bytes", l.MaxArgumentBytes, 1<<10)
	v.sizeFrom("limits.max_buffered_command_bytes", l.MaxBufferedCommandBytes, 64<<10)
	v.between("limits.max_arguments", int64(l.MaxArguments), 16, 1<<31-1)
	v.sizeFrom("limits.output_buffer", l.OutputBuffer, 64<<10)
	v.sizeFrom("limits.memory", l.Memory, 1<<20)
	v.positive("limits.output_timeout", l.OutputTimeout)
	v.atMost("limits.max_argument_bytes", l.MaxArgumentBytes, "limits.max_command_bytes", l.MaxCommandBytes)
	v.atMost("limits.max_buffered_command_bytes", l.MaxBufferedCommandBytes, "limits.max_command_bytes", l.MaxCommandBytes)
	v.atMost("limits.output_buffer", l.OutputBuffer, "limits.memory", l.Memory)
}

func (c *Config) observability(v *validator) {
	if c.Metrics.Address != "" {
		e, err := ParseEndpoint(c.Metrics.Address)
		switch {
		case err != nil:
		case e.Unix():
			err = hinted("", "metrics are served over TCP only")
		default:
			err = listenHost(e)
		}
		v.address("metrics.address", err, c.Metrics.Address, "9121", ` or "" to switch metrics off`)
	}
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")
}

func (v *validator) networks(path string, list []string) {
	for i, s := range list {
		if err := checkNetwork(s); err != nil {
			v.err(fmt.Sprintf("%s[%d]", path, i), err)
		}
	}
}

func (v *validator) fileNames(path string, files []string) {
	for i, s := range files {
		if s == "" {
			v.add(fmt.Sprintf("%s[%d]", path, i), "name a file, or remove it", "is empty")
		}
	}
}

// checkNetwork accepts an address or a prefix without host bits, neither with
// a zone.
func checkNetwork(s string) error {
	const hint = `write a network such as "10.0.0.0/8" or "fd00::/8", or one address`
	const everybody = `"0.0.0.0/0" and "::/0" are everybody`
	switch s {
	case "*", "any", "all", "0.0.0.0", "::":
		return hinted(everybody, "%q is not a network", s)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return hinted(hint, "%q has a zone, which cannot be matched", s)
		}
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return hinted(hint, "%q is not a network", s)
	}
	if p.Addr().Is4In6() && p.Bits() < 96 {
		return hinted("write the IPv4 network itself", "%q mixes IPv6 with mapped IPv4 addresses", s)
	}
	if p != p.Masked() {
		return hinted(fmt.Sprintf("write %q for the network, or %q for the one address", p.Masked(), p.Addr()),
			"%q has bits set beyond its prefix length", s)
	}
	return nil
}

func (v *validator) between(path string, n, low, high int64) {
	if n < low || n > high {
		v.add(path, fmt.Sprintf("write a number from %d to %d", low, high), "%d is out of range", n)
	}
}

// maxSize is far above what a process has, and far below where sums of a few
// sizes would overflow.
const maxSize Size = 1 << 40

func (v *validator) sizeFrom(path string, n, low Size) {
	if n < low || n > maxSize {
		v.add(path, fmt.Sprintf("write a size from %q to %q", low, maxSize), "%s is out of range", n)
	}
}

func (v *validator) positive(path string, d Duration) {
	if d <= 0 {
		v.add(path, `write a time such as "10s"`, "must be longer than 0")
	}
}

func (v *validator) atMost(path string, n Size, otherPath string, other Size) {
	if n > other {
		v.add(path, fmt.Sprintf("write at most %q, or raise %s", other, otherPath), "%s is more than %s, which is %s", n, otherPath, other)
	}
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		hint := fmt.Sprintf("write one of %q", allowed)
		if near := Nearest(value, allowed); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		v.add(path, hint, "%q is not supported", value)
	}
}
