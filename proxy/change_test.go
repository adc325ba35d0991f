package proxy

import "testing"

// changes are conversations in the middle of which users change, and sessions
// are told.
var changes = map[string]string{
	"a wait that is not permitted any more": as("app", `
		C BLPOP a 0
		C GET b
		U D1 BLPOP a 0
		W nokeys told
		G -NOPERM No permissions to access a key
		G -NOPERM No permissions to access a key
		C GET few
		U S1 GET few
		A S1
		G =get few`),

	"a wait that stays permitted": as("app", `
		C BLPOP few 0
		U D1 BLPOP few 0
		W nokeys told
		N
		A D1
		G =blpop few 0`),

	"an answer that is on its way when the right is taken": as("app", `
		C BLPOP a 0
		U D1 BLPOP a 0
		A D1 1
		G =blpop a 0
		C BLPOP a 0
		U D1 BLPOP a 0
		R D1 =popped before
		W nokeys told
		G =popped before
		C EVAL 1 0
		G -NOPERM User app has no permissions to run the 'eval' command: it needs all commands, keys, channels and databases, or unsafe_scripts in redisgate's configuration`),

	"told twice": as("app", `
		C BLPOP a 0
		U D1 BLPOP a 0
		W nokeys told
		W nobody told
		G -NOPERM No permissions to access a key
		X user`),

	"the user of a wait is gone": as("app", `
		C BLPOP a 0
		U D1 BLPOP a 0
		W nobody told
		N
		X user`),

	"the client leaves while a right is taken": as("app", `
		C BLPOP a 0
		U D1 BLPOP a 0
		F D1
		W nokeys told
		N
		E!`),

	"the user of an idle session is gone": as("app", `
		W nobody told
		X user`),

	"subscriptions that are not permitted any more": as("app", `
		C SUBSCRIBE few1 b
		U D1 SUBSCRIBE few1 b
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$4\r\nfew1\r\n:1\r\n"
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
		W nokeys told
		X user`),

	"subscriptions that are not permitted any more, while a command is out": as("app", `
		C HELLO 3
		G "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n"
		C SUBSCRIBE b
		U D1 SUBSCRIBE b
		A D1
		G ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:1\r\n"
		C GET few
		U D1 GET few
		W nokeys told
		P D1 b secret
		N
		A D1
		G =get few
		X user`),

	"subscriptions that stay permitted": as("app", `
		C SUBSCRIBE few1 few2
		U D1 SUBSCRIBE few1 few2
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$4\r\nfew1\r\n:1\r\n"
		G "*3\r\n$9\r\nsubscribe\r\n$4\r\nfew2\r\n:2\r\n"
		W nokeys told
		P D1 few1 hello
		G "*3\r\n$7\r\nmessage\r\n$4\r\nfew1\r\n$5\r\nhello\r\n"`),

	"a pattern must be in the new rules letter by letter": as("app", `
		C PSUBSCRIBE few1*
		U D1 PSUBSCRIBE few1*
		A D1
		G "*3\r\n$10\r\npsubscribe\r\n$5\r\nfew1*\r\n:1\r\n"
		W nokeys told
		X user`),

	"a subscription that is looked at by a command before the session is told": as("app", `
		C SUBSCRIBE b
		U D1 SUBSCRIBE b
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:1\r\n"
		W nokeys
		C PING
		X user`),

	"a default user that needs no password now": `
		C PING
		G -NOAUTH Authentication required.
		W open told
		C GET a
		U S1 GET a
		A S1
		G =get a`,
}

var changedSets = map[string]map[string]string{
	"nokeys": {"app": "on >secret ~few* &few* +@all"},
	"nobody": {"few": "on >secret"},
	"open":   {"default": "on nopass ~* &* +@all"},
}

func TestChanges(t *testing.T) {
	for name, text := range changes {
		t.Run(name, script{text: text, sets: changedSets}.play)
	}
}
