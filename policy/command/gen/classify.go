package main

// class says how a group of commands travels. The table below is written by hand and read by people: a command that
// is in no group is RouteRefused, whatever a server says of it.
type class struct {
	route string
	why   string
	names string // full names; "config|*" is the container and each of its subcommands that no other line names
}

var classes = []class{
	// Shared: known, exactly one reply, no connection state, never waits for another client.
	{
		"RouteShared", "strings and bitmaps",
		`append bitcount bitfield bitfield_ro bitop bitpos decr decrby delex delifeq digest get getbit getdel getex getrange getset
		incr incrby incrbyfloat lcs mget mset msetex msetnx psetex set setbit setex setnx setrange strlen substr`,
	},
	{
		"RouteShared", "hashes",
		`hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist
		hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals`,
	},
	{
		"RouteShared", "lists",
		`lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim rpop rpoplpush rpush rpushx`,
	},
	{
		"RouteShared", "sets",
		`sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop srandmember srem sscan
		sunion sunionstore`,
	},
	{
		"RouteShared", "sorted sets",
		`zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember
		zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange
		zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore`,
	},
	{
		"RouteShared", "streams; XREAD and XREADGROUP block only with BLOCK, which the parse of their arguments reports",
		`xack xackdel xadd xautoclaim xclaim xdel xdelex xgroup|* xinfo|* xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim`,
	},
	{
		"RouteShared", "geography and hyperloglogs",
		`geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore
		pfadd pfcount pfmerge`,
	},
	{
		"RouteShared", "keys of any type",
		`copy del dump exists expire expireat expiretime move object|* persist pexpire pexpireat pexpiretime pttl rename renamenx
		restore sort sort_ro touch ttl type unlink`,
	},
	{"RouteShared", "the keyspace as a whole", `dbsize keys randomkey scan swapdb`},
	{"RouteShared", "publishing and asking about channels: one reply, unlike subscribing", `publish spublish pubsub|*`},
	{
		"RouteShared", "the server: one reply each, nothing that the connection remembers",
		`command|* commandlog|* config config|help config|resetstat echo info lastsave latency|* lolwut memory|* ping role slowlog|* time`,
	},

	// Dedicated: one reply, but a long one or one that may be long in coming; nobody should queue behind it.
	{"RouteDedicated", "newer servers flush in the background and block the connection until it is done", `flushall flushdb`},
	{"RouteDedicated", "runs as long as it likes; the reply can have any shape", `eval eval_ro evalsha evalsha_ro fcall fcall_ro`},
	{"RouteDedicated", "KILL must not queue behind the script that it kills", `function|* script script|exists script|flush script|help script|kill script|load script|show`},
	{"RouteDedicated", "secrets in the reply must be emptied on its way back", `config|get`},
	{"RouteDedicated", "forks or writes files while it answers", `bgrewriteaof bgsave save`},

	{
		"RouteBlocking", "waits for another client",
		`blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin`,
	},
	{
		"RouteSubscribe", "a reply for each channel, then messages without end",
		`psubscribe punsubscribe ssubscribe subscribe sunsubscribe unsubscribe`,
	},

	// Local: answered by redisgate, for they speak of its own users, sessions and connections.
	{"RouteLocal", "who the client is and how it speaks", `auth hello quit reset`},
	{"RouteLocal", "state of the connection that redisgate keeps itself", `select client|*`},
	{"RouteLocal", "transactions are queued here", `discard exec multi unwatch watch`},
	{"RouteLocal", "redisgate's own users, never Redis's", `acl|*`},

	{"RouteReserved", "replication and its stream of the whole keyspace", `failover psync replconf replicaof slaveof sync`},
	{"RouteReserved", "sees every command of every client", `monitor`},
	{"RouteReserved", "reads, writes or sends away any key, loads code or stops the server", `debug migrate module|* restore-asking shutdown`},
	{"RouteReserved", "changes the server under everybody", `config|rewrite config|set script|debug`},
	{"RouteReserved", "cluster: addresses of the servers behind, and moving slots", `asking cluster|* readonly readwrite`},
	{"RouteReserved", "for the tests of Redis itself", `pfdebug pfselftest`},

	{"RouteRefused", "waits for the writes of its own connection, which a shared pipeline does not have", `wait waitaof`},
}

