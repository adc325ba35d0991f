package policy

import "testing"

// TestProcedure goes through Redis's decision (acl.c, ACLCheckAllUserCommandPerm and ACLSelectorCheckCmd).
func TestProcedure(t *testing.T) {
	for _, tt := range []struct {
		about, rules, request string
		want                  Reason
		arg                   int
	}{
		{"AUTH is for everybody", "-@all", "AUTH pw", ReasonAllowed, 0},
		{"HELLO is for everybody", "-@all -hello", "HELLO 3", ReasonAllowed, 0},
		{"QUIT is for everybody", "", "QUIT", ReasonAllowed, 0},
		{"RESET is for everybody", "", "RESET", ReasonAllowed, 0},
		{"PING is not", "", "PING", ReasonCommand, 0},
		{"the subcommand is what counts", "+config", "CONFIG GET x", ReasonAllowed, 0},
		{"not its container", "+config -config|get", "CONFIG GET x", ReasonCommand, 0},
		{"a part does not open the whole", "+config|get", "CONFIG RESETSTAT", ReasonCommand, 0},
		{"the command before its keys", "~a", "GET b", ReasonCommand, 0},
		{"the first key that fails", "~a +mget", "MGET a b c", ReasonKey, 2},
		{"reading needs R", "%W~a +get", "GET a", ReasonKey, 1},
		{"writing needs W", "%R~a +del", "DEL a", ReasonKey, 1},
		{"either right will do for existence", "%W~a +exists", "EXISTS a", ReasonAllowed, 0},
		{"either right will do for a type", "%R~a +type", "TYPE a", ReasonAllowed, 0},
		{"but some pattern must match", "%W~a +exists", "EXISTS b", ReasonKey, 1},
		{"two patterns do not add up", "%R~a* %W~ab* +incr", "INCR ab", ReasonKey, 1},
		{"two rights of one pattern do", "%R~a* %W~a* +incr", "INCR ab", ReasonAllowed, 0},
		{"selectors do not add up", "(%R~r* +copy) (%W~w* +copy)", "COPY r w", ReasonKey, 2},
		{"nor with the root", "%R~r* +copy (%W~w* +copy)", "COPY r w", ReasonKey, 2},
		{"one selector with both", "(%R~r* %W~w* +copy)", "COPY r w", ReasonAllowed, 0},
		{"a command here and keys there", "~* (+get)", "GET k", ReasonKey, 1},
		{"keys rank above commands", "-get (~a +get)", "GET b", ReasonKey, 1},
		{"channels rank above keys", "+publish (&a +publish)", "PUBLISH b m", ReasonChannel, 1},
		{"of equals the later argument", "+mget ~a (+mget ~a ~b)", "MGET a b c", ReasonKey, 3},
		{"of equals the later argument, first", "+mget ~a ~b (+mget ~a)", "MGET a b c", ReasonKey, 3},
		{"the empty key needs the empty pattern", "%RW~* +set", "SET EMPTY v", ReasonKey, 1},
		{"or all keys", "~* +set", "SET EMPTY v", ReasonAllowed, 0},
		{"the empty pattern", "~ +set", "SET EMPTY v", ReasonAllowed, 0},
		{"publishing is matched", "&a* +publish", "PUBLISH abc m", ReasonAllowed, 0},
		{"so is publishing to a shard", "&a* +spublish", "SPUBLISH b m", ReasonChannel, 1},
		{"so is subscribing", "&a* +subscribe", "SUBSCRIBE ab b", ReasonChannel, 2},
		{"so is subscribing to shards", "&a* +ssubscribe", "SSUBSCRIBE ab", ReasonAllowed, 0},
		{"a pattern is compared", "&ba* +psubscribe", "PSUBSCRIBE ba*", ReasonAllowed, 0},
		{"and not matched", "&ba* +psubscribe", "PSUBSCRIBE bar", ReasonChannel, 1},
		{"though it has no star", "&foo +psubscribe", "PSUBSCRIBE foo", ReasonAllowed, 0},
		{"whole", "&foo +psubscribe", "PSUBSCRIBE foo\x00*", ReasonChannel, 1},
		{"all channels", "&* +psubscribe", "PSUBSCRIBE any*", ReasonAllowed, 0},
		{"unsubscribing is free", "+unsubscribe", "UNSUBSCRIBE secret", ReasonAllowed, 0},
		{"unsubscribing patterns too", "+punsubscribe", "PUNSUBSCRIBE secret*", ReasonAllowed, 0},
		{"unsubscribing shards too", "+sunsubscribe", "SUNSUBSCRIBE secret", ReasonAllowed, 0},
		{"channels are not keys", "~a +publish", "PUBLISH a m", ReasonChannel, 1},
		{"SET writes", "%W~a +set", "SET a v", ReasonAllowed, 0},
		{"SET with GET reads", "%W~a +set", "SET a v GET", ReasonKey, 1},
		{"wherever GET stands", "%W~a +set", "SET a v EX get", ReasonKey, 1},
		{"the value GET is none", "%W~a +set", "SET a GET", ReasonAllowed, 0},
		{"BITFIELD of reads reads", "%R~a +bitfield", "BITFIELD a GET u8 0 OVERFLOW SAT", ReasonAllowed, 0},
		{"BITFIELD SET does both", "%R~a +bitfield", "BITFIELD a SET u8 0 1", ReasonKey, 1},
		{"BITFIELD INCRBY does both", "%W~a +bitfield", "BITFIELD a INCRBY u8 0 1", ReasonKey, 1},
		{"SORT BY without a star is free", "~a +sort", "SORT a BY nosort", ReasonAllowed, 0},
		{"SORT BY needs to read all", "~a +sort", "SORT a BY w*", ReasonSortBy, 0},
		{"SORT GET does", "~a +sort_ro", "SORT_RO a GET #", ReasonSortGet, 0},
		{"a star to read is all", "%R~* +sort", "SORT a BY w* GET #", ReasonAllowed, 0},
		{"a star to write is not", "%R~a %W~* +sort", "SORT a BY w*", ReasonSortBy, 0},
		{"two stars are no star", "~** +sort", "SORT a BY w*", ReasonSortBy, 0},
		{"and must be of the selector that allows", "~a +sort (%R~* +get)", "SORT a BY w*", ReasonSortBy, 0},
		{"SORT STORE writes", "%R~* +sort", "SORT a STORE b", ReasonKey, 3},
	} {
		args := split(tt.request)
		for i, a := range args {
			if string(a) == "EMPTY" {
				args[i] = nil
			}
		}
		if d, _ := judge(t, mustUser(t, tt.rules, Options{}), args); d.Reason != tt.want || d.Arg != tt.arg {
			t.Errorf("%s: user %q: %q = %v of argument %d (%v); want %v of %d", tt.about, tt.rules, tt.request, d.Reason, d.Arg, d.Err, tt.want, tt.arg)
		}
	}
}
