package proxy

import (
	"strings"
	"testing"
)

// events are what a user hears of keys of whom few* are his to read.
var events = map[string]string{
	"of keys that are his and that are not": as("some", `
		C PSUBSCRIBE *
		U D1 PSUBSCRIBE *
		R D1 "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"
		G "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"
		P! D1 "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$19\r\n__keyspace@0__:few1\r\n$3\r\nset\r\n"
		P!. D1 ""
		G "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$19\r\n__keyspace@0__:few1\r\n$3\r\nset\r\n"
		P! D1 "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n__keyevent@0__:set\r\n$5\r\nother"
		P!. D1 "\r\n"
		N
		P! D1 "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n__keyevent@0__:set\r\n$3\r\n"
		P!. D1 "few\r\n"
		G "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n__keyevent@0__:set\r\n$3\r\nfew\r\n"
		C PING
		U D1 PING
		A D1
		G "*2\r\n$4\r\npong\r\n$0\r\n\r\n"`),

	"nothing of what is held goes out if the connection is lost": as("some", `
		C SUBSCRIBE __keyevent@0__:set
		U D1 SUBSCRIBE __keyevent@0__:set
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$5\r\nfe"
		N
		L D1
		X upstream`),

	"a reply of redisgate's own goes before what is held": as("some", `
		C SUBSCRIBE __keyevent@0__:set
		U D1 SUBSCRIBE __keyevent@0__:set
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$3\r\nfe"
		C GET few
		G -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
		P!. D1 "w\r\n"
		G "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$3\r\nfew\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$3\r\nfe"
		C RESET
		G +RESET
		C PING
		G -NOAUTH Authentication required.`),

	"a message without a channel": as("some", `
		C SUBSCRIBE news
		U D1 SUBSCRIBE news
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$-1\r\n$3\r\nset\r\n"
		P!. D1 ""
		N
		P! D1 "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\na\r\n"
		P!. D1 ""
		G "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\na\r\n"`),

	"a large message of another kind flows": as("some", `
		C SUBSCRIBE news
		U D1 SUBSCRIBE news
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n"
		G "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n"
		P! D1 "$10\r\n01234"
		G "$10\r\n01234"
		P!. D1 "56789\r\n"
		G "56789\r\n"`),
}

func TestEvents(t *testing.T) {
	for name, text := range events {
		t.Run(name, script{text: text}.play)
	}
	t.Run("a name that is too long to hold", script{text: as("some", `
		C SUBSCRIBE __keyevent@0__:set
		U D1 SUBSCRIBE __keyevent@0__:set
		A D1
		G "*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n"
		P! D1 "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$2000003\r\nfew`+strings.Repeat("x", 2000000)+`"
		P!. D1 "\r\n"
		N
		P! D1 "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$3\r\n"
		P!. D1 "few\r\n"
		G "*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$3\r\nfew\r\n"`), whole: true}.play)
}
