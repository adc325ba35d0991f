// Package metrics shows operators what redisgate does: the Prometheus series,
// and whether it lives and is ready. It is the only importer of client_golang.
//
// It counts nothing itself. At each scrape it asks its [Source] once for a
// [Snapshot] of plain numbers, so that whoever counts may do so in any way
// that costs nothing. It does not know sockets of clients, RESP, users or
// rules; every name in a snapshot must come from a table or the
// configuration, never from the wire.
package metrics

import "time"

// Source gives the numbers of this moment. It is asked by several goroutines
// and must answer within a second or so.
type Source interface {
	Snapshot() Snapshot
}

// Snapshot is all that is counted, since the start of the process unless said
// otherwise. Slices are read only until the next call and may be shared.
type Snapshot struct {
	Connections         int64 // open now
	ConnectionsCapacity int64 // listen.max_connections
	Users               []UserConnections
	Results             ConnectionResults
	Ended               []Ended
	Handshakes          []Handshake
	Auth                AuthResults
	Passwords           []Password
	Alerts              uint64 // users whose password was guessed at from many addresses

	CertificateUsers []CertificateUser

	Commands []Command
	Denied   []Denied
	Limits   []Limit
	Rates    []Rate
	Duration Histogram // last byte of a request in, to the first of its reply ready

	ReceivedBytes uint64 // from clients, requests without TLS around them
	SentBytes     uint64 // to clients

	UpstreamShared            int64 // connections open now
	UpstreamDedicated         int64
	UpstreamSharedCapacity    int64
	UpstreamDedicatedCapacity int64
	UpstreamUp                bool // Redis answers
	UpstreamErrors            []UpstreamError

	BufferBytes         int64 // of all clients' buffers
	BufferCapacityBytes int64 // limits.memory

	Certificates    []Certificate
	RevocationLists []Certificate // the same of revocation lists
	Staples         []Certificate // and of OCSP responses
	TLSReloads      ReloadResults // of the files of both, and of keys

	CertificateEnded uint64 // sessions closed because the client's certificate does not hold any more

	AuditDropped []AuditDrop // audit events that nobody will read, by class

	Reloads           ReloadResults
	ConfigLastSuccess time.Time // zero: leave the series out
	ConfigGeneration  uint64    // of the configuration in force: 1 at the start, one more with each reload that succeeds
}

// AuditDrop counts lost audit events of one class.
type AuditDrop struct {
	Class string
	Count uint64
}

// ConnectionResults counts connections by how far they got.
type ConnectionResults struct {
	Accepted         uint64 // admitted by address and number
	DeniedAddress    uint64
	OverLimit        uint64
	ProxyHeader      uint64
	HandshakeFailed  uint64
	HandshakeTimeout uint64
	AuthTimeout      uint64
}

// UserConnections is how many connections a user has. User is as in Password.
type UserConnections struct {
	User    string
	Current int64
}

// Ended counts sessions that are over. Reason is a fixed word such as "client" or
// "memory".
type Ended struct {
	Reason string
	Count  uint64
}

// Handshake counts complete TLS handshakes of one kind.
type Handshake struct {
	Version string // "1.2" or "1.3"
	Resumed bool
	Count   uint64
}

// AuthResults counts attempts to log in.
type AuthResults struct {
	OK        uint64
	Failed    uint64
	Throttled uint64 // refused unread, after too many failures from the address
	Busy      uint64 // refused untried, while too many logged in

	Certificate        uint64 // logged in by certificate, without AUTH
	CertificateRefused uint64 // certificates that are somebody's and logged nobody in
}

// CertificateUser counts log-ins by certificate. User is as in Password.
type CertificateUser struct {
	User  string
	Count uint64
}

// Password counts log-ins by one of a user's passwords. User is a configured name,
// or one that an administrator has made; Slot is the password's place among the
// user's, from 0, "16+" for all from there on.
type Password struct {
	User  string
	Slot  string
	Count uint64
}

// Command counts the verdicts on one command. Name is from the command table,
// or "other".
type Command struct {
	Name    string
	Allowed uint64
	Denied  uint64
}

// Denied counts refused commands. User is a configured name, Reason one of the
// policy's.
type Denied struct {
	User   string
	Reason string
	Count  uint64
}

// Limit is a bound on connections: of one user, or with an empty User of each address,
// of which Current is the busiest one's.
type Limit struct {
	User              string
	Capacity, Current int64
	Refused           uint64
}

// Rate is a limit on what one user does in a second, or with an empty User each address,
// of which Current is the busiest one's.
type Rate struct {
	Of                string // "commands" or "bytes"
	User              string
	Capacity, Current int64 // Current is more than Capacity if some wait
	Refused, Delayed  uint64
}

// Histogram is a distribution of seconds.
type Histogram struct {
	Bounds []float64 // upper bounds in seconds, ascending
	Counts []uint64  // not cumulative; one more than Bounds, for what is above them
	Sum    float64   // seconds
}

// UpstreamError counts failures towards Redis. Kind is a fixed word such as
// "dial", "auth", "lost" or "busy".
type UpstreamError struct {
	Kind  string
	Count uint64
}

// Certificate is one certificate file in use.
type Certificate struct {
	File   string
	Expiry time.Time // NotAfter, the earliest of the file
}

// ReloadResults counts reloads.
type ReloadResults struct {
	OK     uint64
	Failed uint64
}

// Build says what is running.
type Build struct {
	Version   string
	Revision  string
	GoVersion string
}
