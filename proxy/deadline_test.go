package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// deadlines are conversations in which time passes: authentication has 10 s, a
// request 60 s, and half an hour without anything is idle.
var deadlines = map[string]string{
	"a stranger's": `
		C PING
		G -NOAUTH Authentication required.
		T 9s
		C RESET
		G +RESET
		T 2s
		X auth_timeout`,

	"after RESET": as("app", `
		T 1m
		C RESET
		G +RESET
		T 9s
		C PING
		G -NOAUTH Authentication required.
		T 2s
		X auth_timeout`),

	"a request that is not whole": as("app", `
		C! "*2\r\n$3\r\nGET\r\n"
		T 59s
		C! "$1"
		T 2s
		X request_timeout`),

	"a request that is whole and waits": as("app", `
		C EVAL 1 0
		C! "*2\r\n$3\r\nGET\r\n"
		C! "$1\r\na\r\n"
		U D1 EVAL 1 0
		T 61s
		T 61s
		A D1
		G =eval 1 0
		U S1 GET a
		A S1
		G =get a`),

	"a large request that waits": as("app", `
		C GET a
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		U S1 GET a
		T 61s
		A S1
		G =get a
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000"
		T 59s
		C! @70000
		C! "\r\n"
		U! D1 "\r\n"
		U! D1 @70000
		U! D1 "\r\n"
		A D1
		G =set a vvvvvvvvvvvvvvvvvvvv`),

	"a large request that drips": as("app", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		U! D1 "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000"
		T 59s
		C! "vv"
		U! D1 "\r\n"
		T 2s
		X request_timeout`),

	"a refused request that drips": as("few", `
		C! "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n"
		T 61s
		X request_timeout`),

	"a beginning behind the last words": as("app", `
		C GET a
		C! "*2\r\n$3\r\nGET\r\n"
		U S1 GET a
		T 59s
		E
		T 10s
		A S1
		G =get a
		X client`),

	"idle": as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		T 29m
		C GET a
		U D1 GET a
		A D1
		G =get a
		T 29m
		T 2m
		X idle`),

	"blocked is not idle": as("app", `
		C BLPOP k 0
		U D1 BLPOP k 0
		T 31m
		T 31m
		A D1
		G =blpop k 0
		T 31m
		X idle`),

	"subscribed is not idle": as("app", `
		C SUBSCRIBE a
		U D1 SUBSCRIBE a
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		T 31m
		T 31m
		P D1 a b
		G "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"`),
}

func TestDeadlines(t *testing.T) {
	for name, text := range deadlines {
		t.Run(name, script{text: text, setup: func(w *world) { w.k.limits.IdleTimeout = 30 * 60e9 }}.play)
	}
}

// TestStrangersMayNotAskOnAndOn: requests that cost next to nothing cost something.
func TestStrangersMayNotAskOnAndOn(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		n     int
	}{
		"empty requests":           {"*0\r\n", strangerRequests},
		"blank lines":              {"\r\n", strangerRequests},
		"a log-in makes up for it": {"*0\r\n", 600},
	} {
		t.Run(name, func(t *testing.T) {
			first := strings.Repeat(c.input, c.n)
			script{text: fmt.Sprintf(`
				C! %q
				N
				C AUTH app secret
				%s`, first, map[bool]string{
				true:  "G -ERR Protocol error: too many requests before authentication\nX protocol",
				false: fmt.Sprintf("G +OK\nC! %q\nC RESET\nG +RESET\nC! %q\nN", first, first),
			}[c.n == strangerRequests]), whole: true}.play(t)
		})
	}
}
