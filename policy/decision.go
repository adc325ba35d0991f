package policy

import "redisgate/policy/command"

// Reason says why a request is refused. String gives the label for metrics.
type Reason uint8

// The order is the rank of failures among selectors: the highest is reported, as Redis does for the three it has.
const (
	Allowed  Reason = iota
	Command         // no selector allows the command
	Reserved        // the same, of a command that only a rule with its name reaches
	Unknown         // a command that the table does not have
	Keyless         // sees or changes all keys
	SortBy          // SORT BY reads keys that are not checked
	SortGet         // SORT GET does
	Key             // a key; Arg says which
	Channel         // a channel; Arg says which
	Database        // a database
	Script          // runs with redisgate's own rights
	Syntax          // the arguments do not parse; Err says why
)

var reasonNames = [...]string{
	"allowed", "command", "reserved", "unknown", "keyless", "sort", "sort", "key", "channel", "database", "script", "syntax",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "other"
}

func denied(c *command.Command) Reason {
	if c.Flags.Has(command.FlagReserved) {
		return Reserved
	}
	return Command
}

// Decision is a verdict. The zero value is no verdict worth having: Allowed is 0 so that a caller tests Reason.
type Decision struct {
	Reason   Reason
	Arg      int   // index of the key or channel that was refused; 0 else
	Selector int   // index of the selector that allows; -1 if none does
	Err      error // of Syntax: a command.Refusal
}

// OK reports whether the request may run.
func (d Decision) OK() bool { return d.Reason == Allowed }

// AppendText appends the error for the client without '-' and CRLF; nothing for Allowed. cmd may be nil for Unknown, for
// which command.UnknownCommand has Redis's text. Nothing of the request is quoted.
func (d Decision) AppendText(dst []byte, u *User, cmd *command.Command) []byte {
	switch d.Reason {
	case Command, Reserved:
		return appendName(dst, u, " has no permissions to run the '", cmd, "' command")
	case Unknown:
		return append(dst, "ERR unknown command"...)
	case Keyless:
		return appendName(dst, u, " has no permissions to run the '", cmd, "' command, which reaches all keys")
	case SortBy:
		return append(dst, "ERR BY option of SORT denied due to insufficient ACL permissions."...)
	case SortGet:
		return append(dst, "ERR GET option of SORT denied due to insufficient ACL permissions."...)
	case Key:
		return append(dst, "NOPERM No permissions to access a key"...)
	case Channel:
		return append(dst, "NOPERM No permissions to access a channel"...)
	case Database:
		return append(dst, "NOPERM No permissions to access a database"...)
	case Script:
		return appendName(dst, u, " has no permissions to run the '", cmd,
			"' command: it needs all commands, keys, channels and databases, or unsafe_scripts in redisgate's configuration")
	case Syntax:
		return append(dst, d.Err.Error()...)
	}
	return dst
}

func appendName(dst []byte, u *User, before string, cmd *command.Command, after string) []byte {
	dst = append(dst, "NOPERM User "...)
	dst = append(dst, u.Name...)
	dst = append(dst, before...)
	if cmd != nil {
		dst = append(dst, cmd.Name...)
	}
	return append(dst, after...)
}
