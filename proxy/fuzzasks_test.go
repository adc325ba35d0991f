package proxy

import (
	"strconv"
	"strings"
)

// fuzzHabits are what clients ask for, as keys of fuzzAsks.
var fuzzHabits = [][]string{
	strings.Fields(`get get get set set big stream eval blpop multi exec discard watch unwatch auth select
		subscribe unsubscribe ping hello reset config unknown malformed inline whoami setname getrange quit raw`),
	strings.Fields("get subscribe subscribe subscribe unsubscribe unsubscribe unsubscribe-all ping hello watch exec multi reset stream whoami quit"),
	strings.Fields("get set eval multi multi exec exec discard watch watch unwatch auth malformed ping getrange list hello whoami setname config"),
	strings.Fields("get big big big stream stream watch torn exec multi inline getrange auth"),
	strings.Fields("get eval eval blpop select select ping config unknown inline subscribe hello auth"),
}

// fuzzAsks are the requests of clients. id is a key that no other request has.
var fuzzAsks = map[string]func(f *fuzz, m *model, id string){
	"get":  func(_ *fuzz, m *model, id string) { m.plain("GET", id) },
	"set":  func(_ *fuzz, m *model, id string) { m.plain("SET", id, "v") },
	"big":  func(_ *fuzz, m *model, id string) { m.plain("SET", id, strings.Repeat("v", 70000)) },
	"eval": func(_ *fuzz, m *model, id string) { m.plain("EVAL", "x"+id, "0") },
	"stream": func(f *fuzz, m *model, id string) {
		m.plain("MSET", id, strings.Repeat("v", 65600*(1+f.tape.pick(2))))
	},
	"blpop": func(_ *fuzz, m *model, id string) { m.plain("BLPOP", id, "0") },
	"getrange": func(f *fuzz, m *model, id string) {
		m.plain("GETRANGE", id, "0", strconv.Itoa(choose(&f.tape, 10, 10_000, 10_000, 100_000, 300_000, 1_100_000)))
	},
	"multi":   func(_ *fuzz, m *model, _ string) { m.send(expectation{want: replyOK, verb: "multi"}, "MULTI") },
	"exec":    func(_ *fuzz, m *model, _ string) { m.send(expectation{verb: "exec"}, "EXEC") },
	"discard": func(_ *fuzz, m *model, _ string) { m.send(expectation{want: replyOK, verb: "discard"}, "DISCARD") },
	"watch": func(_ *fuzz, m *model, id string) {
		m.send(expectation{want: replyOK, verb: "watch", id: id}, "WATCH", id)
	},
	"unwatch": func(_ *fuzz, m *model, _ string) {
		m.send(expectation{want: replyOK, verb: "unwatch", queues: true}, "UNWATCH")
	},
	"auth": func(f *fuzz, m *model, _ string) {
		m.auth(choose(&f.tape, "app", "few", "five"), choose(&f.tape, "secret", "secret", "wrong"))
	},
	"select": func(f *fuzz, m *model, _ string) {
		db := choose(&f.tape, 0, 1, 5, 20)
		m.send(expectation{want: replyOK, verb: "select", number: db, queues: true}, "SELECT", strconv.Itoa(db))
	},
	"subscribe":   func(f *fuzz, m *model, _ string) { f.subscribe(m, choose(&f.tape, "", "p", "s")+"subscribe") },
	"unsubscribe": func(f *fuzz, m *model, _ string) { f.subscribe(m, choose(&f.tape, "", "p", "s")+"unsubscribe") },
	"unsubscribe-all": func(f *fuzz, m *model, _ string) {
		verb := choose(&f.tape, "", "p", "s") + "unsubscribe"
		m.send(expectation{verb: verb, n: -1}, verb)
	},
	"ping": func(_ *fuzz, m *model, _ string) { m.send(expectation{verb: "ping", queues: true}, "PING") },
	"hello": func(f *fuzz, m *model, _ string) {
		e := expectation{verb: "hello", queues: true, number: 2 + f.tape.pick(2)}
		if f.tape.pick(4) == 0 {
			e.user = choose(&f.tape, "app", "few", "five")
			m.send(e, "HELLO", strconv.Itoa(e.number), "AUTH", e.user, choose(&f.tape, "secret", "wrong"))
			return
		}
		m.send(e, "HELLO", strconv.Itoa(e.number))
	},
	"reset": func(_ *fuzz, m *model, _ string) { m.send(expectation{want: replyReset, verb: "reset"}, "RESET") },
	"config": func(_ *fuzz, m *model, _ string) {
		m.send(expectation{want: []byte("*4\r\n$11\r\nrequirepass\r\n$0\r\n\r\n$4\r\nport\r\n$4\r\n6379\r\n"), queues: true}, "CONFIG", "GET", "*")
	},
	"unknown":   func(_ *fuzz, m *model, id string) { m.plain("NOSUCH", id) },
	"malformed": func(_ *fuzz, m *model, _ string) { m.send(expectation{queues: true}, "GET") },
	"inline": func(_ *fuzz, m *model, id string) {
		m.sendRaw(expectation{id: id, want: bulkOf("echo " + id), queues: true}, "ECHO "+id+"\r\n")
		m.sendEmpty("\r\n*0\r\n")
	},
	"whoami": func(_ *fuzz, m *model, _ string) { m.send(expectation{verb: "whoami", queues: true}, "ACL", "WHOAMI") },
	"list":   func(_ *fuzz, m *model, _ string) { m.send(expectation{verb: "list", queues: true}, "CLIENT", "LIST") },
	"setname": func(f *fuzz, m *model, _ string) {
		m.send(expectation{want: replyOK, queues: true}, "CLIENT", "SETNAME", choose(&f.tape, "n", "not a name"))
	},
	"quit": func(f *fuzz, m *model, _ string) {
		if f.tape.pick(4) == 0 {
			m.send(expectation{want: replyOK, verb: "quit"}, "QUIT")
		}
	},
	"torn": func(f *fuzz, m *model, id string) {
		if f.tape.pick(4) == 0 { // what ends it is wrong
			m.sendRaw(expectation{}, "*3\r\n$3\r\nSET\r\n$"+strconv.Itoa(len(id))+"\r\n"+id+"\r\n$70000\r\n"+strings.Repeat("v", 70000)+"??")
			m.loose = true
		}
	},
	"raw": func(f *fuzz, m *model, _ string) {
		if f.tape.pick(4) == 0 {
			m.loose = true
			m.p.unsent = append(m.p.unsent, f.tape.bytes(1+f.tape.pick(60))...)
		}
	},
}

// ask has a client send a request.
func (f *fuzz) ask(m *model) {
	few := choose(&f.tape, "", "few")
	what := choose(&f.tape, m.habits...)
	if m.p.leaving || m.quits {
		return
	}
	fuzzAsks[what](f, m, few+m.serial())
}

func (f *fuzz) subscribe(m *model, verb string) {
	few := choose(&f.tape, "", "few")
	args := []string{verb}
	for range 1 + f.tape.pick(3) {
		args = append(args, few+strconv.Itoa(f.tape.pick(3)))
	}
	m.send(expectation{verb: verb, n: len(args) - 1}, args...)
}
