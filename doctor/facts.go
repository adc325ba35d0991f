// Package doctor judges a Redis as what redisgate stands in front of: whether others reach
// it, whether it is guarded, whether its settings hurt connections that many clients
// share, and whether redisgate's account there has the rights it needs and no others.
//
// [Gather] looks, and is the only part that knows sockets and files; [Judge] and [Least]
// are judgement over the facts. No fact is a password.
package doctor

import "redisgate/policy"

// Gate is what redisgate's configuration asks of Redis.
type Gate struct {
	Local     bool   // Redis is on this machine
	Account   string // that redisgate logs in as
	Address   string // of Redis, for texts
	TCPPort   uint16 // of Address; 0: a unix socket
	Shared    int    // shared and dedicated connections, in all
	Dedicated int
	Argument  int64          // the largest argument of a client, in bytes
	Command   int64          // the largest request
	Users     []*policy.User // whose commands go to Redis by that account

	CLI  string // how a shell calls redis-cli for this Redis
	Hash string // what stands for redisgate's password in an ACL SETUSER, in a shell: "#..." or what yields that
}

// Facts is what was seen of a Redis. What was not is in Unseen.
type Facts struct {
	Name, Version, Mode string            // "redis" or "valkey", "7.0.15", "standalone"; empty: unseen
	Settings            map[string]string // by CONFIG GET's names; those that were not shown are missing
	Reached             []Reach
	Open                *bool     // whether a client that does not log in is let in
	Default             *Account  // the user "default"
	Dangerous           []string  // commands that Default may run and strangers should not
	Root                *bool     // whether the process runs as root
	Account             *Account  // redisgate's
	Commands            []Command // all that the server has; nil: unseen
	Exposed             []File
	Unseen              []Unseen
}

// Answer is what a stranger hears at an address.
type Answer string

// What Redis answers to PING.
const (
	AnswersAll       Answer = "without a password"
	AnswersPassword  Answer = "and wants a password"
	AnswersProtected Answer = "and refuses, by protected mode alone"
	AnswersTLS       Answer = "with TLS"
)

// Reach is an address of this machine, not loopback, at which Redis answers.
type Reach struct {
	Address string // "10.0.0.5:6379"
	Answer  Answer
}

// Account is a user of Redis, without its passwords.
type Account struct {
	Enabled, NoPass bool
	Selectors       []Selector // the root first; at least one
}

// Selector is what an account may do by one set of rules, in the words of ACL GETUSER.
type Selector struct{ Commands, Keys, Channels []string }

// File is one that others of the machine can use and should not.
type File struct {
	What, Path string
	Mode       uint32 // permission bits
}

// Unseen is what could not be looked at.
type Unseen struct{ What, Why string }

// Severity orders findings.
type Severity string

// From what must be mended now to what is good to know.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

var severities = []Severity{Critical, High, Medium, Low}

// Finding is one thing that is wrong.
type Finding struct {
	Severity Severity
	About    string   // a short name that stays the same
	Text     string   // what is wrong, and why that matters
	Fix      []string // lines of redis.conf, the configuration or a shell, each saying which
}
