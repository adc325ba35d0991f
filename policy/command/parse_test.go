package command

import (
	"fmt"
	"strings"
	"testing"
)

// String prints what a request uses: keys with their needs, channels, databases, flags.
func (u *Uses) String() string {
	var out []string
	for _, k := range u.Keys {
		out = append(out, fmt.Sprintf("%d%s", k.Arg, [...]string{"", "r", "w", "rw"}[k.Need]))
	}
	for _, c := range u.Channels {
		out = append(out, fmt.Sprintf("%s%d", map[bool]string{false: "ch", true: "pat"}[c.Pattern], c.Arg))
	}
	for _, d := range u.Databases {
		out = append(out, fmt.Sprintf("db%d", d))
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{u.Blocks, "blocks"}, {u.SortBy, "by"}, {u.SortGet, "get"}, {u.Broadcast, "bcast"}} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return strings.Join(out, " ")
}

func parse(t *testing.T, args [][]byte) (string, error) {
	t.Helper()
	c, failure := Lookup(args)
	if failure != Found {
		t.Fatalf("Lookup(%q) = failure %d; want Found", args, failure)
	}
	var u Uses
	err := c.Parse(args, &u)
	return u.String(), err
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ request, want string }{
		{"GET k", "1r"},
		{"EXISTS a b", "1 2"},
		{"DEL a b", "1w 2w"},
		{"MSET a 1 b 2", "1w 3w"},
		{"BLPOP a b 0", "1rw 2rw blocks"},
		{"BITOP AND d a b", "2w 3r 4r"},
		{"LMOVE a b LEFT LEFT", "1rw 2w"},
		{"XGROUP CREATE k g $", "2w"},
		{"OBJECT ENCODING k", "2"},
		{"WATCH a b", "1 2"},
		{"PING", ""},
		{"SCAN 0", ""},
		{"SET k v", "1w"},
		{"SET k v GET", "1rw"},
		{"SET k v nx ex 10 get", "1rw"},
		{"SET k v IFEQ x", "1rw"},
		{"SET k v EX GET", "1rw"},
		{"BITFIELD k", "1r"},
		{"BITFIELD k GET u8 0 OVERFLOW SAT", "1r"},
		{"BITFIELD k GET u8 0 INCRBY u8 0 1", "1rw"},
		{"SORT k", "1r"},
		{"SORT k LIMIT 0 1 DESC ALPHA STORE d", "1r 8w"},
		{"SORT k BY nosort", "1r"},
		{"SORT k BY w*", "1r by"},
		{"SORT k BY w* GET # GET o*", "1r by get"},
		{"SORT_RO k GET #", "1r get"},
		{"SORT k GET STORE STORE d", "1r 5w get"},
		{"GEORADIUS k 0 0 1 km", "1r"},
		{"GEORADIUS k 0 0 1 km COUNT 1 ANY ASC STOREDIST d", "1r 11w"},
		{"GEORADIUSBYMEMBER k m 1 km STORE d", "1r 6w"},
		{"GEOSEARCHSTORE d s FROMLONLAT 0 0 BYRADIUS 1 km STOREDIST", "1w 2r"},
		{"XREAD STREAMS a b 0 0", "2r 3r"},
		{"XREAD COUNT 1 BLOCK 0 STREAMS k $", "6r blocks"},
		{"XREAD STREAMS STREAMS 0", "2r"},
		{"XREADGROUP GROUP g c NOACK STREAMS k >", "6r"},
		{"XREADGROUP GROUP g STREAMS STREAMS k >", "5r"},
		{"XREADGROUP GROUP g c CLAIM 10 STREAMS k >", "7r"},
		{"EVAL s 0 a", ""},
		{"EVAL s 2 a b c", "3rw 4rw"},
		{"EVALSHA_RO s 1 a", "3r"},
		{"FCALL f 1 a", "3rw"},
		{"ZUNION 2 a b WITHSCORES", "2r 3r"},
		{"ZUNIONSTORE d 1 a WEIGHTS 1", "1w 3r"},
		{"SINTERCARD 2 a b LIMIT 1", "2r 3r"},
		{"LMPOP 1 a LEFT", "2rw"},
		{"BLMPOP 0 2 a b LEFT", "3rw 4rw blocks"},
		{"MSETEX 2 a 1 b 2 EX 5", "2w 4w"},
		{"MIGRATE h 1 k 3 0", "3rw db3"},
		{"MIGRATE h 1  3 0 AUTH keys COPY KEYS a b", "10rw 11rw db3"},
		{"COPY a b", "1r 2w"},
		{"COPY a b DB 3 REPLACE", "1r 2w db3"},
		{"MOVE k 2", "1rw db2"},
		{"SWAPDB 0 1", "db0 db1"},
		{"SELECT 15", "db15"},
		{"SUBSCRIBE a b", "ch1 ch2"},
		{"PSUBSCRIBE a*", "pat1"},
		{"SSUBSCRIBE a", "ch1"},
		{"PUBLISH a m", "ch1"},
		{"SPUBLISH a m", "ch1"},
		{"UNSUBSCRIBE a", ""},
		{"CLIENT TRACKING ON BCAST", "bcast"},
		{"CLIENT TRACKING ON", ""},
		{"RESTORE k 0 v REPLACE", "1w"},
		{"XCLAIM k g c 0 1-1", "1w"},
		{"PFMERGE d a b", "1rw 2r 3r"},
		{"HGETDEL k FIELDS 1 f", "1rw"},
	} {
		if got, err := parse(t, request(tt.request)); err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %q, %v; want %q", tt.request, got, err, tt.want)
		}
	}
}

