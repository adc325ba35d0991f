package policy

import "redisgate/policy/command"

// MayRun reports whether there is a request of that command that the user may make: some selector allows it, be it with a
// first argument only, and nothing that Authorise judges besides keys, channels and databases forbids it.
func (u *User) MayRun(c *command.Command) bool {
	for _, s := range u.selectors {
		allowed := s.allowed.has(c.ID) || c.Flags.Has(command.FlagNoAuth)
		for _, f := range s.firstArgs {
			allowed = allowed || f.id == c.ID
		}
		if allowed && (s.allKeys || s.seesAll(c, nil, &command.Uses{}) == ReasonAllowed) {
			return u.powerful || (u.UnsafeScripts || !c.Flags.Has(command.FlagScript)) && u.Administers(c)
		}
	}
	return false
}
