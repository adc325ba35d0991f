package proxy

// What redisgate says by itself. Redis's own texts are as its newest versions
// print them (networking.c, acl.c, multi.c, hello in networking.c).
const (
	textNoAuth      = "NOAUTH Authentication required."
	textWrongPass   = "WRONGPASS invalid username-password pair or user is disabled."
	textNoPassword  = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
	textSyntax      = "ERR syntax error"
	textHelloAuth   = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	textNoProto     = "NOPROTO unsupported protocol version"
	textProtoNumber = "ERR Protocol version is not an integer or out of range"
	textClientName  = "ERR Client names cannot contain spaces, newlines or special characters."
	textNestedMulti = "ERR MULTI calls can not be nested"
	textWatchMulti  = "ERR WATCH inside MULTI is not allowed"
	textExecAlone   = "ERR EXEC without MULTI"
	textDiscard     = "ERR DISCARD without MULTI"
	textExecAbort   = "EXECABORT Transaction discarded because of previous errors."
	textRulesMoved  = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: "
	textDBNumber    = "ERR invalid DB index"
	textDBRange     = "ERR DB index is out of range"

	textBusy        = "ERR redisgate: no upstream connection is free"
	textUnreachable = "ERR redisgate: Redis is unreachable; the command was not sent"
	textLost        = "ERR redisgate: connection to Redis lost; the command may have run"
	textMoved       = "UNBLOCKED redisgate: Redis is at another address now"
	textThrottled   = "ERR redisgate: too many failed attempts to log in; try again later"
	textBusyLogin   = "ERR redisgate: too many clients are logging in at this moment; try again"
	textRate        = "ERR rate limit exceeded"
	textSeats       = "ERR redisgate: that user has as many connections as it may"
	textBuffered    = "ERR redisgate: the request is larger than max_buffered_command_bytes and cannot stream"
	textQueue       = "ERR redisgate: the transaction is larger than max_buffered_command_bytes"
	textInMulti     = "ERR redisgate: this command cannot be used inside MULTI"
	textFilterMulti = "ERR redisgate: the names of keys cannot be filtered inside MULTI for a user without all keys"
	textRedirect    = "ERR redisgate: REDIRECT is not supported; track in RESP3, or without it"
	textPinnedAuth  = "ERR redisgate: that user may not use this database, and keys are watched or channels subscribed in it"
	textMultiAuth   = "ERR redisgate: that user may not use this database, and inside MULTI no other can be chosen for it"
	textNotYet      = "ERR redisgate: this command is not supported by this version of redisgate"
	textWait        = "ERR redisgate: WAIT and WAITAOF speak of the writes of one connection, and many clients share redisgate's"
	textReplica     = "ERR Replica can't interact with the keyspace"
	textAmid        = "ERR redisgate: only PING, RESET and QUIT can follow MONITOR"
	textBound       = "ERR redisgate: this command needs a connection that watches no keys, has no subscriptions and tracks nothing"
	textTooLarge    = "ERR redisgate: the reply is too large"
	textAudit       = "ERR redisgate: the audit log is full; the command was not run"
	textSubscribed  = "ERR redisgate: too many subscriptions"
)

var (
	replyOK     = []byte("+OK\r\n")
	replyQueued = []byte("+QUEUED\r\n")
	replyReset  = []byte("+RESET\r\n")
)
