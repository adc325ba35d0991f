package command

// Uses is what the arguments of one request use. The caller keeps one and hands it to each Parse, which reuses its
// slices; it is valid until the next Parse. Indexes are into the arguments, the name being 0.
type Uses struct {
	Keys      []Key
	Channels  []Channel
	Prefixes  []int // arguments that are prefixes of keys: CLIENT TRACKING ... PREFIX
	Databases []int // other than the selected one, or possibly other: COPY ... DB, MOVE, SWAPDB, SELECT, MIGRATE

	Blocks    bool // waits for another client: BLPOP and kin, XREAD and XREADGROUP with BLOCK
	SortBy    bool // SORT ... BY with a pattern that reads other keys
	SortGet   bool // SORT ... GET, which reads other keys
	Broadcast bool // CLIENT TRACKING ... BCAST, which tells of all keys, or of those that begin with one of Prefixes
}

// Key is an argument that names a key, and what for.
type Key struct {
	Arg  int
	Need Need
}

// Channel is an argument that names a channel, or with PSUBSCRIBE a pattern of channels.
type Channel struct {
	Arg     int
	Pattern bool
}

// largeUses is how many keys a Uses may remember room for between requests: 16 KB.
const largeUses = 1024

func (u *Uses) reset() {
	if cap(u.Keys) > largeUses {
		u.Keys = nil
	}
	if cap(u.Channels) > largeUses {
		u.Channels = nil
	}
	if cap(u.Prefixes) > largeUses {
		u.Prefixes = nil
	}
	u.Keys, u.Channels, u.Prefixes, u.Databases = u.Keys[:0], u.Channels[:0], u.Prefixes[:0], u.Databases[:0]
	u.Blocks, u.SortBy, u.SortGet, u.Broadcast = false, false, false, false
}

func (u *Uses) key(arg int, need Need) { u.Keys = append(u.Keys, Key{Arg: arg, Need: need}) }

// Refusal is an error that Parse or ParseHead gives: the text for the client, with Redis's own code and words where Redis
// would refuse the arguments too.
type Refusal string

func (r Refusal) Error() string { return string(r) }

const (
	errSyntax     Refusal = "ERR syntax error"
	errInteger    Refusal = "ERR value is not an integer or out of range"
	errDatabase   Refusal = "ERR DB index is out of range"
	errNUL        Refusal = "ERR syntax error: an option must not contain a zero byte"
	errTwice      Refusal = "ERR syntax error: an option that names a key or a database is given twice"
	errAmbiguous  Refusal = "ERR syntax error: a name that is spelled like an option stands where it can be taken for one"
	errNotFixed   Refusal = "ERR syntax error: the keys of this command are not where they should be"
	errIncomplete Refusal = "ERR redisgate: the arguments that decide are not all in"
)
