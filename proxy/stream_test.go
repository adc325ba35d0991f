package proxy

import "testing"

// Requests of over 64 KB, which flow on before they are whole.
var streams = map[string]script{
	"lost in the middle": {text: as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n"
		C! @50000
		C! "*"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n"
		U! D1 @49999
		N
		L D1
		G -ERR redisgate: Redis is unreachable; the command was not sent
		C! @49999
		C! "\r\n"
		C GET b
		U S1 GET b
		A S1
		G =get b`)},

	"lost behind others": {text: as("app", `
		C EVAL 1 0
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nvvvv"
		U D1 EVAL 1 0
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nvv"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		G -ERR redisgate: Redis is unreachable; the command was not sent
		C! @99996
		C! "\r\n"
		C GET b
		U S1 GET b
		A S1
		G =get b`)},

	// As when proto-max-bulk-len is less here than in Redis.
	"answered before its end": {text: as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nvvvv"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nvv"
		R D1 -ERR Protocol error: invalid bulk length
		G -ERR Protocol error: invalid bulk length
		L D1
		C! @99996
		C! "\r\n"
		C GET b
		U S1 GET b
		A S1
		G =get b`)},

	"answered before its end, keys watched": {text: as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nvvvv"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nvv"
		R D1 -ERR Protocol error: invalid bulk length
		G -ERR Protocol error: invalid bulk length
		X upstream`)},

	"wrong in the middle": {text: as("app", `
		C EVAL 1 0
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		C! @70000
		C! "??"
		U D1 EVAL 1 0
		U* D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		G -ERR Protocol error: invalid bulk length
		X protocol`)},

	"denied at its end": {text: as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000"
		W less
		C! @70000
		C! "\r\n"
		U! D1 "\r\n"
		U! D1 @70000
		G -NOPERM User app has no permissions to run the 'set' command
		C GET b
		U S1 GET b
		A S1
		G =get b`), sets: map[string]map[string]string{"less": {"app": "on >secret ~* +get"}}},

	"denied at its end, keys watched": {text: as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000"
		W less
		C! @70000
		C! "\r\n"
		U! D1 "\r\n"
		U! D1 @70000
		G -NOPERM User app has no permissions to run the 'set' command
		X upstream`), sets: map[string]map[string]string{"less": {"app": "on >secret ~* +get +@transaction"}}},

	"its user is gone at its end": {text: as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000"
		W nobody
		C! @70000
		C! "\r\n"
		U! D1 "\r\n"
		U! D1 @70000
		X user`), sets: map[string]map[string]string{"nobody": {"other": "off"}}},

	"its client leaves": {text: as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\nvvvv"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\nvv"
		E
		X client`)},

	"denied at once": {text: as("few", `
		C! "*3\r\n$3\r\nSET\r\n$5\r\nother\r\n$70000\r\n"
		N
		C! @70000
		N
		C! "\r\n"
		G -NOPERM No permissions to access a key
		C! "*3\r\n$4\r\nMSET\r\n$1\r\na\r\n$70000\r\n"
		C! @70000
		C! "\r\n"
		G -NOPERM User few has no permissions to run the 'mset' command`)},

	"too large to keep": {text: as("app", `
		C! "*3\r\n$4\r\nMSET\r\n$1\r\na\r\n$300000\r\n"
		C! @300000
		C! "\r\n"
		G -ERR redisgate: the request is larger than max_buffered_command_bytes and cannot stream
		C MSET a @100000
		U D1 MSET a @100000
		A D1
		G =mset a vvvvvvvvvvvvvvvvvvvv`)},

	"Redis does not take it": {text: as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$200000\r\n"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$200000"
		F D1
		C! @200000
		C! "\r\n"
		N
		F- D1
		U! D1 "\r\n"
		U! D1 @200000
		U! D1 "\r\n"
		A D1
		G =set a vvvvvvvvvvvvvvvvvvvv`)},

	"no connection is free": {text: as("app", `
		C SET a @70000
		G -ERR redisgate: no upstream connection is free
		C GET b
		G -ERR redisgate: no upstream connection is free`), setup: func(w *world) { w.busy = true }},
}

func TestStreams(t *testing.T) {
	for name, sc := range streams {
		t.Run(name, sc.play)
	}
}
