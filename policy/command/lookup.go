package command

import "strings"

// Failure says why Lookup found no command that can run.
type Failure uint8

const (
	Found              Failure = iota
	UnknownCommand             // the command returned is nil
	UnspeakableCommand         // the same, and the name contains NUL: nobody may have it forwarded
	UnknownSubcommand          // the command returned is the container
	WrongArity                 // the command returned is the one whose arity is wrong
)

// Lookup finds the command that args call, a container resolved to its subcommand, as Redis does (server.c,
// lookupCommand and commandCheckArity): in any case, and "CONFIG|GET" as one word is unknown. It does not allocate and keeps
// nothing of args.
//
// Names are compared whole. Redis hashes them whole but compares up to a NUL (server.c, dictSdsKeyCaseCompare), so
// "shutdown\x00" and some letters is SHUTDOWN there whenever both fall into one bucket.
func Lookup(args [][]byte) (*Command, Failure) { return LookupHead(args, len(args)) }

// LookupHead is Lookup for a request of which only the first arguments are in: argc is how many it will have in all.
// If head is the name alone and the name is a container's, the answer is UnknownCommand: the first two arguments decide.
func LookupHead(head [][]byte, argc int) (*Command, Failure) {
	if len(head) == 0 {
		return nil, UnknownCommand
	}
	c := find(head[0])
	if c == nil {
		if hasNUL(head[0]) {
			return nil, UnspeakableCommand
		}
		return nil, UnknownCommand
	}
	if c.Flags.Has(FlagContainer) && argc > 1 {
		if len(head) == 1 {
			return nil, UnknownCommand
		}
		sub := findSub(c, head[1])
		if sub == nil {
			return c, UnknownSubcommand
		}
		c = sub
	}
	if !c.arityAllows(argc) {
		return c, WrongArity
	}
	return c, Found
}

// ByName finds a command by its full name in any case: "get", "CONFIG|GET". It returns nil if there is none.
func ByName(name string) *Command {
	container, sub, ok := strings.Cut(name, "|")
	c := find(container)
	if !ok || c == nil {
		return c
	}
	return findSub(c, sub)
}

func (c *Command) arityAllows(argc int) bool {
	return c.Arity >= 0 && argc == c.Arity || c.Arity < 0 && argc >= -c.Arity
}

// The hash of a full name is FNV-1a over bytes with 0x20 set, so that a container's hash goes on to its subcommand's.
// A table with open addressing takes about 10 ns for GET; a map of strings and a lower-cased copy took about 25.
func hashName[T string | []byte](name T) uint32 {
	h := hashStart(name)
	return h ^ h>>15
}

func hashStart[T string | []byte](name T) uint32 {
	h := uint32(2166136261)
	if len(name) > longestName {
		return h
	}
	for i := 0; i < len(name); i++ {
		h = (h ^ uint32(name[i]|0x20)) * 16777619
	}
	return h
}

func hashSub[T string | []byte](h uint32, sub T) uint32 {
	if len(sub) > longestName {
		return h
	}
	h = (h ^ ('|' | 0x20)) * 16777619
	for i := 0; i < len(sub); i++ {
		h = (h ^ uint32(sub[i]|0x20)) * 16777619
	}
	return h ^ h>>15
}

// longestName bounds the work for hostile names; a test holds the table to it.
const longestName = 32

// find returns the command of that name that is no subcommand, or nil.
func find[T string | []byte](name T) *Command {
	for i := hashName(name) % slotCount; slots[i] != 0; i = (i + 1) % slotCount {
		if c := &table[slots[i]-1]; c.parent == 0 && equalFold(name, c.Name) {
			return c
		}
	}
	return nil
}

// findSub returns a container's subcommand, or nil.
func findSub[T string | []byte](container *Command, sub T) *Command {
	from := len(container.Name) + 1
	for i := hashSub(hashStart(container.Name), sub) % slotCount; slots[i] != 0; i = (i + 1) % slotCount {
		if c := &table[slots[i]-1]; c.parent == container.ID+1 && equalFold(sub, c.Name[from:]) {
			return c
		}
	}
	return nil
}

// equalFold compares in ASCII, as strcasecmp does in the C locale, but whole: a NUL ends nothing. lower is in lower case.
func equalFold[T string | []byte](s T, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}