// Redis's own texts where Redis would answer an error; refusals of our own where it would not.
func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		request string
		want    Refusal
	}{
		{"SET k v FOO", errSyntax},
		{"SET k v EX", errSyntax},
		{"BITFIELD k GET u8", errSyntax},
		{"SORT k LIMIT 1", errSyntax},
		{"SORT k LIMIT a 1", errInteger},
		{"SORT_RO k STORE d", errSyntax},
		{"GEORADIUS k 0 0 1 km COUNT x", errInteger},
		{"GEORADIUS k 0 0 1 km STORE", errSyntax},
		{"GEORADIUS_RO k 0 0 1 km", ""},
		{"XREAD COUNT 1 STREAMS k", "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."},
		{"XREAD COUNT 1 COUNT", errSyntax},
		{"XREAD BLOCK x STREAMS k 0", "ERR timeout is not an integer or out of range"},
		{"XREAD GROUP g c STREAMS k 0", "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."},
		{"XREADGROUP COUNT 1 COUNT 1 STREAMS k 0", "ERR Missing GROUP option for XREADGROUP"},
		{"EVAL s x", errInteger},
		{"EVAL s 01 a", errInteger},
		{"FCALL f x", Refusal("ERR Bad number of keys provided")},
		{"EVAL s +1 a", errInteger},
		{"EVAL s -1", "ERR Number of keys can't be negative"},
		{"EVAL s 2 a", "ERR Number of keys can't be greater than number of args"},
		{"EVAL s 4294967297 a", "ERR Number of keys can't be greater than number of args"},
		{"EVAL s 9223372036854775807 a", "ERR Number of keys can't be greater than number of args"},
		{"EVAL s 9223372036854775808 a", errInteger},
		{"EVAL s 18446744073709551617 a", errInteger},
		{"ZUNION 0 a", "ERR at least 1 input key is needed for 'zunion' command"},
		{"ZUNIONSTORE d 9 a", errSyntax},
		{"ZUNION 1x a", errInteger},
		{"LMPOP 0 a LEFT", "ERR numkeys should be greater than 0"},
		{"LMPOP 3 a LEFT", errSyntax},
		{"SINTERCARD 2 a", "ERR Number of keys can't be greater than number of args"},
		{"MSETEX 2 a 1 b", errSyntax},
		{"COPY a b DB", errSyntax},
		{"COPY a b DB x", errInteger},
		{"COPY a b DB -1", errDatabase},
		{"COPY a b DB 01", errInteger},
		{"SELECT x", errInteger},
		{"SELECT -1", errDatabase},
		{"SELECT 4294967296", errInteger},
		{"SELECT 0\x00", errInteger},
		{"MOVE k x", errInteger},
		{"SWAPDB x 0", "ERR invalid first DB index"},
		{"SWAPDB 0 x", "ERR invalid second DB index"},
		{"MIGRATE h 1 k 0 0 KEYS a", "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"},
		{"MIGRATE h 1 k 0 0 FOO", errSyntax},
		{"MIGRATE h 1 k x 0", errInteger},
	} {
		_, err := parse(t, request(tt.request))
		if tt.want == "" {
			if err != nil {
				t.Errorf("Parse(%q) = %v; want no error", tt.request, err)
			}
			continue
		}
		if err != tt.want {
			t.Errorf("Parse(%q) = %v; want %v", tt.request, err, tt.want)
		}
	}
}

