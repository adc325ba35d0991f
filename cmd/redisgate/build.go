package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"redisgate/audit"
	"redisgate/auth"
	"redisgate/config"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/tlsconf"
	"redisgate/upstream"
	"redisgate/users"
	"redisgate/watch"
)

// built is what a configuration compiles to: all that serve needs to run and
// all that check can try without listening or connecting.
type built struct {
	cfg          *config.Config
	tls          *tlsconf.Loaded       // nil if there are unix listeners only
	tlsOptions   tlsconf.Options       // that it was loaded by
	redisTLS     *tlsconf.Loaded       // towards Redis; nil: none
	redisOptions tlsconf.ClientOptions // that it was loaded by
	users        *users.Set
	directory    users.DirectoryOptions // how ACL commands change them
	clients      *tlsconf.Live          // of tls, once it is followed
	toRedis      *tlsconf.Live          // of redisTLS
	allow, deny  *policy.Networks
	admin        *policy.Networks
	balancers    *policy.Networks
	dialer       *upstream.Dialer
	limits       proxy.Limits
	audit        audit.Options

	// What files held before they were read; it takes a while until they are watched.
	tlsSeen, redisSeen watch.Sum
	seen               map[string]watch.Sum // the others, by name; nil: nobody has looked

	notes   []string // what the operator should look at, though nothing is wrong
	remarks []string // what is as it should be, and may surprise
}

// loadAndBuild reads the file at path and compiles it. The error holds
// everything that is wrong with both.
func loadAndBuild(path string, now time.Time) (*built, error) {
	seen := digests([]string{path})
	b, err := loadAdjustAndBuild(path, now, func(c *config.Config) error {
		maps.Copy(seen, digests(c.Files()))
		return nil
	})
	if b != nil {
		b.seen = seen
	}
	return b, err
}

// loadAdjustAndBuild is loadAndBuild with a last word on what was read, which is called
// before other files are, and may find more problems.
func loadAdjustAndBuild(path string, now time.Time, adjust func(*config.Config) error) (*built, error) {
	cfg, err := loadConfig(path)
	var all config.Problems
	if err != nil && (cfg == nil || !errors.As(err, &all)) {
		return nil, err
	}
	var more config.Problems
	if err := adjust(cfg); err != nil && !errors.As(err, &more) {
		return nil, err
	}
	for _, p := range more {
		if !all.Covers(p.Path) {
			all = append(all, p)
		}
	}
	more = nil
	b, err := build(cfg, now)
	if err != nil && !errors.As(err, &more) {
		return nil, err
	}
	own := all
	for _, p := range more {
		// The file's own problems are nearer to the cause.
		if !own.Covers(p.Path) && !(isClientAuth(p.Path) && slices.ContainsFunc(own, func(q config.Problem) bool { return isClientAuth(q.Path) })) {
			all = append(all, p)
		}
	}
	if len(all) > 0 {
		all.Sort()
		return nil, all
	}
	return b, nil
}

// isClientAuth says whether path is one of the two keys that make sense together
// only: what is wrong with one of them is about both.
func isClientAuth(path string) bool { return path == "tls.client_auth" || path == "tls.client_ca" }

// build compiles cfg. It reads the files that cfg names, and tries all parts
// although one fails: the error is config.Problems. now is what certificates
// expire by.
func build(cfg *config.Config, now time.Time) (*built, error) {
	c := &compiler{cfg: cfg, built: &built{cfg: cfg}}
	c.tls(now)
	c.networks()
	c.users()
	c.upstream(now)
	c.limits()
	c.audit()
	c.watched()
	if len(c.problems)+len(c.filed) > 0 {
		return nil, append(c.problems, c.filed...)
	}
	c.built.notes = append(c.built.notes, notes(c.built)...)
	c.built.remarks = remarks(c.built)
	return c.built, nil
}

type compiler struct {
	cfg      *config.Config
	built    *built
	problems config.Problems // of the configuration
	filed    config.Problems // of other files: the aclfile, lists of networks
}

func (c *compiler) add(path, text, hint string) {
	c.problems = append(c.problems, c.cfg.NewProblem(path, text, hint))
}

