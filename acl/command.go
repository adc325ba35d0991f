// Package acl answers the ACL command: it turns a request into a reply, in RESP2 and RESP3, with the shapes and texts of
// Redis 8 and Valkey 8 (acl.c, aclCommand). It acts on redisgate's own users, never on Redis's.
//
// What rules mean is policy's; who there is and what was refused are users'; where users are kept and how a change reaches
// sessions is the Directory's. The package knows no sessions, no files and no configuration.
package acl

import (
	"bytes"

	"github.com/tidwall/redcon"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/users"
)

// Directory changes the users. by is the name of the user who asks; whoever has lost the right meanwhile is refused. The text of an error is for the client, without a code in front; it must hold no password
// and no hash of one. All methods may be slow and are safe for concurrent use.
type Directory interface {
	// SetUser applies rules to the user of that name, or to a new one, all of them or none.
	SetUser(by, name string, rules []string) error
	// DelUser removes users and ends their sessions; names that nobody has are no error.
	DelUser(by string, names []string) (deleted int, err error)
	// Load reads the aclfile and replaces the users by it, all of them or none.
	Load(by string) error
	// Save writes the aclfile.
	Save(by string) error
}

// Command answers ACL. All fields are needed. It is safe for concurrent use.
type Command struct {
	Directory Directory
	Log       *users.Log
	Store     *users.Store
}

// Slow says that a subcommand does file I/O, waits for sessions or may have much to print, so that it must not run on an
// event loop: SETUSER, DELUSER, LOAD and SAVE, and LIST.
func Slow(cmd *command.Command) bool {
	return cmd.Flags.Has(command.FlagChangesUsers) || cmd.Name == "acl|list"
}

// request is one ACL command on its way to a reply.
type request struct {
	*Command
	proto int
	who   *users.User
	args  [][]byte // the name and the subcommand included
	cmd   *command.Command
}

var subcommands = map[string]func(r *request, dst []byte) []byte{
	"acl|cat": (*request).cat, "acl|deluser": (*request).delUser, "acl|dryrun": (*request).dryRun,
	"acl|genpass": (*request).genPass, "acl|getuser": (*request).getUser, "acl|help": (*request).help,
	"acl|list": (*request).list, "acl|load": (*request).load, "acl|log": (*request).log, "acl|save": (*request).save,
	"acl|setuser": (*request).setUser, "acl|users": (*request).users, "acl|whoami": (*request).whoAmI,
}

// Answer appends exactly one reply to dst and returns it. who, never nil, asks in the protocol proto, 2 or 3; args is the whole request
// from "ACL" on, of which nothing is kept. That a rule allows the command to who is the caller's to check, by
// policy.User.Authorise; what changes or shows users is refused here once more to whom it is not for.
func (c *Command) Answer(dst []byte, proto int, who *users.User, args [][]byte) []byte {
	cmd, failure := command.Lookup(args)
	if failure != command.Found {
		return redcon.AppendError(dst, string(failure.AppendText(nil, cmd, args)))
	}
	answer := subcommands[cmd.Name]
	if answer == nil {
		return appendError(dst, "redisgate: this is not a command about users")
	}
	if !who.Administers(cmd) {
		d := policy.Decision{Reason: policy.ReasonCommand, Selector: -1}
		return redcon.AppendError(dst, string(d.AppendText(nil, who.User, cmd)))
	}
	r := request{Command: c, proto: proto, who: who, args: args, cmd: cmd}
	return answer(&r, dst)
}

// wrongArguments is for what the command's arity lets through (networking.c, addReplySubcommandSyntaxError).
func (r *request) wrongArguments(dst []byte) []byte {
	return appendError(dst, "unknown subcommand or wrong number of arguments for '"+cut(r.args[1])+"'. Try ACL HELP.")
}

// longestError is how many bytes of an error go to the client: it may quote what the client has sent.
const longestError = 16 << 10

// appendError appends an error with the code ERR, as one line.
func appendError(dst []byte, text string) []byte {
	return redcon.AppendError(dst, "ERR "+text[:min(len(text), longestError)])
}

// cut is what C prints of arg with %.128s.
func cut(arg []byte) string {
	s := toC(arg)
	return s[:min(len(s), 128)]
}

// toC is what C prints of arg with %s.
func toC(arg []byte) string {
	s, _, _ := bytes.Cut(arg, []byte{0})
	return string(s)
}

// strs copies arguments.
func strs(args [][]byte) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = string(a)
	}
	return out
}
