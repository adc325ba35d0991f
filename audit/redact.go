package audit

import (
	"net/netip"
	"strings"
)

// What is shown of the arguments of a command stands in one table. A command that is
// not in it shows none, but for its keys, if these are wanted: so a command that nobody
// has thought about cannot tell a secret. An argument is shown only if it is of the kind
// that its place asks for; passwords, rules, values and scripts are of none.

// Redacted stands for arguments that are not shown.
const Redacted = "(redacted)"

// kind says what an argument must look like to be shown.
type kind uint8

const (
	secret    kind = iota // is never shown
	user                  // a name as people give to users, or an address
	parameter             // a known parameter of CONFIG
	number                // digits
	place                 // an address, a port, or one of words
	word                  // one of words
)

// form is what is shown of the arguments after a command's name: one kind for each
// place, the last of them for all places that follow.
var forms = map[string][]kind{
	"acl|setuser":      {user, secret}, // the rules may hold passwords
	"acl|getuser":      {user, secret},
	"acl|deluser":      {user},
	"acl|dryrun":       {user, secret},
	"acl|log":          {word},
	"config|set":       {parameter, secret},
	"config|get":       {parameter},
	"client|kill":      {user}, // an address, or options
	"client|list":      {word},
	"client|pause":     {number, word},
	"client|unblock":   {number, word},
	"client|no-evict":  {word},
	"debug":            {word, secret},
	"failover":         {word},
	"flushall":         {word},
	"flushdb":          {word},
	"info":             {word},
	"latency|history":  {word},
	"migrate":          {place, number, secret}, // AUTH and AUTH2 are among its options
	"module|load":      {secret},                // modules take passwords as arguments
	"module|loadex":    {secret},
	"replicaof":        {place, place},
	"slaveof":          {place, place},
	"script|debug":     {word},
	"shutdown":         {word},
	"slowlog|get":      {number},
	"commandlog|get":   {number, word},
	"swapdb":           {number},
	"bgsave":           {word},
	"cluster|failover": {word},
	"cluster|reset":    {word},
	"cluster|meet":     {place, number},
}

// words are options, in lower case, none of which is anybody's secret.
var words = set(`reset get slots keys maxmemory id type user addr laddr skipme maxage yes no normal master replica
pubsub write all on off timeout error sleep segfault panic restart crash-and-recover object digest digest-value reload
loadaof jmap change-repl-id set-active-expire quicklist-packed-threshold protocol htstats htstats-key listpack
stringmatch-len mallctl dict-resizing replicate client-eviction leak log pause-cron oom structsize ziplist to force
abort async sync schedule takeover hard soft nosave save now one count server clients memory persistence stats
replication cpu commandstats latencystats cluster modules keyspace errorstats everything default slow large-request
large-reply command fork expire-cycle eviction-cycle aof-write fast-command debug sync`)

