package acl

import "github.com/tidwall/redcon"

// usage has the form that all of Redis's HELP subcommands share (networking.c, addReplyHelp).
var usage = []string{
	"ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"CAT [<category>]",
	"    The categories of commands, or the commands in one of them.",
	"DELUSER <username> [<username> ...]",
	"    Remove users and close their connections.",
	"DRYRUN <username> <command> [<arg> ...]",
	"    Whether a user may run a command, which is not run.",
	"GETUSER <username>",
	"    The rules of one user, part by part.",
	"GENPASS [<bits>]",
	"    A random password of 256 bits, or of that many.",
	"LIST",
	"    The rules of all users, as in an ACL file.",
	"LOAD",
	"    Replace the users by those in the ACL file.",
	"LOG [<count> | RESET]",
	"    What was refused lately, newest first, or forget it.",
	"SAVE",
	"    Write the users to the ACL file.",
	"SETUSER <username> <attribute> [<attribute> ...]",
	"    Change a user, or make a new one.",
	"USERS",
	"    The names of all users.",
	"WHOAMI",
	"    The name of the user of this connection.",
	"HELP",
	"    This text.",
}

func (r *request) help(dst []byte) []byte {
	dst = redcon.AppendArray(dst, len(usage))
	for _, line := range usage {
		dst = redcon.AppendString(dst, line)
	}
	return dst
}
