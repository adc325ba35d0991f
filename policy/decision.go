package policy

import "redisgate/policy/command"

// Reason says why a request is refused. String gives the label for metrics.
type Reason uint8

// The order is the rank of failures among selectors: the highest is reported, as Redis does for the three it has.
const (
	ReasonUnjudged Reason = iota // no verdict yet: refused
	ReasonAllowed
	ReasonCommand         // no selector allows the command
	ReasonReserved        // the same, of a command that only a rule with its name reaches
	ReasonUnknown         // a command that the table does not have
	ReasonKeyless         // sees or changes all keys
	ReasonSortBy          // SORT BY reads keys that are not checked
	ReasonSortGet         // SORT GET does
	ReasonKey             // a key; Arg says which
	ReasonChannel         // a channel; Arg says which
	ReasonDatabase        // a database
	ReasonScript          // runs with redisgate's own rights
	ReasonSyntax          // the arguments do not parse; Err says why
	ReasonUnauthenticated // nobody has logged in; never decided here, for those who count refusals
)

var reasonNames = [...]string{
	"unjudged", "allowed", "command", "reserved", "unknown", "keyless", "sort", "sort", "key", "channel", "database", "script",
	"syntax", "unauthenticated",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "other"
}

func denied(c *command.Command) Reason {
	if c.Flags.Has(command.FlagReserved) {
		return ReasonReserved
	}
	return ReasonCommand
}

// Decision is a verdict. The zero value refuses. It is four words and four fields long, which is what the compiler keeps in
// registers: with a fifth word, judging a GET took 70 ns and not 50.
type Decision struct {
	Reason   Reason
	Selector int32 // index of the selector that allows, 0 the root; -1 if the request is refused. Explain has it in words
	Arg      int   // index of the key or channel that was refused; 0 else
	Err      error // of ReasonSyntax: a command.Refusal
}

// Allowed reports whether the request may run.
func (d Decision) Allowed() bool { return d.Reason == ReasonAllowed }

// AppendText appends the error for the client without '-' and CRLF, in the words of Redis 7.2 and newer; nothing if the
// request is allowed. cmd may be nil for ReasonUnknown, for which command.UnknownCommand has Redis's text. Nothing of the
// request is quoted.
func (d Decision) AppendText(dst []byte, u *User, cmd *command.Command) []byte {
	switch d.Reason {
	case ReasonCommand, ReasonReserved:
		dst = appendName(dst, u, " has no permissions to run the '", cmd, "' command")
		if d.Reason == ReasonReserved && u.everyCommand() {
			dst = append(append(dst, ", which is reserved: the rule +"...), cmd.Name...)
			dst = append(dst, " in redisgate's configuration or ACL file would grant it"...)
		}
		return dst
	case ReasonUnjudged, ReasonUnknown:
		return append(dst, "ERR unknown command"...)
	case ReasonKeyless:
		return appendName(dst, u, " has no permissions to run the '", cmd, "' command, which reaches all keys")
	case ReasonSortBy:
		return append(dst, "ERR BY option of SORT denied due to insufficient ACL permissions."...)
	case ReasonSortGet:
		return append(dst, "ERR GET option of SORT denied due to insufficient ACL permissions."...)
	case ReasonKey:
		return append(dst, "NOPERM No permissions to access a key"...)
	case ReasonChannel:
		return append(dst, "NOPERM No permissions to access a channel"...)
	case ReasonDatabase:
		return append(dst, "NOPERM No permissions to access a database"...)
	case ReasonScript:
		return appendName(dst, u, " has no permissions to run the '", cmd,
			"' command: it needs all commands, keys, channels and databases, or unsafe_scripts in redisgate's configuration")
	case ReasonUnauthenticated:
		return append(dst, "NOAUTH Authentication required."...)
	case ReasonSyntax:
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
