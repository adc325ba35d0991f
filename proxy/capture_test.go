package proxy

import "testing"

// captures are conversations in which a reply of Redis is not the client's.
var captures = map[string]string{
	"UNWATCH is lost": as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C UNWATCH
		C GET a
		U D1 UNWATCH
		L D1
		G +OK
		U S1 GET a
		A S1
		G =get a`),

	"UNWATCH is refused": as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C UNWATCH
		C EVAL 1 0
		U D1 UNWATCH
		R D1 -NOPERM no
		G +OK
		U D2 EVAL 1 0
		A D2
		G =eval 1 0`),

	"DISCARD with watched keys is lost": as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C MULTI
		C GET k
		C DISCARD
		C PING
		G +OK
		G +QUEUED
		U D1 UNWATCH
		R D1 "+O"
		L D1
		G +OK
		U S1 PING
		A S1
		G +PONG`),

	"EXECABORT with watched keys": as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C GET k
		C MULTI
		C GET
		C EXEC
		C EVAL 1 0
		U D1 GET k
		A D1
		G =get k
		G +OK
		G -ERR wrong number of arguments for 'get' command
		U D1 UNWATCH
		N
		A D1
		G -EXECABORT Transaction discarded because of previous errors.
		U D1 EVAL 1 0
		A D1
		G =eval 1 0`),

	"SELECT is lost": as("app", `
		C SELECT 3
		C GET a
		U D1 SELECT 3
		R D1 "+O"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		U S1 GET a
		A S1
		G =get a
		C SELECT 3
		U D2 SELECT 3
		A D2
		G +OK`),

	"SELECT has not left": as("app", `
		C SELECT 3
		U D1 SELECT 3
		L- D1
		G -ERR redisgate: Redis is unreachable; the command was not sent
		C GET a
		U S1 GET a
		A S1
		G =get a`),

	"SELECT with watched keys": as("app", `
		C WATCH k
		C SELECT 3
		C GET a
		C MULTI
		C EXEC
		C GET b
		U D1 WATCH k
		A D1
		G +OK
		U D1 SELECT 3
		A D1
		G +OK
		U D1 GET a
		U D1 MULTI
		U D1 EXEC
		A D1
		G =get a
		G +OK
		G *0
		U S1 GET b
		A S1
		G =get b`),

	"secrets": as("app", `
		C CONFIG GET *
		C GET a
		U D1 CONFIG GET *
		R D1 "*4\r\n$11\r\nRequirePass\r\n$6\r\nsecret\r\n$4\r\nport\r\n$4\r\n6379\r\n"
		G "*4\r\n$11\r\nRequirePass\r\n$0\r\n\r\n$4\r\nport\r\n$4\r\n6379\r\n"
		U S1 GET a
		A S1
		G =get a`),

	"secrets, an answer that is none": as("app", `
		C CONFIG GET *
		C CONFIG GET *
		C CONFIG GET *
		U D1 CONFIG GET *
		R D1 "*3\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\n$4\r\nport\r\n"
		G -ERR redisgate: this command is not supported by this version of redisgate
		U D1 CONFIG GET *
		R D1 -ERR no
		G -ERR no
		U D1 CONFIG GET *
		R D1 *0
		G *0`),

	"secrets, half lost": as("app", `
		C CONFIG GET *
		U D1 CONFIG GET *
		R D1 "*2\r\n$11\r\nrequirepass\r\n$6\r\nsec"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		C GET a
		U S1 GET a
		A S1
		G =get a`),

	"half a reply is lost": as("app", `
		C GET a
		U S1 GET a
		R S1 "$5\r\nab"
		G "$5\r\nab"
		L S1
		X upstream`),

	"WATCH is lost": as("app", `
		C WATCH k
		U D1 WATCH k
		L- D1
		G -ERR redisgate: Redis is unreachable; the command was not sent
		X upstream`),

	"EXEC with watched keys is lost": as("app", `
		C WATCH k
		C MULTI
		C GET k
		C EXEC
		C GET a
		U D1 WATCH k
		A D1 1
		G +OK
		G +OK
		G +QUEUED
		U D1 MULTI
		U D1 GET k
		U D1 EXEC
		R D1 +OK
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		U S1 GET a
		A S1
		G =get a`),

	"a transaction that cannot be opened": as("app", `
		C MULTI
		C GET k
		C EXEC
		C GET a
		G +OK
		G +QUEUED
		U S1 MULTI
		U S1 GET k
		U S1 EXEC
		U S1 GET a
		R S1 -NOPERM no
		G -ERR redisgate: connection to Redis lost; the command may have run
		G -ERR redisgate: connection to Redis lost; the command may have run`),
}

const manySettings = `
	C CONFIG GET *
	U D1 CONFIG GET *
	R D1 =@1100000
	G -ERR redisgate: the reply is too large
	C GET a
	U S1 GET a
	A S1
	G =get a`

func TestCaptures(t *testing.T) {
	for name, text := range captures {
		t.Run(name, script{text: text}.play)
	}
	t.Run("too large", script{text: as("app", manySettings), whole: true}.play)
}

// TestDeniedExec: as in Redis it ends the transaction, and with it the watch.
func TestDeniedExec(t *testing.T) {
	script{
		text: as("app", `
			C WATCH k
			U D1 WATCH k
			A D1
			G +OK
			C MULTI
			C GET a
			G +OK
			G +QUEUED
			W less
			C EXEC
			C GET b
			U D1 UNWATCH
			N
			A D1
			G -EXECABORT Transaction discarded because of: NOPERM User app has no permissions to run the 'exec' command
			U S1 GET b
			A S1
			G =get b`),
		sets: map[string]map[string]string{"less": {"app": "on >secret ~* +get +multi +watch"}},
	}.play(t)
}
