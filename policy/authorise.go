package policy

import "redisgate/policy/command"

// Authorise judges one request: db is the selected database, cmd what command.Lookup found for args. It parses args into
// uses, which the caller may use for routing if the verdict allows it, until the next Parse. The order is Redis's (acl.c,
// ACLCheckAllUserCommandPerm): selectors are tried from the first to the last, one of them must allow the whole request, and
// else the failure that ranks highest is reported, of equals the one with the later argument. Nothing is allocated unless
// the request is refused for its syntax.
//
// Beyond Redis: the arguments must parse, every database that is used must be the user's, a reserved command needs a rule
// that names it, what sees all keys needs all keys, and scripts need everything or UnsafeScripts.
func (u *User) Authorise(db int, cmd *command.Command, args [][]byte, uses *command.Uses) Decision {
	if d := u.AuthoriseName(cmd, args); !d.Allowed() {
		return d
	}
	if err := cmd.Parse(args, uses); err != nil {
		return Decision{Reason: ReasonSyntax, Selector: -1, Err: err}
	}
	return u.judge(db, cmd, args, uses)
}

// AuthoriseHead judges a request whose first arguments are in and that is to flow on before the rest is: cmd.StreamFrom() is
// not 0 and head has at least that many arguments, of argc in all. It is at least as strict as Authorise on the whole.
func (u *User) AuthoriseHead(db int, cmd *command.Command, head [][]byte, argc int, uses *command.Uses) Decision {
	if d := u.AuthoriseName(cmd, head); !d.Allowed() {
		return d
	}
	if err := cmd.ParseHead(head, argc, uses); err != nil {
		return Decision{Reason: ReasonSyntax, Selector: -1, Err: err}
	}
	return u.judge(db, cmd, head, uses)
}

// AuthoriseUnknown judges a command that the table does not have.
func (u *User) AuthoriseUnknown() Decision {
	if !u.powerful {
		return Decision{Reason: ReasonUnknown, Selector: -1}
	}
	return Decision{Reason: ReasonAllowed}
}

// AuthoriseName judges the command alone, by the name and at most the first argument after it, so that the rest of a request need
// not be kept for a user who may not run it. Allowed is not the whole verdict.
func (u *User) AuthoriseName(cmd *command.Command, head [][]byte) Decision {
	for i, s := range u.selectors {
		if s.runs(cmd, head) {
			return Decision{Reason: ReasonAllowed, Selector: i}
		}
	}
	return Decision{Reason: denied(cmd), Selector: -1}
}

func (u *User) judge(db int, cmd *command.Command, args [][]byte, uses *command.Uses) Decision {
	d := Decision{Selector: -1}
	for i, s := range u.selectors {
		reason, arg := s.check(cmd, args, uses)
		if reason == ReasonAllowed {
			return u.beyond(Decision{Reason: ReasonAllowed, Selector: i}, db, cmd, args, uses)
		}
		if reason > d.Reason || reason == d.Reason && arg > d.Arg {
			d.Reason, d.Arg = reason, arg
		}
	}
	return d
}

// beyond judges what Redis's rules do not express. d is what the selectors say.
func (u *User) beyond(d Decision, db int, cmd *command.Command, args [][]byte, uses *command.Uses) Decision {
	if len(u.Databases) > 0 && !u.staysInside(db, cmd, args, uses) {
		return Decision{Reason: ReasonDatabase, Selector: -1}
	}
	if cmd.Flags.Has(command.FlagScript) && !u.powerful && !u.UnsafeScripts {
		return Decision{Reason: ReasonScript, Selector: -1}
	}
	return d
}

// staysInside judges the databases of a user who may not use all. SELECT, AUTH and kin are how a session comes out of
// a database that is no longer the user's, so for them the selected one does not matter.
func (u *User) staysInside(db int, cmd *command.Command, args [][]byte, uses *command.Uses) bool {
	leaves := cmd.Flags.Has(command.FlagNoAuth) || cmd.Name == "select"
	if !leaves && !u.mayUse(db) {
		return false
	}
	for _, d := range uses.Databases {
		if !u.mayUse(d) {
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
