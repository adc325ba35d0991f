package command

import "bytes"

// parseSet reads SET key value [options] (t_string.c, parseExtendedStringArgumentsOrReply). Redis asks for reading too if
// GET stands anywhere after the value (db.c, setGetKeys); the conditions on the old value tell it bit by bit, so they
// count as reading here.
func parseSet(args [][]byte, u *Uses) error {
	need := Write
	for i := 3; i < len(args); i++ {
		if equalFold(wordToC(args[i]), "get") {
			need |= Read
		}
	}
	for i := 3; i < len(args); i++ {
		arg, more := args[i], i+1 < len(args)
		switch {
		case hasNUL(arg):
			return errNUL
		case option(arg, "nx"), option(arg, "xx"), option(arg, "get"), option(arg, "keepttl"):
		case more && (option(arg, "ex") || option(arg, "px") || option(arg, "exat") || option(arg, "pxat")):
			i++
		case more && (option(arg, "ifeq") || option(arg, "ifne") || option(arg, "ifdeq") || option(arg, "ifdne")):
			need |= Read
			i++
		default:
			return errSyntax
		}
	}
	u.key(1, need)
	return nil
}

// parseBitfield reads BITFIELD key [GET type offset | [OVERFLOW how] SET|INCRBY type offset value]... (bitops.c).
func parseBitfield(args [][]byte, u *Uses) error {
	need := Read
	for i := 2; i < len(args); i++ {
		arg, left := args[i], len(args)-i-1
		switch {
		case hasNUL(arg):
			return errNUL
		case left >= 2 && option(arg, "get"):
			i += 2
		case left >= 1 && option(arg, "overflow"):
			i++
		case left >= 3 && (option(arg, "set") || option(arg, "incrby")):
			need |= Write
			i += 3
		default:
			return errSyntax
		}
	}
	u.key(1, need)
	return nil
}

// parseSort reads SORT and SORT_RO (sort.c, sortCommandGeneric).
func parseSort(args [][]byte, u *Uses, readOnly bool) error {
	u.key(1, Read)
	store := 0
	for i := 2; i < len(args); i++ {
		arg, left := args[i], len(args)-i-1
		switch {
		case hasNUL(arg):
			return errNUL
		case option(arg, "asc"), option(arg, "desc"), option(arg, "alpha"):
		case left >= 2 && option(arg, "limit"):
			if _, ok := integer(args[i+1]); !ok {
				return errInteger
			}
			if _, ok := integer(args[i+2]); !ok {
				return errInteger
			}
			i += 2
		case left >= 1 && !readOnly && option(arg, "store"):
			if store != 0 {
				return errTwice
			}
			store = i + 1
			i++
		case left >= 1 && option(arg, "by"):
			if bytes.IndexByte(args[i+1], '*') >= 0 {
				u.SortBy = true
			}
			i++
		case left >= 1 && option(arg, "get"):
			u.SortGet = true
			i++
		default:
			return errSyntax
		}
	}
	if !readOnly && store != extractedStore(args) {
		return errAmbiguous
	}
	if store != 0 {
		u.key(store, Write)
	}
	return nil
}

// extractedStore is the argument that Redis's key extraction takes for SORT's destination (db.c, sortGetKeys): it goes on
// reading options at the destination itself, so a key named STORE or LIMIT makes it differ from the executor.
func extractedStore(args [][]byte) int {
	store := 0
	for i := 2; i < len(args); i++ {
		arg := wordToC(args[i])
		switch {
		case equalFold(arg, "limit"):
			i += 2
		case equalFold(arg, "get"), equalFold(arg, "by"):
			i++
		case i+1 < len(args) && equalFold(arg, "store"):
			store = i + 1
		}
	}
	return store
}

