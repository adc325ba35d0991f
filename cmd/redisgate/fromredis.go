package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"redisgate/aclfile"
	"redisgate/config"
	"redisgate/doctor"
	"redisgate/migration"
	"redisgate/tlsconf"
	"redisgate/upstream"
)

// origin is the Redis that init carries users over from.
type origin struct {
	address, username, passwordFile string
	ca, cert, key                   string
	remote, noPass                  bool

	endpoint config.Endpoint
	secure   bool
}

// Time for one question, and for all of them.
const (
	originTimeout  = 5 * time.Second
	originPatience = time.Minute
)

// originPassword is the environment variable that redis-cli reads, too.
const originPassword = "REDISCLI_AUTH"

// check reads the flags; given says which are there.
func (o *origin) check(given func(flag string) bool) error {
	if !given("from-redis") {
		for _, name := range []string{"username", "password-file", "ca", "cert", "key", "unsafe-remote", "keep-nopass"} {
			if given(name) {
				return hinted("add --from-redis ADDRESS, or leave it out", "--%s is of no use without --from-redis", name)
			}
		}
		return nil
	}
	const example = "for example --from-redis 127.0.0.1:6379, --from-redis rediss://127.0.0.1:6379 or --from-redis unix:///run/redis/redis.sock"
	text := o.address
	if rest, ok := strings.CutPrefix(text, "rediss://"); ok {
		text, o.secure = rest, true
	} else {
		text = strings.TrimPrefix(text, "redis://")
	}
	if strings.Contains(text, "@") { // which is not repeated: it may be a password
		return hinted("name a user by --username and a file with the password by --password-file; everybody on this machine can see what a program is called with", "--from-redis takes an address, without a user and a password")
	}
	e, err := config.ParseEndpoint(text)
	switch {
	case err != nil:
		return hinted(example, "--from-redis: %w", err)
	case e.Unix() && o.secure:
		return hinted("write unix:///path, without rediss://", "--from-redis: a unix socket has no TLS")
	case !e.Unix() && e.Host() == "":
		return hinted(example, "--from-redis: %q names no host", text)
	case !o.secure && (o.ca != "" || o.cert != "" || o.key != ""):
		return hinted("write --from-redis rediss://"+text, "--ca, --cert and --key are for a Redis with TLS")
	case (o.cert == "") != (o.key == ""):
		return hinted("name both files", "--cert and --key go together")
	case !e.Unix() && !e.Local() && !o.remote:
		return hinted("run init beside Redis, where redisgate should be too; or add --unsafe-remote, with rediss:// unless the network is all yours",
			"%q is not on this machine", text)
	}
	o.endpoint, o.address = e, text
	for _, path := range []*string{&o.ca, &o.cert, &o.key} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
		if !plainPath(*path) {
			return hinted("choose a file whose whole path is plain text", "%q cannot stand in a configuration", *path)
		}
	}
	return nil
}

// taken is what was learned from a Redis.
type taken struct {
	from         *origin
	users        migration.Result
	names        []string // of all users there, those that are not carried over too
	facts        doctor.Facts
	certificates bool     // Redis asks clients with TLS for one
	renamed      []string // commands that Redis does not know by their names
}

// take asks Redis. It changes nothing there.
func (o *origin) take(ctx context.Context, stdin io.Reader, prompt io.Writer) (*taken, error) {
	q, err := o.inquire(ctx, stdin, prompt)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	ctx, cancel := context.WithTimeout(ctx, originPatience)
	defer cancel()

	lines, err := userLines(q.Ask(ctx, "ACL", "LIST"))
	if err != nil {
		return nil, hinted(hintOfList(err), "Redis at %s: ACL LIST: %s", o.address, clean(err.Error()))
	}
	t := &taken{from: o}
	if t.users, err = migration.Users(lines, migration.Options{NoPass: o.noPass}); err != nil {
		return nil, hinted("is this a Redis, version 7 or newer?", "Redis at %s: %s", o.address, clean(err.Error()))
	}
	for _, line := range lines {
		t.names = append(t.names, strings.Split(line, " ")[1])
	}
	if t.facts, err = doctor.Gather(ctx, t.gate(), q, nil, nil); err != nil {
		return nil, hinted("is it running, and does it answer others?", "Redis at %s: %s", o.address, clean(err.Error()))
	}
	if pair, err := q.Ask(ctx, "CONFIG", "GET", "tls-auth-clients"); err == nil {
		list, _ := pair.([]any)
		t.certificates = len(list) == 2 && list[1] == "yes"
	}
	t.renamed = renamed(q.Ask(ctx, append([]string{"COMMAND", "INFO"}, oftenRenamed...)...))
	return t, nil
}