// parameters are those of CONFIG, of Redis 7 and 8 and of Valkey 8.
var parameters = set(`acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min
active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper
active-expire-effort activedefrag activerehashing always-show-logo aof-disable-auto-gc aof-load-truncated
aof-rewrite-incremental-fsync aof-timestamp-enabled aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename
appendfsync appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage bgsave_cpulist bind bind-source-addr
bio_cpulist busy-reply-threshold client-output-buffer-limit client-query-buffer-limit
cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration
cluster-announce-bus-port cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip
cluster-announce-port cluster-announce-tls-port cluster-config-file cluster-enabled cluster-link-sendbuf-limit
cluster-migration-barrier cluster-node-timeout cluster-port cluster-preferred-endpoint-type cluster-replica-no-failover
cluster-replica-validity-factor cluster-require-full-coverage cluster-slave-no-failover cluster-slave-validity-factor
commandlog-execution-slower-than commandlog-request-larger-than commandlog-reply-larger-than crash-log-enabled
crash-memcheck-enabled daemonize databases dbfilename dir disable-thp dynamic-hz enable-debug-command
enable-module-command enable-protected-configs events-per-io-thread hash-max-listpack-entries hash-max-listpack-value
hash-max-ziplist-entries hash-max-ziplist-value hll-sparse-max-bytes hz ignore-warnings io-threads io-threads-do-reads
jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles lazyfree-lazy-eviction
lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time
lfu-log-factor list-compress-depth list-max-listpack-size list-max-ziplist-size locale-collate logfile loglevel
lua-time-limit masterauth masteruser max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients maxmemory
maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples min-replicas-max-lag
min-replicas-to-write min-slaves-max-lag min-slaves-to-write no-appendfsync-on-rewrite notify-keyspace-events
oom-score-adj oom-score-adj-values pidfile port primaryauth primaryuser proc-title-template propagation-error-behavior
protected-mode proto-max-bulk-len rdb-del-sync-files rdb-save-incremental-fsync rdbchecksum rdbcompression
repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync repl-diskless-sync-delay
repl-diskless-sync-max-replicas repl-ping-replica-period repl-ping-slave-period repl-timeout replica-announce-ip
replica-announce-port replica-announced replica-full-sync-buffer-limit replica-ignore-disk-write-errors
replica-ignore-maxmemory replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof
requirepass sanitize-dump-payload save server_cpulist set-max-intset-entries set-max-listpack-entries
set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slave-announce-ip
slave-announce-port slave-ignore-maxmemory slave-lazy-flush slave-priority slave-read-only slave-serve-stale-data slaveof
slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error stream-node-max-bytes
stream-node-max-entries supervised syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive timeout
tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites tls-client-cert-file
tls-client-key-file tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port
tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size tls-session-cache-timeout
tls-session-caching tracking-table-max-keys unixsocket unixsocketgroup unixsocketperm zset-max-listpack-entries
zset-max-listpack-value zset-max-ziplist-entries zset-max-ziplist-value`)

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

var redacted = []byte(Redacted)

// redact packs what may be shown of the arguments of command, which is as tables of
// commands have it; args begin with its name as the client has spelled it. Several that
// are not shown are one.
func redact(dst []byte, command string, args [][]byte) []byte {
	form := forms[command]
	first := 1
	if strings.IndexByte(command, '|') >= 0 {
		first = 2
	}
	if len(form) == 0 || len(args) <= first {
		return dst
	}
	hid := false
	for i, a := range args[first:] {
		k := form[min(i, len(form)-1)]
		if i == maxShown-1 && len(args)-first > maxShown {
			k = secret
		}
		if k.fits(a) {
			dst, hid = packText(dst, a), false
		} else if !hid {
			dst, hid = packText(dst, redacted), true
		}
		if i == maxShown-1 {
			break
		}
	}
	return dst
}

func (k kind) fits(a []byte) bool {
	if len(a) == 0 || len(a) > maxText {
		return false
	}
	switch k {
	case user:
		return only(a, "-_.:@[]")
	case number:
		return len(a) <= 20 && digits(a)
	case place:
		return len(a) <= 5 && digits(a) || oneOf(a, words) || len(a) <= 64 && address(a)
	case parameter:
		return oneOf(a, parameters)
	case word:
		return oneOf(a, words)
	}
	return false
}

// only says that a has nothing but ASCII letters, digits and what else is given.
func only(a []byte, more string) bool {
	for _, b := range a {
		letter := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
		if !letter && strings.IndexByte(more, b) < 0 {
			return false
		}
	}
	return true
}

func digits(a []byte) bool {
	for _, b := range a {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// address says that a is an address with or without a port.
func address(a []byte) bool {
	if _, err := netip.ParseAddr(string(a)); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(string(a))
	return err == nil
}

func oneOf(a []byte, list map[string]bool) bool {
	var room [64]byte
	if len(a) > len(room) {
		return false
	}
	lower := room[:0]
	for _, b := range a {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		lower = append(lower, b)
	}
	return list[string(lower)]
}
