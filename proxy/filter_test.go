package proxy

import (
	"strings"
	"testing"
)

// filters are conversations of a user who may read the keys few* only.
var filters = map[string]string{
	"KEYS": as("some", `
		C KEYS *
		C GET few
		U D1 KEYS *
		R D1 "*4\r\n$4\r\nfew1\r\n$5\r\nother\r\n$5\r\nwrite\r\n$3\r\nfew\r\n"
		G "*2\r\n$4\r\nfew1\r\n$3\r\nfew\r\n"
		U S1 GET few
		A S1
		G =get few`),

	"KEYS of nothing": as("some", `
		C KEYS *
		U D1 KEYS *
		R D1 "*0\r\n"
		G "*0\r\n"`),

	"KEYS that Redis refuses": as("some", `
		C KEYS *
		U D1 KEYS *
		R D1 -OOM
		G -OOM`),

	"KEYS is lost": as("some", `
		C KEYS *
		U D1 KEYS *
		R D1 "*2\r\n$4\r\nfew1\r\n$3\r"
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run`),

	"KEYS in a form that is not known": as("some", `
		C KEYS *
		U D1 KEYS *
		R D1 "*2\r\n$4\r\nfew1\r\n+few\r\n"
		G -ERR redisgate: this command is not supported by this version of redisgate`),

	"SCAN": as("some", `
		C SCAN 0
		C SCAN 7 COUNT 1
		U D1 SCAN 0
		R D1 "*2\r\n$1\r\n7\r\n*2\r\n$5\r\nother\r\n$3\r\nfew\r\n"
		G "*2\r\n$1\r\n7\r\n*1\r\n$3\r\nfew\r\n"
		U D1 SCAN 7 COUNT 1
		R D1 "*2\r\n$1\r\n0\r\n*1\r\n$5\r\nother\r\n"
		G "*2\r\n$1\r\n0\r\n*0\r\n"`),

	"RANDOMKEY": as("some", `
		C RANDOMKEY
		U D1 RANDOMKEY
		R D1 =other
		U D1 RANDOMKEY
		R D1 =write
		U D1 RANDOMKEY
		R D1 =few7
		G =few7`),

	"RANDOMKEY of an empty database": as("some", `
		C RANDOMKEY
		U D1 RANDOMKEY
		R D1 "$-1\r\n"
		G "$-1\r\n"`),

	"RANDOMKEY without luck": as("some", `
		C RANDOMKEY
		`+strings.Repeat("U D1 RANDOMKEY\nR D1 =other\n", randomTries)+`
		G "$-1\r\n"`),

	"RANDOMKEY is lost between two tries": as("some", `
		C RANDOMKEY
		U D1 RANDOMKEY
		R D1 =other
		U D1 RANDOMKEY
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run`),

	"inside MULTI": as("some", `
		C MULTI
		C KEYS *
		C EXEC
		G +OK
		G -ERR redisgate: the names of keys cannot be filtered inside MULTI for a user without all keys
		G -EXECABORT Transaction discarded because of previous errors.`),

	"only a rule that names the command": as("few", `
		C SCAN 0
		G -NOPERM User few has no permissions to run the 'scan' command, which reaches all keys`),

	"a user with all keys gets all": as("app", `
		C SCAN 0
		C KEYS *
		U S1 SCAN 0
		U S1 KEYS *
		R S1 =what Redis says
		R S1 =it passes on
		G =what Redis says
		G =it passes on`),
}

func TestFilters(t *testing.T) {
	for name, text := range filters {
		t.Run(name, script{text: text}.play)
	}
	large := "*70000\r\n" + strings.Repeat("$20\r\nfew56789012345678901\r\n", 70000)
	t.Run("over the output limit", script{text: as("some", `
		C KEYS *
		U D1 KEYS *
		R D1 "`+strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(large)+`"
		G -ERR redisgate: the reply is too large`), whole: true}.play)
}