func (c *compiler) users() {
	if c.cfg.ACL.File != "" {
		c.filedUsers()
		return
	}
	c.built.directory = users.DirectoryOptions{Config: c.cfg.File(), MaxConnections: c.cfg.Limits.ConnectionsPerUser, Rates: c.ratesPerUser()}
	var definitions []users.Definition
	certificates := c.certificates()
	for i, u := range c.cfg.Users {
		path := fmt.Sprintf("user[%d]", i)
		name := u.Name
		if _, err := policy.ParseUser(name, "", policy.Options{}); err != nil {
			c.add(path+".name", err.Error(), "choose a name without spaces")
			name = "" // the rules are looked at all the same
		}
		parsed, err := policy.ParseUser(name, u.ACL.Text(), policy.Options{Databases: u.Databases, UnsafeScripts: u.UnsafeScripts})
		if err != nil {
			text, hint := aclProblem(u.ACL.Text(), err)
			c.add(path+".acl", text, hint)
			continue
		}
		d := users.Definition{
			User: parsed, MaxConnections: cmp.Or(u.MaxConnections, c.cfg.Limits.ConnectionsPerUser), Rates: userRates(u).Or(c.ratesPerUser()), Slow: c.hashes(path, u.Password),
			Certificates: certificates[i], RequireCertificate: u.RequireCertificate,
		}
		if parsed.NoPass && len(d.Slow) > 0 {
			c.add(path+".password", "acl has nopass: any password would do", "remove nopass from acl, or this key")
		}
		if parsed.NoPass && len(u.Certificates) > 0 {
			c.nopass(i)
		}
		if len(u.Allow) > 0 {
			d.Allow = c.parseNetworks(path+".allow", u.Allow)
		}
		definitions = append(definitions, d)
	}
	if len(c.cfg.Users) == 0 {
		c.add("user", "there is no [[user]]: nobody could log in",
			"write [[user]] with a name and an acl, or name an ACL file in acl.file; `redisgate hash-password` makes the #hash for it")
	}
	if c.problems.Covers("user") {
		return
	}
	set, err := users.NewSet(definitions, nil)
	if err != nil {
		c.add("user", err.Error(), "each user has one [[user]] table")
	}
	c.built.users = set
}

// ratesPerUser are those of users who have none of their own.
func (c *compiler) ratesPerUser() users.Rates {
	l := c.cfg.Limits
	return users.Rates{Commands: int64(l.CommandsPerSecondPerUser), Bytes: int64(l.BytesPerSecondPerUser)}
}

func userRates(u config.User) users.Rates {
	return users.Rates{Commands: int64(u.MaxCommandsPerSecond), Bytes: int64(u.MaxBytesPerSecond)}
}

// hashes compiles the user's passwords that are no part of the rules.
func (c *compiler) hashes(path string, texts []string) []auth.Slow {
	var out []auth.Slow
	for i, text := range texts {
		h, err := auth.ParseSlow(text)
		if err != nil {
			c.add(fmt.Sprintf("%s.password[%d]", path, i), err.Error(), "`redisgate hash-password --argon2id` makes one; it goes in single quotes")
			continue
		}
		out = append(out, h)
	}
	return out
}

func (c *compiler) upstream(now time.Time) {
	u := c.cfg.Upstream
	e := u.Endpoint()
	c.built.dialer = &upstream.Dialer{
		Network: e.Network, Address: e.Address, Username: u.Username,
		Timeout: u.ConnectTimeout.Std(), Remote: u.UnsafeRemote,
	}
	c.redisTLS(now)
	if u.PasswordFile == "" && u.PasswordEnv == "" {
		return
	}
	c.built.dialer.Password = u.ReadPassword
	if _, err := u.ReadPassword(); err != nil {
		c.problems = append(c.problems, c.cfg.PasswordProblem(err))
	}
}

func (c *compiler) limits() {
	l, in := c.cfg.Limits, c.cfg.Listen
	c.built.limits = proxy.Limits{
		CommandBytes:  int64(l.MaxCommandBytes),
		ArgumentBytes: int64(l.MaxArgumentBytes),
		BufferedBytes: int64(l.MaxBufferedCommandBytes),
		Arguments:     l.MaxArguments,
		// An int of 32 bits holds less than the file may say.
		OutputBytes:     int(min(int64(l.OutputBuffer), math.MaxInt)),
		OutputTimeout:   l.OutputTimeout.Std(),
		Memory:          int64(l.Memory),
		AddressCommands: int64(l.CommandsPerSecondPerAddress),
		AddressBytes:    int64(l.BytesPerSecondPerAddress),
		RefuseOverRate:  l.RateExceeded == "error",
		AuthTimeout:     in.AuthTimeout.Std(),
		IdleTimeout:     in.IdleTimeout.Std(),
		RequestTimeout:  in.RequestTimeout.Std(),
	}
}
