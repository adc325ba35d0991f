package policy

import "redisgate/policy/command"

// ReservedWithin reports whether other may run every reserved command that u may run.
func (u *User) ReservedWithin(other *User) bool {
	for id := range command.Count() {
		if command.ByID(id).Flags.Has(command.FlagReserved) && u.names(id) && !other.names(id) {
			return false
		}
	}
	return true
}

// names reports whether a selector allows the command of that ID, whatever its arguments.
func (u *User) names(id int) bool {
	for _, s := range u.selectors {
		if s.allowed.has(id) {
			return true
		}
		for _, f := range s.firstArgs {
			if f.id == id {
				return true
			}
		}
	}
	return false
}
