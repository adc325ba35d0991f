package policy

import (
	"slices"

	"redisgate/policy/command"
)

// selector is one set of rules that may allow a whole command.
type selector struct {
	allKeys     bool // ~* or allkeys; %RW~* is a pattern and not this, since a glob never matches the empty key
	allChannels bool

	allowed   bits       // commands; a reserved one only by a rule that names it
	named     bits       // commands of byItsName that a rule names, since the last rule for all or against them
	firstArgs []firstArg // +select|0
	keys      []keyPattern
	channels  []pattern

	// What keys and channels compile to; nil while trying them in turn is faster.
	keyIndex     *index
	channelIndex *index
	channelTexts map[string]struct{}

	future bool     // commands that the table does not know: the last of +@all and -@all; decides what the rules print
	rules  []string // command rules since then, as Redis 7.2 and newer print them
}

// byItsName are the flags of commands of which it matters that a rule names them.
const byItsName = command.FlagReserved | command.FlagTelling | command.FlagFiltered | command.FlagShowsUsers

// firstArg allows a command that is no container when its first argument is arg, in any case.
type firstArg struct {
	id  int
	arg string
}

// keyPattern is a glob of keys and what it allows.
type keyPattern struct {
	pattern
	may command.Need
}

func (s *selector) clone() *selector {
	c := *s
	c.firstArgs = slices.Clone(s.firstArgs)
	c.keys = slices.Clone(s.keys)
	c.channels = slices.Clone(s.channels)
	c.rules = slices.Clone(s.rules)
	return &c
}

// compile prepares what many patterns are looked up by. Rules that come later need it again.
func (s *selector) compile() {
	s.keyIndex, s.channelIndex, s.channelTexts = newIndex(s.keys), nil, nil
	if len(s.channels) < indexFrom {
		return
	}
	patterns := make([]keyPattern, len(s.channels))
	s.channelTexts = make(map[string]struct{}, len(s.channels))
	for i, p := range s.channels {
		patterns[i] = keyPattern{pattern: p}
		s.channelTexts[p.text] = struct{}{}
	}
	s.channelIndex = newIndex(patterns)
}

// setAll is +@all and -@all. Reserved commands come with neither, and a grant of one before it is lost.
func (s *selector) setAll(allow bool) {
	s.future = allow
	s.allowed, s.named = bits{}, bits{}
	s.firstArgs, s.rules = nil, nil
	if !allow {
		return
	}
	for id := range command.Count() {
		if !command.ByID(id).Flags.Has(command.FlagReserved) {
			s.allowed.set(id)
		}
	}
}

// setCommand is +cmd and -cmd, with all subcommands of a container (acl.c, ACLChangeSelectorPerm). A rule that names
// a container reaches a reserved subcommand only if the container itself is reserved: +config does not reach config|set.
func (s *selector) setCommand(c *command.Command, allow bool) {
	s.setOne(c, allow, true)
	from, to := c.Subcommands()
	for id := from; id < to; id++ {
		s.setOne(command.ByID(id), allow, c.Flags.Has(command.FlagReserved))
	}
	s.dropFirstArgs(c.ID)
}

// setCategory is +@cat and -@cat: a container in the category takes all its subcommands with it.
func (s *selector) setCategory(category command.Categories, allow bool) {
	for id := range command.Count() {
		c := command.ByID(id)
		if c.Categories&category == 0 {
			continue
		}
		s.setOne(c, allow, false)
		from, to := c.Subcommands()
		for sub := from; sub < to; sub++ {
			s.setOne(command.ByID(sub), allow, false)
		}
		s.dropFirstArgs(id)
	}
}

// setOne sets one command. byName says that the rule names it, which a reserved command demands.
func (s *selector) setOne(c *command.Command, allow, byName bool) {
	if !allow {
		s.allowed.clear(c.ID)
		s.named.clear(c.ID)
		return
	}
	if byName && c.Flags&byItsName != 0 {
		s.named.set(c.ID)
	}
	if byName || !c.Flags.Has(command.FlagReserved) {
		s.allowed.set(c.ID)
	}
}

// runsAll reports whether every command is allowed, known or not, reserved ones aside.
func (s *selector) runsAll() bool {
	for id := range command.Count() {
		if !s.allowed.has(id) && !command.ByID(id).Flags.Has(command.FlagReserved) {
			return false
		}
	}
	return s.future
}

