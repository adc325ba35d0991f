package policy

import "redisgate/policy/command"

// MayRead reports whether some selector lets the user read a key by some command: what may be told of it in a reply
// or a message that names keys unasked.
func (u *User) MayRead(key []byte) bool {
	for _, s := range u.selectors {
		if s.allowed != (bits{}) && (s.allKeys || s.reaches(key, command.Read)) {
			return true
		}
	}
	return false
}

// MayReadAll reports whether MayRead is true for every key.
func (u *User) MayReadAll() bool { return u.readsAll }

// MustFilter reports whether d, the verdict on a request for cmd, allows it if the reply, names of keys, is cut down to
// those that MayRead.
func (u *User) MustFilter(cmd *command.Command, d Decision) bool {
	return cmd.Flags.Has(command.FlagFiltered) && d.Allowed() && !u.selectors[d.Selector].allKeys
}

// everyCommand reports whether +@all is in force, to whose user it is news that a command is reserved.
func (u *User) everyCommand() bool {
	for _, s := range u.selectors {
		if s.future {
			return true
		}
	}
	return false
}

func (u *User) everyKey() bool {
	for _, s := range u.selectors {
		if s.allowed != (bits{}) && s.allKeys {
			return true
		}
	}
	return false
}
