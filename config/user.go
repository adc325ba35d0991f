package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func (c *Config) users(v *validator) {
	first := map[string]int{}
	for i, u := range c.Users {
		path := fmt.Sprintf("user[%d].", i)
		switch {
		case u.Name == "":
			v.add(path+"name", `write name = "app"`, "is missing")
		case strings.ContainsAny(u.Name, " \t\r\n\v\f\x00") || !utf8.ValidString(u.Name):
			v.add(path+"name", "choose a name of letters, digits, '.', '_' and '-'", "%q contains a space or a control character", u.Name)
		case len(u.Name) > 256:
			v.add(path+"name", "choose a shorter one", "is longer than 256 bytes")
		}
		if j, ok := first[u.Name]; ok && u.Name != "" {
			v.add(path+"name", "each user has one [[user]] table", "%q is user[%d] already", u.Name, j)
		} else {
			first[u.Name] = i
		}
		switch rules := strings.TrimSpace(u.ACL.Text()) != ""; {
		case rules && c.ACL.File != "":
			v.add(path+"acl", "remove it; if the rules are not in that file yet, write them there, as `user NAME RULES`",
				"acl.file is set, which has the rules of all users")
		case !rules && c.ACL.File == "":
			v.add(path+"acl", "write rules as in Redis: \"on #<hash> ~data:* +@read\"; `redisgate hash-password` makes the hash",
				"is missing: this user could not log in")
		}
		if n := len(u.Password); n > maxHashes {
			v.add(path+"password", "remove those that nobody uses any more; redisgate_auth_passwords_total tells", "has %d passwords, which are all tried at each log-in; at most %d are possible", n, maxHashes)
		}
		for k, h := range u.Password {
			if !strings.HasPrefix(h, "$") { // a password, most likely, and not repeated
				v.add(fmt.Sprintf("%spassword[%d]", path, k), "`redisgate hash-password --argon2id` makes one; a #hash goes into acl", "is not a hash in the form of a PHC string")
			}
		}
		v.networks(path+"allow", u.Allow)
		v.between(path+"max_connections", int64(u.MaxConnections), 0, 1_000_000)
		v.between(path+"max_commands_per_second", int64(u.MaxCommandsPerSecond), 0, maxRate)
		v.byteRate(path+"max_bytes_per_second", u.MaxBytesPerSecond)
		switch {
		case len(u.Certificates) > 0 && c.TLS.ClientAuth == "none":
			v.add(path+"certificates", `write tls.client_auth = "optional" or "require", and the CA of these certificates into tls.client_ca`,
				`tls.client_auth is "none", so no client would be asked for a certificate`)
		case u.RequireCertificate && len(u.Certificates) == 0:
			v.add(path+"require_certificate", `write the user's certificates, such as certificates = ["CN:app"]`,
				"there are no certificates, so no password would ever count")
		}
		databases := map[int]bool{}
		for k, n := range u.Databases {
			at := fmt.Sprintf("%sdatabases[%d]", path, k)
			switch {
			case n < 0 || n > 1<<20:
				v.add(at, "databases are numbered from 0", "%d is not a database number", n)
			case databases[n]:
				v.add(at, "remove one of the two", "%d is listed twice", n)
			}
			databases[n] = true
		}
	}
}

// maxRate is more commands a second than any Redis answers.
const maxRate = 100_000_000

// byteRate accepts none, and such as let a small request through now and then.
func (v *validator) byteRate(path string, n Size) {
	if n != 0 && (n < 1<<10 || n > maxSize) {
		v.add(path, fmt.Sprintf("write a size from \"1KB\" to %q, or 0 for no limit", maxSize), "%s is out of range", n)
	}
}

// maxHashes is how many slow hashes one user may have: all are tried at each log-in, of
// every user.
const maxHashes = 4
