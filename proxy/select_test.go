package proxy

import "testing"

// selects are conversations in which a transaction changes the database.
var selects = map[string]string{
	"it runs": as("app", `
		C SELECT 5
		U D1 SELECT 5
		A D1
		G +OK
		C SELECT 0
		G +OK
		C MULTI
		C SET a 1
		C SELECT 5
		C SET b 1
		C EXEC
		C GET c
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D2 MULTI
		U D2 SET a 1
		U D2 SELECT 5
		U D2 SET b 1
		U D2 EXEC
		A D2
		G "*3\r\n$7\r\nset a 1\r\n+OK\r\n$7\r\nset b 1\r\n"
		U S1 GET c
		A S1
		G =get c`),

	"it does not run": as("app", `
		C SELECT 5
		U D1 SELECT 5
		A D1
		G +OK
		C SELECT 0
		C MULTI
		C SELECT 5
		C EXEC
		C GET c
		G +OK
		G +OK
		G +QUEUED
		U D2 MULTI
		U D2 SELECT 5
		U D2 EXEC
		A D2 2
		N
		R D2 "*-1\r\n"
		G "*-1\r\n"
		U S1 GET c
		A S1
		G =get c`),

	"a database that nobody has used": as("app", `
		C MULTI
		C SELECT 7
		C GET a
		C EXEC
		G +OK
		U D1 SELECT 7
		A D1
		U D1 SELECT 0
		A D1
		G +QUEUED
		G +QUEUED
		U D2 MULTI
		U D2 SELECT 7
		U D2 GET a
		U D2 EXEC
		A D2
		G "*2\r\n+OK\r\n$5\r\nget a\r\n"`),

	"a database that Redis does not have": as("app", `
		C MULTI
		C SELECT 99
		C GET a
		C EXEC
		C GET b
		G +OK
		U D1 SELECT 99
		A D1
		G +QUEUED
		G +QUEUED
		U D2 MULTI
		U D2 SELECT 99
		U D2 GET a
		U D2 EXEC
		A D2
		G "*2\r\n-ERR DB index is out of range\r\n$5\r\nget a\r\n"
		U S1 GET b
		A S1
		G =get b`),

	"a database that is not the user's": as("five", `
		C MULTI
		C SELECT 6
		G +OK
		G -NOPERM No permissions to access a database
		C EXEC
		G -EXECABORT Transaction discarded because of previous errors.`),
}

func TestSelectInATransaction(t *testing.T) {
	for name, text := range selects {
		t.Run(name, script{text: text}.play)
	}
}
