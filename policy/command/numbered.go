package command

import "strings"

// parseEval reads EVAL script numkeys key... and its kin (eval.c, evalGenericCommand; functions.c, fcallCommandGeneric).
func (c *Command) parseEval(args [][]byte, u *Uses) error {
	at := c.keys[0].first
	n, ok := integer(args[at])
	switch {
	case !ok && strings.HasPrefix(c.Name, "fcall"):
		return Refusal("ERR Bad number of keys provided")
	case !ok:
		return errInteger
	case n > int64(len(args)-at-1):
		return Refusal("ERR Number of keys can't be greater than number of args")
	case n < 0:
		return Refusal("ERR Number of keys can't be negative")
	}
	for i := 1; i <= int(n); i++ {
		u.key(at+i, c.keys[0].need)
	}
	return nil
}

// parseSetOperation reads ZUNION numkeys key..., with a destination before it ZUNIONSTORE, and their kin
// (t_zset.c, zunionInterDiffGenericCommand).
func (c *Command) parseSetOperation(args [][]byte, u *Uses) error {
	counted := &c.keys[len(c.keys)-1]
	for i := range c.keys[:len(c.keys)-1] {
		u.key(c.keys[i].first, c.keys[i].need)
	}
	n, ok := integer(args[counted.first])
	switch {
	case !ok:
		return errInteger
	case n < 1:
		return Refusal("ERR at least 1 input key is needed for '" + c.Name + "' command")
	case n > int64(len(args)-counted.first-1):
		return errSyntax
	}
	for i := 1; i <= int(n); i++ {
		u.key(counted.first+i, counted.need)
	}
	return nil
}

// parseCounted reads commands of one number of keys: LMPOP, BLMPOP, ZMPOP, BZMPOP, SINTERCARD, MSETEX
// (t_list.c, lmpopGenericCommand; t_zset.c, zmpopGenericCommand; t_set.c, sinterCardCommand).
func (c *Command) parseCounted(args [][]byte, u *Uses) error {
	k := &c.keys[0]
	n, ok := integer(args[k.first])
	if !ok || n < 1 {
		return Refusal("ERR numkeys should be greater than 0")
	}
	room := len(args) - k.first - 1
	if n > int64(room/k.step) {
		if c.Name == "sintercard" {
			return Refusal("ERR Number of keys can't be greater than number of args")
		}
		return errSyntax
	}
	for i := 0; i < int(n); i++ {
		u.key(k.first+1+i*k.step, k.need)
	}
	return nil
}

// parseXRead reads XREAD and XREADGROUP (t_stream.c, xreadCommand): options, then STREAMS and as many keys as IDs. Redis's
// key extraction takes the first word STREAMS from the fourth argument on, be it a group or a consumer: those are refused.
func parseXRead(args [][]byte, u *Uses, grouped bool) error {
	streams, group := 0, false
	for i := 1; i < len(args) && streams == 0; i++ {
		arg, left := args[i], len(args)-i-1
		switch {
		case hasNUL(arg):
			return errNUL
		case left >= 1 && option(arg, "block"):
			if _, ok := integer(args[i+1]); !ok {
				return Refusal("ERR timeout is not an integer or out of range")
			}
			u.Blocks = true
			i++
		case left >= 1 && option(arg, "count"), left >= 1 && grouped && option(arg, "claim"):
			if _, ok := integer(args[i+1]); !ok {
				return errInteger
			}
			i++
		case left >= 1 && option(arg, "streams"):
			streams = i + 1
		case left >= 2 && option(arg, "group"):
			if !grouped {
				return Refusal("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
			}
			for j := max(i+1, 4); j <= i+2; j++ {
				if equalFold(wordToC(args[j]), "streams") {
					return errAmbiguous
				}
			}
			group = true
			i += 2
		case option(arg, "noack"):
			if !grouped {
				return Refusal("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
			}
		default:
			return errSyntax
		}
	}
	switch {
	case streams == 0:
		return errSyntax
	case (len(args)-streams)%2 != 0:
		return Refusal("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
	case grouped && !group:
		return Refusal("ERR Missing GROUP option for XREADGROUP")
	}
	for i := streams; i < streams+(len(args)-streams)/2; i++ {
		u.key(i, Read)
	}
	return nil
}