// userLines are the lines of ACL LIST.
func userLines(reply any, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	list, ok := reply.([]any)
	if !ok || len(list) == 0 {
		return nil, errors.New("the answer is no list of users")
	}
	var lines []string
	for _, v := range list {
		line, ok := v.(string)
		if !ok {
			return nil, errors.New("the answer is no list of users")
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func hintOfList(err error) string {
	var answer *upstream.AnswerError
	switch {
	case !errors.As(err, &answer):
		return "is this a Redis, and does it answer others?"
	case strings.HasPrefix(answer.Text, "NOPERM"):
		return "name a user who may ask, by --username: an administrator, or one with +acl|list"
	case strings.HasPrefix(answer.Text, "NOAUTH"):
		return "name the password by --password-file"
	}
	return "redisgate needs Redis 7 or newer; rename-command may have taken ACL away"
}

// oftenRenamed are commands that every Redis has, and that people rename in redis.conf.
var oftenRenamed = []string{"config", "debug", "eval", "flushall", "flushdb", "keys", "monitor", "replicaof", "save", "shutdown"}

func renamed(reply any, err error) []string {
	list, _ := reply.([]any)
	if err != nil || len(list) != len(oftenRenamed) {
		return nil // which is said of all that could not be seen
	}
	var out []string
	for i, v := range list {
		if v == nil {
			out = append(out, strings.ToUpper(oftenRenamed[i]))
		}
	}
	return out
}

// inquire logs in, and asks for a password if Redis wants one.
func (o *origin) inquire(ctx context.Context, stdin io.Reader, prompt io.Writer) (*upstream.Inquiry, error) {
	d := &upstream.Dialer{Network: o.endpoint.Network, Address: o.endpoint.Address, Username: o.username, Timeout: originTimeout, Remote: o.remote}
	if o.secure {
		loaded, err := tlsconf.LoadClient(tlsconf.ClientOptions{CA: o.ca, Cert: o.cert, Key: o.key, ServerName: o.endpoint.Host(), Now: time.Now()})
		if err != nil {
			return nil, hinted("--ca, --cert and --key name files in PEM", "%w", err)
		}
		d.TLS = func() *tls.Config { return loaded.Config }
	}
	file := config.Upstream{PasswordFile: o.passwordFile}
	if o.passwordFile == "" && os.Getenv(originPassword) != "" {
		file.PasswordEnv = originPassword
	}
	terminal, _ := stdin.(*os.File)
	asks := terminal != nil && term.IsTerminal(int(terminal.Fd()))
	switch {
	case file != config.Upstream{}:
		d.Password = file.ReadPassword
		if _, err := d.Password(); err != nil {
			return nil, hinted("name a file that holds the password of that user of Redis and nothing else", "the password for Redis: %w", err)
		}
	case o.username != "" && !asks:
		return nil, hinted("name the file with its password: --password-file FILE", "--username is without a password")
	}
	q, err := (*upstream.Inquiry)(nil), error(nil)
	if o.username == "" || d.Password != nil {
		q, err = upstream.Inquire(ctx, d)
	}
	if (q == nil && err == nil || wantsPassword(err)) && d.Password == nil && asks {
		password, problem := o.ask(ctx, int(terminal.Fd()), prompt)
		if problem != nil {
			return nil, problem
		}
		d.Password = func() (string, error) { return string(password), nil }
		q, err = upstream.Inquire(ctx, d)
	}
	if err != nil {
		return nil, hinted(o.hint(err), "Redis at %s: %s", o.address, clean(err.Error()))
	}
	return q, nil
}

func (o *origin) ask(ctx context.Context, fd int, prompt io.Writer) (password []byte, err error) {
	err = asking(ctx, fd, prompt, func(ask func(string) ([]byte, error)) error {
		password, err = ask(fmt.Sprintf("Password of Redis's user %q: ", cmp.Or(o.username, "default")))
		if err == nil && len(password) == 0 {
			return errNoPassword
		}
		return err
	})
	return password, err
}

func wantsPassword(err error) bool {
	var refused *upstream.RefusedError
	return errors.As(err, &refused) && strings.HasPrefix(refused.Text, "NOAUTH")
}

func (o *origin) hint(err error) string {
	var refused *upstream.RefusedError
	switch {
	case wantsPassword(err):
		return "it wants a password: --password-file FILE, or the environment variable " + originPassword
	case errors.As(err, &refused):
		return "look at --username and --password-file"
	case o.secure:
		return "is this its port for TLS, and is the authority that signed its certificate in --ca? A Redis that asks for a certificate (tls-auth-clients) needs --cert and --key"
	}
	return "is a Redis running there, and is this its plain port? One with TLS is rediss://HOST:PORT"
}

// gate is what doctor looks at Redis for.
func (t *taken) gate() doctor.Gate {
	o, defaults := t.from, config.Default()
	g := doctor.Gate{
		Local: o.endpoint.Local() || onThisMachine(o.endpoint.Host()), Account: cmp.Or(o.username, "default"), Address: o.address,
		Shared: defaults.Upstream.MaxShared, Dedicated: defaults.Upstream.MaxDedicated,
		Argument: int64(defaults.Limits.MaxArgumentBytes), Command: int64(defaults.Limits.MaxCommandBytes),
	}
	if !o.endpoint.Unix() {
		g.TCPPort = portOf(o.endpoint)
	}
	for _, u := range t.users.Users {
		if u.Enabled {
			g.Users = append(g.Users, u)
		}
	}
	return g
}

// cli is how a shell calls redis-cli for that Redis, as the user who has asked.
func (o *origin) cli() string {
	words := []string{"redis-cli"}
	if o.passwordFile != "" {
		words = []string{originPassword + `="$(cat ` + quote(o.passwordFile) + `)"`, "redis-cli"}
	}
	if o.endpoint.Unix() {
		words = append(words, "-s", quote(o.endpoint.Address))
	} else {
		host, port, _ := net.SplitHostPort(o.endpoint.Address)
		words = append(words, "-h", quote(host), "-p", port)
	}
	if o.secure {
		words = append(words, "--tls")
	}
	for _, f := range []struct{ flag, value string }{{"--cacert", o.ca}, {"--cert", o.cert}, {"--key", o.key}, {"--user", o.username}} {
		if f.value != "" {
			words = append(words, f.flag, quote(f.value))
		}
	}
	return strings.Join(words, " ")
}

// free is name, or one like it that Redis has no user of.
func (t *taken) free(name string) string {
	for i, candidate := 2, name; ; i++ {
		if !slices.Contains(t.names, candidate) && len(candidate) < 64 {
			return candidate
		}
		candidate = fmt.Sprintf("%s-%d", name, i)
		if i > aclfile.MaxUsers+1 {
			return candidate
		}
	}
}
