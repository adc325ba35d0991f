package acl

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/redcon"

	"redisgate/policy"
	"redisgate/policy/command"
)

const textInteger = "value is not an integer or out of range"

func (r *request) whoAmI(dst []byte) []byte { return redcon.AppendBulkString(dst, r.who.Name) }

// cat lists the categories, or what redisgate's table has in one: commands of all versions, whatever the Redis behind has.
func (r *request) cat(dst []byte) []byte {
	var names []string
	switch len(r.args) {
	case 2:
		names = command.CategoryNames()
	case 3:
		category, ok := command.CategoryByName(toC(r.args[2]))
		if !ok {
			return appendError(dst, "Unknown category '"+cut(r.args[2])+"'")
		}
		for _, c := range command.All() {
			if c.Categories&category != 0 {
				names = append(names, c.Name)
			}
		}
	default:
		return r.wrongArguments(dst)
	}
	dst = redcon.AppendArray(dst, len(names))
	for _, n := range names {
		dst = redcon.AppendBulkString(dst, n)
	}
	return dst
}

// genPass gives random hexadecimal digits, of four bits each.
func (r *request) genPass(dst []byte) []byte {
	const most = 4096
	bits := int64(256)
	switch len(r.args) {
	case 2:
	case 3:
		var ok bool
		if bits, ok = integer(r.args[2]); !ok {
			return appendError(dst, textInteger)
		}
	default:
		return r.wrongArguments(dst)
	}
	if bits <= 0 || bits > most {
		return appendError(dst, fmt.Sprintf(
			"ACL GENPASS argument must be the number of bits for the output password, a positive number up to %d", most))
	}
	digits := (bits + 3) / 4
	secret := make([]byte, (digits+1)/2)
	_, _ = rand.Read(secret) // never fails: it ends the process instead
	return redcon.AppendBulkString(dst, hex.EncodeToString(secret)[:digits])
}

// dryRun gives the verdict on a request without running it: OK, the reason of a refusal as a string, or an error for what no
// user could run. It judges for the database in which the user starts, and nothing counts or logs it. Redis says OK
// where options do not parse, and knows no reasons but command, key and channel.
func (r *request) dryRun(dst []byte) []byte {
	u, args := r.Store.Load().Lookup(r.args[2]), r.args[3:]
	if u == nil {
		return appendError(dst, "User '"+toC(r.args[2])+"' not found")
	}
	cmd, failure := command.Lookup(args)
	switch failure {
	case command.Found:
	case command.WrongArity:
		return redcon.AppendError(dst, string(failure.AppendText(nil, cmd, args)))
	default:
		return appendError(dst, "Command '"+toC(args[0])+"' not found")
	}
	db := 0
	if len(u.Databases) > 0 {
		db = u.Databases[0]
	}
	var uses command.Uses
	d := u.Authorise(db, cmd, args, &uses)
	object := "User " + u.Name + " has no permissions to access the '"
	switch d.Reason {
	case policy.ReasonAllowed:
		return redcon.AppendOK(dst)
	case policy.ReasonKey:
		return redcon.AppendBulkString(dst, object+toC(args[d.Arg])+"' key")
	case policy.ReasonChannel:
		return redcon.AppendBulkString(dst, object+toC(args[d.Arg])+"' channel")
	}
	text := string(d.AppendText(nil, u.User, cmd))
	if d.Reason == policy.ReasonSyntax {
		return redcon.AppendError(dst, text)
	}
	_, text, _ = strings.Cut(text, " ") // without the code
	return redcon.AppendBulkString(dst, text)
}

// integer reads a number as string2ll in Redis's util.c: no plus, no space, no leading zero.
func integer(arg []byte) (int64, bool) {
	if len(arg) > len("-9223372036854775808") {
		return 0, false
	}
	n, err := strconv.ParseInt(string(arg), 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == string(arg)
}
