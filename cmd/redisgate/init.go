package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"redisgate/auth"
	"redisgate/config"
	"redisgate/configs"
	"redisgate/tlsconf"
)

// Lifetimes of what init makes. Nothing renews these certificates: the
// authority stays for its successors, and /metrics shows when the server's ends.
const (
	authorityLifetime = 10 * 365 * 24 * time.Hour
	serverLifetime    = 825 * 24 * time.Hour // the most that macOS accepts
)

// firstUser may do everyday things and nothing that endangers the server.
const (
	firstUser  = "app"
	firstRules = "on %s ~* &* -@all +@read +@write +@connection +@transaction +@pubsub -@admin -@dangerous"
)

func newInit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Write a working set-up into a directory",
		Long: `init writes a configuration with every key and a comment to each, a certificate
authority, a server certificate, a password for Redis, and a first user whose
password it shows once. It never overwrites a file.

With --from-redis it asks a Redis that you have for its users and writes them into an
ACL file, with the passwords that they have, and a command that makes an account with
the least rights for redisgate there. It changes nothing in Redis, and says what is not
as it was. That Redis's password is in --password-file, in REDISCLI_AUTH, or is asked
for. docs/MIGRATE.md leads through a whole move.`,
		Example: `  redisgate init ./redisgate
  redisgate init --name redis.example.com --name 192.0.2.7 /etc/redisgate
  redisgate init --from-redis 127.0.0.1:6379 ./redisgate
  redisgate init --from-redis rediss://127.0.0.1:6379 --ca ca.crt --username admin ./redisgate`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return hinted("for example `redisgate init ./redisgate`", "init takes one directory")
			}
			return nil
		},
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	names := cmd.Flags().StringArray("name", nil, "a host `NAME` or address in the server certificate, besides localhost (repeatable)")
	var from origin
	cmd.Flags().StringVar(&from.address, "from-redis", "", "carry over the users of the Redis at this `ADDRESS`: host:port, rediss://host:port or unix:///path")
	cmd.Flags().StringVar(&from.username, "username", "", "ask that Redis as this `USER`")
	cmd.Flags().StringVar(&from.passwordFile, "password-file", "", "the `FILE` with the password for that")
	cmd.Flags().StringVar(&from.ca, "ca", "", "`FILE` of the authorities that may have signed that Redis's certificate, if not the system's")
	cmd.Flags().StringVar(&from.cert, "cert", "", "`FILE` of a certificate to show to that Redis")
	cmd.Flags().StringVar(&from.key, "key", "", "`FILE` of its key")
	cmd.Flags().BoolVar(&from.remote, "unsafe-remote", false, "that Redis may be on another machine")
	cmd.Flags().BoolVar(&from.noPass, "keep-nopass", false, "users who need no password stay on")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var taken *taken
		if err := from.check(cmd.Flags().Changed); err != nil {
			return err
		}
		if from.address != "" {
			var err error
			if taken, err = from.take(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
				return err
			}
		}
		return initialise(args[0], *names, taken, time.Now(), cmd.OutOrStdout())
	}
	return cmd
}

// file is one that init writes.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// What is handed out may be read by everybody, all else by its owner alone.
const (
	public  fs.FileMode = 0o644
	private fs.FileMode = 0o600
)

// initialise writes the files. taken is what was carried over, or nil.
func initialise(dir string, names []string, taken *taken, now time.Time, stdout io.Writer) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if !plainPath(abs) {
		return hinted("choose a directory whose whole path is plain text", "%q cannot stand in a configuration", abs)
	}
	files, err := certificates(names, now)
	if err != nil {
		return err
	}
	if taken != nil {
		return taken.write(dir, abs, files, stdout)
	}
	userPassword, redisPassword := newPassword(), newPassword()
	socket := socketIn(abs)
	toml, err := firstConfig(socket, auth.Rule(auth.Hash([]byte(userPassword))))
	if err != nil {
		return err
	}
	files = append(files,
		file{"redisgate.toml", private, []byte(toml)},
		file{"redis.password", private, []byte(redisPassword + "\n")},
		file{"redis.conf", private, redisConf(abs, socket, redisPassword)},
	)
	if err := writeNew(abs, files); err != nil {
		return err
	}
	path := func(name string) string { return quote(filepath.Join(abs, name)) }
	_, err = fmt.Fprintf(stdout, initText, dir, firstUser, userPassword, self(), path("redisgate.toml"), path("ca.crt"), path("redis.conf"), elsewhere(socket))
	return err
}

// elsewhere says that Redis's socket is not beside the configuration, if it is not.
func elsewhere(socket string) string {
	if socket != usualSocket {
		return ""
	}
	path := strings.TrimPrefix(socket, "unix://")
	return fmt.Sprintf(`
Redis's socket is %s, since the path of one in that directory would
be longer than a socket's may be. %s must be there, and Redis able to write
to it; for another place change unixsocket in redis.conf and upstream.address in
redisgate.toml.
`, path, filepath.Dir(path))
}

// plainPath says whether a path can stand in a configuration.
func plainPath(path string) bool {
	return utf8.ValidString(path) && !strings.ContainsFunc(path, unicode.IsControl)
}

const initText = `Wrote to %[1]s:
  redisgate.toml           the configuration, every key with a comment
  server.crt, server.key   what clients see
  ca.crt                   give it to clients, so that they know the server
  ca.key                   whoever has it can pretend to be the server: move it to
                           another machine, it is needed only to sign further certificates
  redis.conf               for a Redis that listens on a unix socket only, with a password
  redis.password           the same password, for redisgate

The first user is %[2]q. Its password is shown this once:

  %[3]s
%[8]s
Next, each server in a terminal of its own (redis.conf says how to use the Redis
that you have):
  redis-server %[7]s
  %[4]s check --config %[5]s
  %[4]s serve --config %[5]s
  REDISCLI_AUTH=%[3]s redis-cli --tls --cacert %[6]s -h 127.0.0.1 -p 6380 --user %[2]s PING
`

