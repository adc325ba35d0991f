package proxy

import "testing"

var subscribings = map[string]string{
	"a whole life": as("app", `
		C SUBSCRIBE a b
		U D1 SUBSCRIBE a b
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
		P D1 a hello
		G "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n"
		C GET x
		G -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
		C PING
		U D1 PING
		A D1
		G "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
		C UNSUBSCRIBE a
		C UNSUBSCRIBE b
		C GET x
		U D1 UNSUBSCRIBE a
		A D1
		G "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"
		U D1 UNSUBSCRIBE b
		A D1
		G "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n"
		U S1 GET x
		A S1
		G =get x`),

	"all at once": as("app", `
		C SUBSCRIBE a b
		C PSUBSCRIBE p*
		C UNSUBSCRIBE
		C PUNSUBSCRIBE
		C UNSUBSCRIBE
		C PING
		U D1 SUBSCRIBE a b
		A D1
		U D1 PSUBSCRIBE p*
		A D1
		U D1 UNSUBSCRIBE
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
		G "*3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:3\r\n"
		R D1 "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"
		G "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"
		U D1 PUNSUBSCRIBE
		A D1
		G "*3\r\n$12\r\npunsubscribe\r\n$2\r\np*\r\n:0\r\n"
		G "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
		U S1 PING
		A S1
		G +PONG`),

	// Redis's account may lack the channels: one error, however many channels.
	"refused by Redis": as("app", `
		C SUBSCRIBE a b c
		C PING
		U D1 SUBSCRIBE a b c
		U D1 PING
		R D1 -NOPERM No permissions to access a channel
		G -NOPERM No permissions to access a channel
		A D1
		G +PONG
		C PING
		U S1 PING
		A S1
		G +PONG
		C SUBSCRIBE d
		U D2 SUBSCRIBE d
		A D2
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\nd\r\n:1\r\n"
		C SUBSCRIBE a b c
		U D2 SUBSCRIBE a b c
		R D2 -NOPERM No permissions to access a channel
		G -NOPERM No permissions to access a channel
		C UNSUBSCRIBE
		C GET a
		U D2 UNSUBSCRIBE
		A D2
		G "*3\r\n$11\r\nunsubscribe\r\n$1\r\nd\r\n:0\r\n"
		U S1 GET a
		A S1
		G =get a`),

	"own replies wait for the end of a push": as("app", `
		C SUBSCRIBE a
		U D1 SUBSCRIBE a
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$10\r\n01234"
		G "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$10\r\n01234"
		C GET x
		C RESET
		N
		P! D1 "567"
		G "567"
		N
		P!. D1 "89\r\n"
		G "89\r\n"
		G -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
		G +RESET
		C PING
		G -NOAUTH Authentication required.`),

	"lost in the middle of a push": as("app", `
		C SUBSCRIBE a
		U D1 SUBSCRIBE a
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$10\r\n01234"
		G "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$10\r\n01234"
		C PING
		C GET x
		U D1 PING
		L D1
		X upstream`),

	"lost": as("app", `
		C SUBSCRIBE a b
		U D1 SUBSCRIBE a b
		R D1 "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		X upstream`),

	// A client takes each error for a request's whole answer, as when Redis refuses.
	"lost with two channels": as("app", `
		C HELLO 3
		C SUBSCRIBE a b
		C MULTI
		C SET k v
		U D1 SUBSCRIBE a b
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		G +OK
		G +QUEUED
		X upstream`),

	"lost between two channels": as("app", `
		C SUBSCRIBE a b
		C PING
		U D1 SUBSCRIBE a b
		U D1 PING
		R D1 "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		G -ERR redisgate: connection to Redis lost; the command may have run
		X upstream`),

	"keys stay watched": as("app", `
		C WATCH k
		C SUBSCRIBE a
		C UNSUBSCRIBE a
		C MULTI
		C GET k
		C EXEC
		U D1 WATCH k
		A D1
		U D1 SUBSCRIBE a
		A D1
		U D1 UNSUBSCRIBE a
		A D1
		G +OK
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		G "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n"
		G +OK
		G +QUEUED
		U D1 MULTI
		U D1 GET k
		U D1 EXEC
		R D1 +OK
		R D1 +QUEUED
		R D1 *-1
		G *-1
		C GET k
		U S1 GET k
		A S1
		G =get k`),

	"RESP3": as("app", `
		C HELLO 3
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		C SUBSCRIBE a
		U D1 SUBSCRIBE a
		A D1
		G ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		C GET x
		U D1 GET x
		P D1 a hello
		G ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n"
		A D1
		G =get x
		C MULTI
		C GET y
		C EXEC
		C UNSUBSCRIBE
		C GET z
		G +OK
		G +QUEUED
		U D1 MULTI
		U D1 GET y
		U D1 EXEC
		A D1
		G "*1\r\n$5\r\nget y\r\n"
		U D1 UNSUBSCRIBE
		U D1 GET z
		A D1
		G ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n"
		G =get z`),

	"not inside MULTI": as("app", `
		C MULTI
		C SUBSCRIBE a
		C EXEC
		G +OK
		G -ERR redisgate: this command cannot be used inside MULTI
		G -EXECABORT Transaction discarded because of previous errors.`),
}

var tooManySubscriptions = as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C SUBSCRIBE @200000 @200001 @200002 @200003 @200004 @200005
		G -ERR redisgate: too many subscriptions
		C EXEC
		G -ERR EXEC without MULTI
		C GET k
		U D1 GET k
		A D1
		G =get k`)

func TestSubscribing(t *testing.T) {
	for name, text := range subscribings {
		t.Run(name, script{text: text}.play)
	}
	t.Run("too many", script{
		text: tooManySubscriptions, whole: true, setup: func(w *world) { w.k.limits.BufferedBytes = 4 << 20 },
	}.play)
}

// TestSubscriptionsCount against the memory that all sessions may have.
func TestSubscriptionsCount(t *testing.T) {
	w := newWorld(t)
	w.auto = true
	p := w.connect()
	p.unsent = append(request("AUTH", "app", "secret"), request("SUBSCRIBE", "a", string(make([]byte, 1000)))...)
	w.settle()
	if held := w.k.bufs.held; held < 1001 || p.s.size() < 1001 {
		t.Errorf("a session subscribed to 1001 bytes of names holds %d, and its size is %d; want no less", held, p.s.size())
	}
	p.unsent = request("UNSUBSCRIBE")
	w.settle()
	if held := w.k.bufs.held; held != 0 {
		t.Errorf("a session that was subscribed holds %d; want 0", held)
	}
	w.end()
}