func TestHoleGeoRadiusStoreTwice(t *testing.T) {
	for _, s := range []string{
		"GEORADIUS k 0 0 1 km STORE allowed STORE secret", "GEORADIUS k 0 0 1 km STOREDIST allowed STORE secret",
		"GEORADIUSBYMEMBER k m 1 km STORE allowed STOREDIST secret", "GEORADIUSBYMEMBER k m 1 km STORE a ASC store a",
	} {
		if _, err := parse(t, request(s)); err != errTwice {
			t.Errorf("Parse(%q) = %v; want %v", s, err, errTwice)
		}
	}
	for _, s := range []string{"GEORADIUS k 0 0 1 km STORE storedist", "GEORADIUSBYMEMBER k m 1 km STOREDIST Store"} {
		if _, err := parse(t, request(s)); err != errAmbiguous {
			t.Errorf("Parse(%q) = %v; want %v", s, err, errAmbiguous)
		}
	}
}

func TestHolePFMergeOfOneKey(t *testing.T) {
	if got, err := parse(t, request("PFMERGE secret")); err != nil || got != "1rw" {
		t.Errorf("Parse(PFMERGE secret) = %q, %v; want 1rw", got, err)
	}
}

func TestHoleSortStoreNamedLikeAnOption(t *testing.T) {
	for _, s := range []string{"SORT k STORE store ASC", "SORT k STORE LIMIT STORE secret", "SORT k STORE by ALPHA STORE x", "SORT k STORE a STORE b"} {
		if got, err := parse(t, request(s)); err == nil {
			t.Errorf("Parse(%q) = %q; want a refusal", s, got)
		}
	}
	for s, want := range map[string]string{"SORT k STORE limit": "1r 3w", "SORT k ASC STORE store": "1r 4w", "SORT k BY STORE": "1r"} {
		if got, err := parse(t, request(s)); err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v; want %q, which both readings give", s, got, err, want)
		}
	}
}

func TestHoleXReadGroupConsumerNamedStreams(t *testing.T) {
	for _, s := range []string{
		"XREADGROUP COUNT 1 GROUP g STREAMS STREAMS secret >", "XREADGROUP NOACK NOACK GROUP streams c STREAMS secret >",
		"XREADGROUP COUNT 1 GROUP g streams\x00x STREAMS secret >",
	} {
		if _, err := parse(t, request(s)); err != errAmbiguous {
			t.Errorf("Parse(%q) = %v; want %v", s, err, errAmbiguous)
		}
	}
}

// C compares option words up to a NUL: "STORE\x00x" is STORE there. None may be overlooked here.
func TestOptionWordsWithNULAreRefused(t *testing.T) {
	for _, s := range []string{
		"SORT k STORE\x00x d", "SORT k BY\x00 w*", "SORT k GET\x00 #", "SET k v GET\x00x", "SET k v EX\x00 10", "XREAD BLOCK\x00x 0 STREAMS k 0",
		"XREAD STREAMS\x00 k 0 x", "XREADGROUP GROUP\x00 g c STREAMS k >", "COPY a b DB\x00 1", "GEORADIUS k 0 0 1 km STORE\x00 d",
		"GEORADIUSBYMEMBER k m 1 km STOREDIST\x00 d", "BITFIELD k SET\x00 u8 0 1", "MIGRATE h 1  0 0 KEYS\x00 a",
		"CLIENT TRACKING ON BCAST\x00", "CLIENT TRACKING ON REDIRECT\x00 5", "CLIENT TRACKING ON\x00",
	} {
		if got, err := parse(t, request(s)); err != errNUL {
			t.Errorf("Parse(%q) = %q, %v; want %v", s, got, err, errNUL)
		}
	}
	for s, want := range map[string]string{"SET k v\x00GET": "1w", "SET k\x00 v": "1w", "SORT k STORE d\x00": "1r 3w"} {
		if got, err := parse(t, request(s)); err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v; want %q: keys and values may hold any byte", s, got, err, want)
		}
	}
	if got, err := parse(t, request("SET k v EX get\x00x")); err != nil || got != "1rw" {
		t.Errorf("Parse(SET k v EX get\\0x) = %q, %v; want 1rw", got, err)
	}
}

func TestOptionsThatNameADatabaseTwiceAreRefused(t *testing.T) {
	if _, err := parse(t, request("COPY a b DB 0 DB 1")); err != errTwice {
		t.Errorf("Parse(COPY a b DB 0 DB 1) = %v; want %v", err, errTwice)
	}
}
