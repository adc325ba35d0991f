package command

// syntax names the parser of a command whose keys are not at fixed places or whose arguments decide more than keys.
type syntax uint8

const (
	syntaxFixed syntax = iota
	syntaxSet
	syntaxBitfield
	syntaxSort
	syntaxSortRO
	syntaxGeoRadius
	syntaxGeoRadiusByMember
	syntaxXRead
	syntaxXReadGroup
	syntaxEval
	syntaxSetOperation
	syntaxCounted
	syntaxMigrate
	syntaxCopy
	syntaxMove
	syntaxSwapDB
	syntaxSelect
	syntaxSubscribe
	syntaxPSubscribe
	syntaxPublish
	syntaxTracking
)

// Parse reads what the request uses into u. args is the whole request, and c what Lookup found for it: the arity holds.
//
// It is the only reading of the arguments: judgement, database and routing all follow from it. Redis has two readings that
// disagree, the executor's and the key extraction's (db.c), and its own ACLs are got around by that difference: the first
// STORE of GEORADIUS is checked and the last one used, PFMERGE with one key is not checked at all, a SORT ... STORE key or
// an XREADGROUP consumer that is spelled like an option is taken for one. Parse follows the executor, and refuses whatever
// the two would read differently: an option that names a key, a database or a number of keys twice, such spellings, and
// option words that contain NUL, which C compares only up to there. Numbers must be as string2ll in util.c takes them.
//
// An error is a Refusal: the request must not be forwarded, and u is to be ignored.
func (c *Command) Parse(args [][]byte, u *Uses) error {
	u.reset()
	if c.Route == RouteBlocking {
		u.Blocks = true
	}
	if !c.arityAllows(len(args)) {
		return errSyntax
	}
	switch c.syntax {
	case syntaxFixed:
		return c.fixedKeys(args, u)
	case syntaxSet:
		return parseSet(args, u)
	case syntaxBitfield:
		return parseBitfield(args, u)
	case syntaxSort, syntaxSortRO:
		return parseSort(args, u, c.syntax == syntaxSortRO)
	case syntaxGeoRadius:
		return parseGeoRadius(args, u, 6)
	case syntaxGeoRadiusByMember:
		return parseGeoRadius(args, u, 5)
	case syntaxXRead:
		return parseXRead(args, u, false)
	case syntaxXReadGroup:
		return parseXRead(args, u, true)
	case syntaxEval:
		return c.parseEval(args, u)
	case syntaxSetOperation:
		return c.parseSetOperation(args, u)
	case syntaxCounted:
		return c.parseCounted(args, u)
	case syntaxMigrate:
		return parseMigrate(args, u)
	case syntaxCopy:
		return parseCopy(args, u)
	case syntaxMove:
		u.key(1, c.keys[0].need)
		return u.database(args[2], errInteger)
	case syntaxSwapDB:
		return parseSwapDB(args, u)
	case syntaxSelect:
		return u.database(args[1], errInteger)
	case syntaxSubscribe, syntaxPSubscribe:
		for i := 1; i < len(args); i++ {
			u.Channels = append(u.Channels, Channel{Arg: i, Pattern: c.syntax == syntaxPSubscribe})
		}
		return nil
	case syntaxPublish:
		u.Channels = append(u.Channels, Channel{Arg: 1})
		return nil
	case syntaxTracking:
		return parseTracking(args, u)
	}
	return errNotFixed
}

// ParseHead is Parse for a request whose first arguments are in and that is to flow on before the rest is: c.StreamFrom()
// is not 0 and head holds at least that many arguments, of argc in all. What u tells is at least what the whole would use.
func (c *Command) ParseHead(head [][]byte, argc int, u *Uses) error {
	u.reset()
	if c.stream == 0 || len(head) < c.stream || argc < c.stream || !c.arityAllows(argc) {
		return errIncomplete
	}
	switch c.syntax {
	case syntaxFixed:
		for _, k := range c.keys {
			for i := k.first; i <= k.last; i += k.step {
				u.key(i, k.need)
			}
		}
		return nil
	case syntaxSet:
		need := Write
		if argc > 3 {
			need |= Read
		}
		u.key(1, need)
		return nil
	case syntaxPublish:
		u.Channels = append(u.Channels, Channel{Arg: 1})
		return nil
	}
	return errIncomplete
}

// fixedKeys takes the keys at fixed places. A range that begins after the last argument holds none (PFMERGE dest).
func (c *Command) fixedKeys(args [][]byte, u *Uses) error {
	for i := range c.keys {
		k := &c.keys[i]
		last := k.last
		if last < 0 {
			last += len(args)
		} else if last >= len(args) {
			return errNotFixed
		}
		for arg := k.first; arg <= last; arg += k.step {
			u.key(arg, k.need)
		}
	}
	return nil
}