// certificates makes an authority and a server's certificate.
func certificates(names []string, now time.Time) ([]file, error) {
	ca, err := tlsconf.NewAuthority("redisgate CA", now, authorityLifetime)
	if err != nil {
		return nil, err
	}
	var server *tlsconf.Issued
	if host, _ := os.Hostname(); len(names) == 0 && host != "" {
		// A machine's name need not be one that a certificate can have.
		server, _ = ca.Server([]string{host}, now, serverLifetime)
	}
	if server == nil {
		if server, err = ca.Server(names, now, serverLifetime); err != nil {
			return nil, hinted("--name takes what clients connect to, such as redis.example.com or 192.0.2.7", "%w", err)
		}
	}
	var files []file
	for _, c := range []struct {
		name   string
		issued *tlsconf.Issued
		mode   fs.FileMode
	}{{"ca", &ca.Issued, public}, {"server", server, private}} {
		key, err := c.issued.KeyPEM()
		if err != nil {
			return nil, err
		}
		files = append(files, file{c.name + ".crt", c.mode, c.issued.CertPEM()}, file{c.name + ".key", private, key})
	}
	return files, nil
}

// usualSocket is where Redis's packages have it.
const usualSocket = "unix:///run/redis/redis.sock"

// socketIn puts Redis's socket beside the configuration, or at its usual place if that
// path would be too long for a socket.
func socketIn(dir string) string {
	address := "unix://" + filepath.Join(dir, "redis.sock")
	if _, err := config.ParseEndpoint(address); err != nil {
		return usualSocket
	}
	return address
}

// replacement is one in the full example.
type replacement struct{ old, new string }

// exampleWith is the full example with the values of a set-up.
func exampleWith(replacements ...replacement) (string, error) {
	text := configs.Full
	header, _, _ := strings.Cut(text, "\n")
	replacements = append(replacements, replacement{header, "# redisgate: every key, with its default unless something suits this set-up better."})
	for _, r := range replacements {
		if strings.Count(text, r.old) != 1 {
			return "", fmt.Errorf("the example configuration has not exactly one %q", r.old)
		}
		text = strings.Replace(text, r.old, r.new, 1)
	}
	return text, nil
}

// key is the replacement of a key's default, which no other table has.
func key(name, old, value string) replacement {
	return replacement{"\n" + name + " = " + old + "\n", "\n" + name + " = " + value + "\n"}
}

// firstConfig is for a Redis at that socket, with one user.
func firstConfig(socket, passwordRule string) (string, error) {
	return exampleWith(
		key("address", inQuotes(config.Default().Upstream.Address), inQuotes(socket)),
		key("password_file", `""`, `"redis.password"`),
		replacement{aclLines(configs.Full), "# Redis ACL rules, exactly as Redis writes them. `redisgate hash-password`\n# makes another #hash.\n" +
			"acl = \"" + fmt.Sprintf(firstRules, passwordRule) + "\"\n"},
	)
}

// aclLines returns the example's acl with the comment above it.
func aclLines(text string) string {
	start := strings.Index(text, "# Redis ACL rules")
	acl := strings.Index(text, "\nacl = ")
	if start < 0 || acl < start {
		return "# Redis ACL rules"
	}
	end := strings.IndexByte(text[acl+1:], '\n')
	return text[start : acl+1+end+1]
}

func redisConf(dir, socket, password string) []byte {
	return fmt.Appendf(nil, `# Written by redisgate init. Redis listens on a unix socket only, so nothing but
# this machine reaches it, and whoever has the file's permission and the
# password. The user that redisgate runs as must be able to write to the socket.
#
# For a Redis that has a redis.conf, copy these four lines to its end.
port 0
unixsocket %s
unixsocketperm 770
requirepass %s

# Where dump.rdb goes. A Redis that has data has a directory: leave that line out.
dir %s
`, redisWord(strings.TrimPrefix(socket, "unix://")), password, redisWord(dir))
}

// redisWord writes s as one word of a redis.conf (sds.c, sdssplitargs).
func redisWord(s string) string {
	if !strings.ContainsAny(s, " '\"\\") {
		return s
	}
	return inQuotes(s)
}

// inQuotes writes s, without control characters, between the double quotes of
// TOML and of a redis.conf.
func inQuotes(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// writeNew writes all files or none, and overwrites nothing.
func writeNew(dir string, files []file) (err error) {
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			there = append(there, f.name)
		}
	}
	if len(there) > 0 {
		return hinted("choose another directory, or move these files away", "%s has already: %s", dir, strings.Join(there, ", "))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hinted("choose a directory that you may write to", "%w", err)
	}
	var written []string
	defer func() {
		if err != nil {
			for _, path := range written {
				_ = os.Remove(path)
			}
		}
	}()
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		err := writeExclusive(path, f.mode, f.data)
		switch {
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("%s has appeared meanwhile", path)
		case errors.Is(err, fs.ErrPermission):
			return hinted("choose a directory that you may write to", "%w", err)
		case err != nil:
			written = append(written, path)
			return err
		}
		written = append(written, path)
	}
	return nil
}

// writeExclusive creates path, which must not exist, not even as a link. It has
// that mode in the end, whatever the umask.
func writeExclusive(path string, mode fs.FileMode, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode&private)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if mode != private {
		err = errors.Join(err, f.Chmod(mode))
	}
	return errors.Join(err, f.Close())
}
