// Package command holds the facts about Redis's commands: their names, arity, flags and categories, how each travels, and
// what the arguments of a request use: keys, channels, databases, whether it waits. It covers Redis 7.0 to 8 and Valkey 8,
// and what is documented of later ones.
//
// The compiled table decides. A command that it does not have is unknown, and one that nobody classified is RouteRefused.
// Parse reads options as Redis's executor does, not as Redis's own key extraction does, since the two disagree (see Parse).
//
// The package knows no users and no rules.
package command

//go:generate go run ./gen

// Command is one command or subcommand. Values live in the compiled table and are never changed.
type Command struct {
	Name       string // lower case; a subcommand is "config|get"
	ID         int    // dense: 0 <= ID < Count()
	Arity      int    // number of arguments, name included; negative: at least as many. The most permissive of the versions.
	Flags      Flags
	Categories Categories
	Route      Route

	syntax syntax
	keys   []keyRange
	stream int
	parent int // ID+1 of the container; 0: not a subcommand
}

// Need is what a rule must allow for a key. Any (0) is met by a rule of either kind.
type Need uint8

// The needs of a key: Redis asks for Read where a command gives the value away, for Write where it inserts, updates or
// deletes, and for neither where it tells only of existence, type or length (acl.c, ACLSelectorCheckKey).
const (
	Any  Need = 0
	Read Need = 1 << (iota - 1)
	Write
)

// keyRange is every step-th argument from first to last; a negative last counts from the end, -1 being the last argument.
// For commands with a number of keys, first is the index of that number and step the distance between keys.
type keyRange struct {
	first, last, step int
	need              Need
}

// Route says how a request travels. The zero value refuses.
type Route uint8

const (
	RouteRefused   Route = iota // not supported, or not thought about
	RouteShared                 // exactly one reply, no connection state, never waits, unless Uses.Blocks says otherwise
	RouteDedicated              // one reply, but long in coming or in need of a connection of its own
	RouteBlocking               // may wait for another client
	RouteSubscribe              // (P|S)SUBSCRIBE and (P|S)UNSUBSCRIBE: any number of replies
	RouteLocal                  // answered by redisgate
	RouteReserved               // reached only by a rule that names it (FlagReserved)
)

var routeNames = [...]string{"refused", "shared", "dedicated", "blocking", "subscribe", "local", "reserved"}

func (r Route) String() string {
	if int(r) < len(routeNames) {
		return routeNames[r]
	}
	return "unknown"
}

// Flags are Redis's command flags (server.h, CMD_*), and after them what no server reports.
type Flags uint32

const (
	FlagWrite Flags = 1 << iota
	FlagReadOnly
	FlagDenyOOM
	FlagAdmin
	FlagPubSub
	FlagNoScript
	FlagBlocking
	FlagLoading
	FlagStale
	FlagSkipMonitor
	FlagSkipSlowlog
	FlagAsking
	FlagFast
	FlagNoAuth // AUTH, HELLO, QUIT, RESET: allowed to everybody, also before authentication
	FlagMovableKeys
	FlagAllowBusy
	FlagNoMulti
	FlagNoMandatoryKeys
	FlagNoAsyncLoading

	FlagContainer      // has subcommands
	FlagReserved       // no category and no +@all reaches it
	FlagScript         // runs or changes code that has the rights of redisgate's own account
	FlagKeyless        // takes no key and sees or changes all of them
	FlagTelling        // takes no key and tells of others' keys or commands
	FlagFiltered       // takes no key and answers with names of keys, of which a user gets those that he may read
	FlagEveryDatabase  // acts beyond the selected database, whatever its arguments
	FlagRewriteSecrets // secrets in its reply must be emptied
	FlagChangesUsers   // changes redisgate's own users: for users who may do everything
	FlagShowsUsers     // shows redisgate's own users: for users who may do everything, or by a rule that names it
)

// Has reports whether all of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// Total is Count as a constant, to size arrays with.
const Total = count

// Count is the number of commands and subcommands.
func Count() int { return count }

// ByID returns the command with that ID; it panics if id is not in [0, Count()).
func ByID(id int) *Command { return &table[id] }

// All returns every command, sorted by name with a container directly before its subcommands. It allocates; not for the
// path of a command.
func All() []*Command {
	all := make([]*Command, count)
	for i := range table {
		all[i] = &table[i]
	}
	return all
}

// Parent is the container of a subcommand, else nil.
func (c *Command) Parent() *Command {
	if c.parent == 0 {
		return nil
	}
	return &table[c.parent-1]
}

// Subcommands returns the IDs [from, to) of a container's subcommands; from == to for any other command.
func (c *Command) Subcommands() (from, to int) {
	from = c.ID + 1
	for to = from; to < count && table[to].parent == c.ID+1; to++ {
	}
	return from, to
}

// HasKeys reports whether the command can name keys at all.
func (c *Command) HasKeys() bool { return len(c.keys) > 0 }

// StreamFrom is the index of the first argument that may flow to Redis before the request is whole, because no later
// argument can widen what the command needs; 0: the request must be whole first. SET is 2, on the understanding that a
// SET of more than three arguments is judged as reading and writing its key.
func (c *Command) StreamFrom() int { return c.stream }