// marks adds facts that no server reports.
var marks = []struct {
	flag  string
	why   string
	names string
}{
	{"Reserved", "reached only by a rule that names the command; everything with RouteReserved besides", ``},
	{
		"Script", "runs code, or changes code that others run, with the rights of redisgate's own account",
		`eval eval_ro evalsha evalsha_ro fcall fcall_ro function|delete function|flush function|load function|restore script|load`,
	},
	{
		"Keyless", "takes no key and sees or changes all of them: for users with all keys only",
		`dbsize flushall flushdb pubsub|channels pubsub|numpat pubsub|numsub pubsub|shardchannels pubsub|shardnumsub swapdb`,
	},
	{
		"Filtered", "takes no key and answers with names of keys: for users with all keys, or by a rule that names the very command and then filtered",
		`keys randomkey scan`,
	},
	{
		"Telling", "takes no key and tells of keys or commands of others: for users with all keys, or by a rule that names the very command",
		`commandlog|get function|dump function|list function|stats info latency|doctor latency|graph latency|histogram latency|history
		latency|latest memory|doctor memory|malloc-stats memory|stats script|exists script|show slowlog|get`,
	},
	{"EveryDatabase", "acts on more databases than the selected one, whatever its arguments", `flushall swapdb`},
	{"RewriteSecrets", "its reply holds secrets", `config|get`},
	{"ChangesUsers", "changes redisgate's own users: for users who may do everything only", `acl|deluser acl|load acl|save acl|setuser`},
	{
		"ShowsUsers", "shows redisgate's own users or what they did: for users who may do everything, or by a rule that names the very command",
		`acl|dryrun acl|getuser acl|list acl|log acl|users`,
	},
}

// syntaxes names the parser of commands whose keys are not at fixed places, or whose arguments decide more than keys.
var syntaxes = map[string]string{
	"set":               "syntaxSet",
	"bitfield":          "syntaxBitfield",
	"sort":              "syntaxSort",
	"sort_ro":           "syntaxSortRO",
	"georadius":         "syntaxGeoRadius",
	"georadiusbymember": "syntaxGeoRadiusByMember",
	"xread":             "syntaxXRead",
	"xreadgroup":        "syntaxXReadGroup",
	"eval":              "syntaxEval",
	"eval_ro":           "syntaxEval",
	"evalsha":           "syntaxEval",
	"evalsha_ro":        "syntaxEval",
	"fcall":             "syntaxEval",
	"fcall_ro":          "syntaxEval",
	"zunion":            "syntaxSetOperation",
	"zinter":            "syntaxSetOperation",
	"zdiff":             "syntaxSetOperation",
	"zintercard":        "syntaxSetOperation",
	"zunionstore":       "syntaxSetOperation",
	"zinterstore":       "syntaxSetOperation",
	"zdiffstore":        "syntaxSetOperation",
	"sintercard":        "syntaxCounted",
	"lmpop":             "syntaxCounted",
	"zmpop":             "syntaxCounted",
	"blmpop":            "syntaxCounted",
	"bzmpop":            "syntaxCounted",
	"msetex":            "syntaxCounted",
	"migrate":           "syntaxMigrate",
	"copy":              "syntaxCopy",
	"move":              "syntaxMove",
	"swapdb":            "syntaxSwapDB",
	"select":            "syntaxSelect",
	"subscribe":         "syntaxSubscribe",
	"ssubscribe":        "syntaxSubscribe",
	"psubscribe":        "syntaxPSubscribe",
	"publish":           "syntaxPublish",
	"spublish":          "syntaxPublish",
	"client|tracking":   "syntaxTracking",
}

// streams overrides where a payload may start to flow; see Command.StreamFrom.
var streams = map[string]int{
	"set":      2, // given more than three arguments it is judged as if it had GET
	"publish":  2,
	"spublish": 2,
	"echo":     1,
}
