package policy

import (
	"slices"

	"redisgate/policy/command"
)

// Authorise judges one request: db is the selected database, cmd what command.Lookup found for args. It parses args into
// uses, which the caller may use for routing if the verdict allows it, until the next Parse. The order is Redis's (acl.c,
// ACLCheckAllUserCommandPerm): selectors are tried from the first to the last, one of them must allow the whole request, and
// else the failure that ranks highest is reported, of equals the one with the later argument. Nothing is allocated unless
// the request is refused for its syntax.
//
// Beyond Redis: the arguments must parse, every database that is used must be the user's, a reserved command needs a rule
// that names it, what sees all keys needs all keys, scripts need everything or UnsafeScripts, and see Administers.
func (u *User) Authorise(db int, cmd *command.Command, args [][]byte, uses *command.Uses) Decision {
	first := u.runs(cmd, args)
	if first < 0 {
		return Decision{Reason: denied(cmd), Selector: -1}
	}
	if err := cmd.Parse(args, uses); err != nil {
		return Decision{Reason: ReasonSyntax, Selector: -1, Err: err}
	}
	return u.judge(first, db, cmd, args, uses)
}

// AuthoriseHead judges a request whose first arguments are in and that is to flow on before the rest is: cmd.StreamFrom() is
// not 0 and head has at least that many arguments, of argc in all. It asks for at least the rights that Authorise asks for the
// whole; whether the options that follow parse is left to Redis.
func (u *User) AuthoriseHead(db int, cmd *command.Command, head [][]byte, argc int, uses *command.Uses) Decision {
	first := u.runs(cmd, head)
	if first < 0 {
		return Decision{Reason: denied(cmd), Selector: -1}
	}
	if err := cmd.ParseHead(head, argc, uses); err != nil {
		return Decision{Reason: ReasonSyntax, Selector: -1, Err: err}
	}
	return u.judge(first, db, cmd, head, uses)
}

// AuthoriseUnknown judges a command that the table does not have.
func (u *User) AuthoriseUnknown() Decision {
	if !u.powerful {
		return Decision{Reason: ReasonUnknown, Selector: -1}
	}
	return Decision{Reason: ReasonAllowed}
}

// AuthoriseName judges the command alone, by the name and at most the first argument after it, so that the rest of a request
// need not be kept for a user who may not run it. Allowed is not the whole verdict.
func (u *User) AuthoriseName(cmd *command.Command, head [][]byte) Decision {
	if u.runs(cmd, head) < 0 {
		return Decision{Reason: denied(cmd), Selector: -1}
	}
	return Decision{Reason: ReasonAllowed}
}

// runs returns the index of the first selector that allows the command itself, or -1.
func (u *User) runs(cmd *command.Command, args [][]byte) int {
	for i, s := range u.selectors {
		if s.runs(cmd, args) {
			return i
		}
	}
	return -1
}

// judge is the verdict on a request that Parse has read; first is what runs returned.
func (u *User) judge(first, db int, cmd *command.Command, args [][]byte, uses *command.Uses) Decision {
	worst, where := denied(cmd), 0
	for i := first; i < len(u.selectors); i++ {
		s := u.selectors[i]
		if i > first && !s.runs(cmd, args) {
			continue // which ranks lowest
		}
		reason, arg := s.check(cmd, args, uses)
		if reason == ReasonAllowed {
			if !u.powerful {
				reason = u.beyond(db, cmd, args, uses)
			}
			if reason != ReasonAllowed {
				return Decision{Reason: reason, Selector: -1}
			}
			return Decision{Reason: ReasonAllowed, Selector: int32(i)}
		}
		if reason > worst || reason == worst && arg > where {
			worst, where = reason, arg
		}
	}
	return Decision{Reason: worst, Arg: where, Selector: -1}
}

// beyond judges what Redis's rules do not express, of a request that they allow to a user who may not do everything.
func (u *User) beyond(db int, cmd *command.Command, args [][]byte, uses *command.Uses) Reason {
	if len(u.Databases) > 0 && !u.staysInside(db, cmd, args, uses) {
		return ReasonDatabase
	}
	if cmd.Flags.Has(command.FlagScript) && !u.UnsafeScripts {
		return ReasonScript
	}
	if cmd.Flags&aboutUsers != 0 && !u.Administers(cmd) {
		return ReasonCommand
	}
	return ReasonAllowed
}

const aboutUsers = command.FlagChangesUsers | command.FlagShowsUsers

// Administers reports whether u may run cmd as far as redisgate's own users are concerned. Commands that change them
// (FlagChangesUsers) are for a user who may do everything; those that show them (FlagShowsUsers) are for such a user, or by
// a rule that names the very subcommand: neither a category nor +acl will do. Of any other command it reports true. The
// verdict of Authorise includes it.
func (u *User) Administers(cmd *command.Command) bool {
	switch {
	case cmd.Flags&aboutUsers == 0, u.powerful:
		return true
	case cmd.Flags.Has(command.FlagChangesUsers):
		return false
	}
	return slices.ContainsFunc(u.selectors, func(s *selector) bool { return s.allowed.has(cmd.ID) && s.named.has(cmd.ID) })
}

// leaves says that the selected database does not matter: SELECT, AUTH and kin are how a session comes out of one that is
// no longer the user's.
func leaves(cmd *command.Command) bool {
	return cmd.Flags.Has(command.FlagNoAuth) || cmd.Name == "select"
}

// staysInside judges the databases of a user who may not use all.
func (u *User) staysInside(db int, cmd *command.Command, args [][]byte, uses *command.Uses) bool {
	if !leaves(cmd) && !u.MayUse(db) {
		return false
	}
	for _, d := range uses.Databases {
		if !u.MayUse(d) {
			return false
		}
	}
	if cmd.Flags.Has(command.FlagEveryDatabase) || uses.Broadcast {
		return false
	}
	for i := range uses.Channels {
		if ch := &uses.Channels[i]; !u.mayHearKeyspace(args[ch.Arg], ch.Pattern) {
			return false
		}
	}
	return true
}
