package proxy

import "testing"

// endlesses are conversations about what Redis sends without end.
var endlesses = map[string]string{
	"MONITOR": as("root", `
		C MONITOR
		U D1 MONITOR
		P!. D1 "+OK\r\n"
		G "+OK\r\n"
		P!. D1 "+1.5 [0 unix:x] \"get\" \"k\"\r\n"
		G "+1.5 [0 unix:x] \"get\" \"k\"\r\n"
		C PING
		U D1 PING
		P!. D1 "+PONG\r\n"
		G +PONG
		C GET k
		G -ERR Replica can't interact with the keyspace
		C MULTI
		G -ERR redisgate: only PING, RESET and QUIT can follow MONITOR
		P!. D1 "+1.6 [0"
		G "+1.6 [0"
		C SET k v
		N
		P!. D1 " x] \"set\"\r\n"
		G " x] \"set\"\r\n-ERR Replica can't interact with the keyspace\r\n"
		C RESET
		G +RESET
		C PING
		G -NOAUTH Authentication required.`),

	"MONITOR and hanging up": as("root", `
		C MONITOR
		U D1 MONITOR
		E
		X client`),

	"MONITOR, and Redis goes": as("root", `
		C MONITOR
		U D1 MONITOR
		L D1
		X upstream`),

	"MONITOR, and the right to it goes": as("root", `
		C MONITOR
		U D1 MONITOR
		W quiet told
		X user`),

	"MONITOR beside other state": as("root", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C MONITOR
		G -ERR redisgate: this command needs a connection that watches no keys, has no subscriptions and tracks nothing
		C MULTI
		C MONITOR
		G +OK
		G -ERR redisgate: this command cannot be used inside MULTI`),

	"who has not the right": as("app", `
		C MONITOR
		G -NOPERM User app has no permissions to run the 'monitor' command, which is reserved: the rule +monitor in redisgate's configuration or ACL file would grant it
		C PSYNC ? -1
		G -NOPERM User app has no permissions to run the 'psync' command, which is reserved: the rule +psync in redisgate's configuration or ACL file would grant it`),

	"replication": as("root", `
		C PING
		U S1 PING
		R S1 +PONG
		G +PONG
		C REPLCONF ACK 0
		N
		C REPLCONF "ACK\x00" 0
		G -ERR syntax error
		C REPLCONF listening-port 6380
		U D1 REPLCONF listening-port 6380
		R D1 +OK
		G +OK
		C REPLCONF capa eof capa psync2
		U D1 REPLCONF capa eof capa psync2
		R D1 +OK
		G +OK
		C PSYNC ? -1
		U D1 PSYNC ? -1
		P!. D1 "+FULLRESYNC 0123 0\r\n"
		G "+FULLRESYNC 0123 0\r\n"
		P!. D1 "\n\n$3\r\nRDB"
		G "\n\n$3\r\nRDB"
		C REPLCONF ACK 17
		U D1 REPLCONF ACK 17
		N
		P!. D1 "*1\r\n$4\r\nPI"
		G "*1\r\n$4\r\nPI"
		C GET k
		X protocol`),

	"a replica asks what it may not": as("root", `
		C PSYNC ? -1
		U D1 PSYNC ? -1
		C NOSUCH
		X protocol`),

	"a replica speaks no RESP": as("root", `
		C SYNC
		U D1 SYNC
		C! "$3\r\n"
		X protocol`),
}

func TestStreamsWithoutEnd(t *testing.T) {
	quiet := map[string]string{"root": "on >secret ~* &* +@all +psync"}
	for name, text := range endlesses {
		t.Run(name, script{text: text, sets: map[string]map[string]string{"quiet": quiet}}.play)
	}
}
