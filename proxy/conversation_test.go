package proxy

import "testing"

// conversations are whole ones, good and bad.
var conversations = map[string]string{
	"first words": `
		C GET a
		G -NOAUTH Authentication required.
		C PING
		G -NOAUTH Authentication required.
		C AUTH few wrong
		G -WRONGPASS invalid username-password pair or user is disabled.
		C AUTH few secret
		G +OK
		C GET few:1
		U S1 GET few:1
		R S1 =v
		G =v
		C GET other
		G -NOPERM No permissions to access a key
		C FLUSHALL
		G -NOPERM User few has no permissions to run the 'flushall' command
		C NOPE a
		G "-ERR unknown command 'NOPE', with args beginning with: 'a' \r\n"
		C QUIT
		G +OK
		X quit`,

	"own replies keep their place": as("app", `
		C GET a
		C GET
		C GET b
		C CLIENT GETNAME
		C GET c
		U S1 GET a
		U S1 GET b
		U S1 GET c
		N
		R S1 =1
		G =1
		G -ERR wrong number of arguments for 'get' command
		R S1 =2
		G =2
		G $-1
		R S1 =3
		G =3`),

	"one place at a time": as("app", `
		C GET a
		C EVAL x 0
		C GET b
		U S1 GET a
		N
		R S1 =1
		G =1
		U D1 EVAL x 0
		N
		R D1 =2
		G =2
		U S1 GET b
		R S1 =3
		G =3`),

	"inline": as("app", `
		C! "GET 'a b'\r\n\r\nSET x \"\\x41\"\n"
		U S1 GET "a b"
		U S1 SET x A
		R S1 =1
		R S1 +OK
		G =1
		G +OK`),

	"a new database": as("app", `
		C SELECT 3
		C GET a
		C SELECT 3
		C SELECT 99
		C GET b
		U D1 SELECT 3
		N
		R D1 +OK
		G +OK
		U S1 GET a
		R S1 =1
		G =1
		G +OK
		U D1 SELECT 99
		R D1 -ERR DB index is out of range
		G -ERR DB index is out of range
		U S1 GET b
		R S1 =2
		G =2`),

	"a transaction": as("app", `
		C MULTI
		C SET a 1
		C GET
		C EXEC
		C MULTI
		C SET a 1
		C GET a
		C EXEC
		C GET b
		G +OK
		G +QUEUED
		G -ERR wrong number of arguments for 'get' command
		G -EXECABORT Transaction discarded because of previous errors.
		G +OK
		G +QUEUED
		G +QUEUED
		U S1 MULTI
		U S1 SET a 1
		U S1 GET a
		U S1 EXEC
		U S1 GET b
		R S1 +OK
		R S1 +QUEUED
		R S1 +QUEUED
		N
		R S1 "*2\r\n+OK\r\n$1\r\n1\r\n"
		G "*2\r\n+OK\r\n$1\r\n1\r\n"
		R S1 =b
		G =b`),

	"a transaction that is lost half-way": as("app", `
		C MULTI
		C SET a 1
		C EXEC
		C GET b
		G +OK
		G +QUEUED
		U S1 MULTI
		U S1 SET a 1
		U S1 EXEC
		U S1 GET b
		R S1 +OK
		L S1
		G -ERR redisgate: connection to Redis lost; the command may have run
		G -ERR redisgate: connection to Redis lost; the command may have run
		C GET c
		U S2 GET c
		R S2 =c
		G =c`),

	"watched keys": as("app", `
		C WATCH k
		C GET k
		C MULTI
		C SET k 2
		C EXEC
		C GET k
		U D1 WATCH k
		U D1 GET k
		U D1 MULTI
		U D1 SET k 2
		U D1 EXEC
		N
		A D1
		G +OK
		G =get k
		G +OK
		G +QUEUED
		G "*1\r\n$7\r\nset k 2\r\n"
		U S1 GET k
		A S1
		G =get k`),

	"a large value streams": as("app", `
		C SET a @100000
		C GET a
		U D1 SET a @100000
		N
		A D1
		G =set a vvvvvvvvvvvvvvvvvvvv
		U S1 GET a
		A S1
		G =get a`),
}

func TestConversations(t *testing.T) {
	for name, text := range conversations {
		t.Run(name, func(t *testing.T) { script{text: text}.play(t) })
	}
}