// parseGeoRadius reads GEORADIUS and GEORADIUSBYMEMBER, whose options begin at from (geo.c, georadiusGeneric). Of several
// destinations Redis checks the first STORE and the first STOREDIST and writes to the last of all: more than one is refused.
func parseGeoRadius(args [][]byte, u *Uses, from int) error {
	u.key(1, Read)
	store := 0
	for i := from; i < len(args); i++ {
		arg, more := args[i], i+1 < len(args)
		switch {
		case hasNUL(arg):
			return errNUL
		case option(arg, "withdist"), option(arg, "withhash"), option(arg, "withcoord"), option(arg, "any"),
			option(arg, "asc"), option(arg, "desc"):
		case more && option(arg, "count"):
			if _, ok := integer(args[i+1]); !ok {
				return errInteger
			}
			i++
		case more && (option(arg, "store") || option(arg, "storedist")):
			if store != 0 {
				return errTwice
			}
			store = i + 1
			if to := wordToC(args[store]); equalFold(to, "store") || equalFold(to, "storedist") {
				return errAmbiguous
			}
			i++
		default:
			return errSyntax
		}
	}
	if store != 0 {
		u.key(store, Write)
	}
	return nil
}

// parseCopy reads COPY source destination [DB n] [REPLACE] (db.c, copyCommand).
func parseCopy(args [][]byte, u *Uses) error {
	u.key(1, Read)
	u.key(2, Write)
	for i := 3; i < len(args); i++ {
		arg, more := args[i], i+1 < len(args)
		switch {
		case hasNUL(arg):
			return errNUL
		case option(arg, "replace"):
		case more && option(arg, "db"):
			if len(u.Databases) > 0 {
				return errTwice
			}
			if err := u.database(args[i+1], errInteger); err != nil {
				return err
			}
			i++
		default:
			return errSyntax
		}
	}
	return nil
}

// parseSwapDB reads SWAPDB a b (db.c, swapdbCommand).
func parseSwapDB(args [][]byte, u *Uses) error {
	if err := u.database(args[1], "ERR invalid first DB index"); err != nil {
		return err
	}
	return u.database(args[2], "ERR invalid second DB index")
}

// parseMigrate reads MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH p | AUTH2 u p] [KEYS key...]
// (cluster.c, migrateCommand). The database is one of another server, which may be this one by another name.
func parseMigrate(args [][]byte, u *Uses) error {
	if err := u.database(args[4], errInteger); err != nil {
		return err
	}
	for i := 6; i < len(args); i++ {
		arg, left := args[i], len(args)-i-1
		switch {
		case hasNUL(arg):
			return errNUL
		case option(arg, "copy"), option(arg, "replace"):
		case left >= 1 && option(arg, "auth"):
			i++
		case left >= 2 && option(arg, "auth2"):
			i += 2
		case left >= 1 && option(arg, "keys"):
			if len(args[3]) != 0 {
				return Refusal("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
			}
			for key := i + 1; key < len(args); key++ {
				u.key(key, Read|Write)
			}
			return nil
		default:
			return errSyntax
		}
	}
	u.key(3, Read|Write)
	return nil
}

// parseTracking reads the options of CLIENT TRACKING, strictly: one that is only Redis's to see could send invalidations
// to another client's connection.
func parseTracking(args [][]byte, u *Uses) error {
	for i := 2; i < len(args); i++ {
		switch arg := args[i]; {
		case bytes.IndexByte(arg, 0) >= 0:
			return errNUL
		case i == 2:
			if !equalFold(arg, "on") && !equalFold(arg, "off") {
				return errSyntax
			}
		case equalFold(arg, "bcast"):
			u.Broadcast = true
		case equalFold(arg, "optin"), equalFold(arg, "optout"), equalFold(arg, "noloop"):
		case equalFold(arg, "prefix") && i+1 < len(args):
			i++
			u.Prefixes = append(u.Prefixes, i)
		case equalFold(arg, "redirect") && i+1 < len(args):
			i++
		default:
			return errSyntax
		}
	}
	return nil
}
