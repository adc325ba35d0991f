package users

import (
	"slices"
	"strings"
	"sync"
	"time"

	"redisgate/policy"
)

// Bounds of a [Log]. The first is Redis's default (acllog-max-len in config.c), grouping is Redis's (acl.c,
// addACLLogEntry and ACLLogMatchEntry); that fields have a bound is redisgate's own.
const (
	logEntries = 128
	logField   = 1024 // bytes
	logGroup   = 10   // entries among which an equal one is looked for
	logWithin  = 60 * time.Second
)

// Reasons of an [Event] in the words of ACL LOG, and redisgate's own for databases.
const (
	LogCommand  = "command"
	LogKey      = "key"
	LogChannel  = "channel"
	LogAuth     = "auth"
	LogDatabase = "database"
)

// LogReason gives the reason of an [Event] for a verdict, or "" for what is not logged: what is allowed or does not
// parse, and SORT's own restriction, which Redis does not log either.
func LogReason(r policy.Reason) string {
	switch r {
	case policy.ReasonUnjudged, policy.ReasonCommand, policy.ReasonReserved, policy.ReasonUnknown, policy.ReasonKeyless,
		policy.ReasonScript:
		return LogCommand
	case policy.ReasonKey:
		return LogKey
	case policy.ReasonChannel:
		return LogChannel
	case policy.ReasonDatabase:
		return LogDatabase
	}
	return ""
}

// Contexts of an [Event] in the words of ACL LOG.
const (
	LogTopLevel = "toplevel"
	LogMulti    = "multi" // refused by EXEC, of a command that was queued
)

// Event is one refusal. Nothing of it is kept: the [Log] copies what it needs, at most 1 KB of each field.
type Event struct {
	Reason     string // one of those above
	Context    string // LogTopLevel or LogMulti
	Object     []byte // what was refused: the key, the channel, the command as typed for LogAuth, else the command's full name
	Username   []byte // who asked; for LogAuth whatever a stranger has sent as a name, any bytes
	ClientInfo string // as CLIENT INFO shows the client
}

// Entry is one line of the [Log]: one event, or several alike.
type Entry struct {
	ID         int64 // counts entries from 0, over resets
	Count      int64 // events in it, from 1
	Reason     string
	Context    string
	Object     string
	Username   string
	ClientInfo string        // of the last event
	Created    time.Time     // of the first event
	Updated    time.Time     // of the last event
	Age        time.Duration // since the last event, when Entries was asked
}

// Log remembers who was refused what, for ACL LOG: the newest 128 entries, each of at most 4 KB. An event like one of the
// first 10 entries within 60 seconds counts there and moves that entry to the front. It is safe for concurrent use and
// not for the path of a permitted command: it has a lock.
type Log struct {
	now func() time.Time

	mu      sync.Mutex
	entries []*Entry // newest first
	next    int64    // ID of the next entry
}

// NewLog makes an empty log that takes the time from now, which is called under the log's lock; nil is time.Now.
func NewLog(now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{now: now}
}

// Add puts an event in. Fields longer than 1 KB are cut, and compared as they are then.
func (l *Log) Add(e Event) {
	object, username := cutField(e.Object), cutField(e.Username)
	info := strings.Clone(cutField(e.ClientInfo))
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	alike := func(old *Entry) bool {
		return old.Reason == e.Reason && old.Context == e.Context && old.Object == string(object) &&
			old.Username == string(username) && now.Sub(old.Updated).Abs() <= logWithin
	}
	var entry *Entry
	if i := slices.IndexFunc(l.entries[:min(len(l.entries), logGroup)], alike); i >= 0 {
		entry = l.entries[i]
		l.entries = slices.Delete(l.entries, i, i+1)
	} else {
		entry = &Entry{
			ID: l.next, Reason: e.Reason, Context: e.Context, Object: string(object), Username: string(username), Created: now,
		}
		l.next++
		l.entries = l.entries[:min(len(l.entries), logEntries-1)]
	}
	entry.Count++
	entry.Updated, entry.ClientInfo = now, info
	l.entries = slices.Insert(l.entries, 0, entry)
}

// Entries gives copies of the newest n entries, newest first; none if n is negative.
func (l *Log) Entries(n int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	out := make([]Entry, min(max(n, 0), len(l.entries)))
	for i := range out {
		out[i] = *l.entries[i]
		out[i].Age = now.Sub(out[i].Updated)
	}
	return out
}

// Reset forgets all entries.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

func cutField[T string | []byte](s T) T { return s[:min(len(s), logField)] }
