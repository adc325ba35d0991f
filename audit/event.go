// Package audit writes down who did what: one line of JSON for each event, to a file,
// to standard output or to syslog. docs/AUDIT.md has the fields.
//
// A [Trail] is the log. Whoever has something to tell takes a [Recorder] of it and
// calls Record, which copies the event into a bounded queue and never waits. One
// goroutine makes lines of what the queues hold and writes them. There is a queue for
// each class of events, so that many of one cannot push out a few of another.
//
// The package knows no sockets, no RESP and no rules; what it may show of a request is
// its own table (Redact).
package audit

import "net/netip"

// Classes of events. A set of them has bit 1<<class for each.
const (
	Auth       uint8 = iota // log-ins, and who a client is afterwards
	Denied                  // commands refused
	Admin                   // commands of administrators, permitted
	Config                  // start, end, and reloads of the configuration
	Connection              // connections opened, closed and refused
	Command                 // every other command
	classes
)

// Classes is the number of classes.
const Classes = int(classes)

var classNames = [Classes]string{"auth", "denied", "admin", "config", "connection", "command"}

// ClassName is how a class is called in the configuration, in lines and in metrics.
func ClassName(class uint8) string { return classNames[class] }

// ClassByName is the opposite of ClassName.
func ClassByName(name string) (class uint8, ok bool) {
	for i, n := range classNames {
		if n == name {
			return uint8(i), true
		}
	}
	return 0, false
}

// ClassNames lists all classes.
func ClassNames() []string { return append([]string(nil), classNames[:]...) }

// Event is what has happened. The zero value of a field that is not documented
// otherwise leaves it out of the line. Nothing in it belongs to the package but during
// a call; strings must not change afterwards.
type Event struct {
	Class       uint8
	Time        int64          // in Unix nanoseconds; 0: now
	Client      uint64         // as CLIENT ID has it
	Address     netip.AddrPort // of the client
	Unix        bool           // it came over a unix socket and has none
	Balancer    netip.AddrPort // whose PROXY header has said the address
	TLS         string         // "1.2" or "1.3"
	Certificate string         // whom the client's names
	User        string         // as configured, or Unknown
	Method      string         // how somebody has logged in
	Command     string         // from a table, or Unknown
	Database    int            // if there is a Command
	Packed      []byte         // what Pack has made of the arguments
	Verdict     string         // fixed words
	Reason      string         // fixed words
	Duration    int64          // in nanoseconds; less than 0: none
	Generation  uint64         // of the configuration
	Held        bool           // Reserve has kept room for it

	// Grounds tells which rule has decided on the command; nil: none has. It is asked
	// later, on another goroutine. Selector is as in policy.Decision.
	Grounds interface {
		RuleFor(command string, selector int) string
	}
	Selector int
}

// Unknown stands for names that are in no table and nobody's: people type passwords in
// the wrong place.
const Unknown = "unknown"