func (s *selector) addFirstArg(id int, arg string) {
	if f := (firstArg{id, asciiLower(arg)}); !slices.Contains(s.firstArgs, f) {
		s.firstArgs = append(s.firstArgs, f)
	}
}

func (s *selector) dropFirstArgs(id int) {
	s.firstArgs = slices.DeleteFunc(s.firstArgs, func(f firstArg) bool { return f.id == id })
}

// runs reports whether the selector allows the command itself.
func (s *selector) runs(c *command.Command, args [][]byte) bool {
	return s.allowed.has(c.ID) || s.runsAnyway(c, args)
}

// runsAnyway is what a command may run by that has no rule of its own: AUTH and kin always, others by a first argument.
func (s *selector) runsAnyway(c *command.Command, args [][]byte) bool {
	if c.Flags.Has(command.FlagNoAuth) {
		return true
	}
	if len(args) < 2 {
		return false
	}
	for i := range s.firstArgs {
		if f := &s.firstArgs[i]; f.id == c.ID && equalFold(args[1], f.arg) {
			return true
		}
	}
	return false
}

// check judges a request that Parse has read, of a command that the selector runs. It returns ReasonAllowed, or why not and for which argument.
func (s *selector) check(c *command.Command, args [][]byte, uses *command.Uses) (Reason, int) {
	if !s.allKeys {
		if reason := s.seesAll(c, args, uses); reason != ReasonAllowed {
			return reason, 0
		}
		for i := range uses.Keys {
			if k := &uses.Keys[i]; !s.reaches(args[k.Arg], k.Need) {
				return ReasonKey, k.Arg
			}
		}
	}
	if !s.allChannels {
		for i := range uses.Channels {
			if ch := &uses.Channels[i]; !s.hears(args[ch.Arg], ch.Pattern) {
				return ReasonChannel, ch.Arg
			}
		}
	}
	return ReasonAllowed, 0
}

// seesAll judges what reaches beyond the keys that are named, for a selector without all keys. Redis has only the
// restriction of SORT's BY and GET (sort.c); that commands without keys see all of them is redisgate's.
func (s *selector) seesAll(c *command.Command, args [][]byte, uses *command.Uses) Reason {
	switch {
	case c.Flags.Has(command.FlagKeyless), uses.Broadcast && !s.readsAllOf(args, uses.Prefixes):
		return ReasonKeyless
	case c.Flags&(command.FlagTelling|command.FlagFiltered) != 0 && !s.named.has(c.ID):
		return ReasonKeyless
	case (uses.SortBy || uses.SortGet) && !s.readsAll():
		if uses.SortBy {
			return ReasonSortBy
		}
		return ReasonSortGet
	}
	return ReasonAllowed
}

// readsAllOf reports whether whatever begins with one of the prefixes may be read. There
// must be one, and not the empty one.
func (s *selector) readsAllOf(args [][]byte, prefixes []int) bool {
	for _, i := range prefixes {
		if !slices.ContainsFunc(s.keys, func(k keyPattern) bool { return k.may&command.Read != 0 && k.covers(args[i]) }) {
			return false
		}
	}
	return len(prefixes) > 0
}

// readsAll is Redis's ACLSelectorHasUnrestrictedKeyAccess for reading.
func (s *selector) readsAll() bool {
	return slices.ContainsFunc(s.keys, func(k keyPattern) bool { return k.text == "*" && k.may&command.Read != 0 })
}

// reaches reports whether one pattern allows all that is needed of key; two patterns never add up.
func (s *selector) reaches(key []byte, need command.Need) bool {
	if s.keyIndex != nil {
		return s.keyIndex.match(key, need)
	}
	for i := range s.keys {
		if k := &s.keys[i]; k.may&need == need && k.match(key) {
			return true
		}
	}
	return false
}

// hears reports whether a channel is allowed. A pattern to subscribe to must be written in the rules, letter by letter.
func (s *selector) hears(channel []byte, isPattern bool) bool {
	if s.channelIndex != nil {
		if isPattern {
			_, ok := s.channelTexts[string(channel)] // which allocates nothing
			return ok
		}
		return s.channelIndex.match(channel, command.Any)
	}
	for i := range s.channels {
		if p := &s.channels[i]; isPattern && string(channel) == p.text || !isPattern && p.match(channel) {
			return true
		}
	}
	return false
}

// equalFold compares in ASCII; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// asciiLower lowers letters of ASCII and leaves every other byte alone.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
