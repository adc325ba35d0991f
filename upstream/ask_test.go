package upstream

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

func TestAskReturnsDecodedRepliesAndErrors(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	c := NewControl(&Dialer{Network: "unix", Address: s.Socket(), Timeout: 10 * time.Second})
	for _, tc := range []struct {
		args string
		want any
		err  string
	}{
		{"PING", "PONG", ""},
		{"GET none", nil, ""},
		{"STRLEN none", int64(0), ""},
		{"CONFIG GET timeout", []any{"timeout", "0"}, ""},
		{"NOSUCH", nil, "ERR unknown command 'NOSUCH'"},
	} {
		got, err := c.Ask(t.Context(), strings.Fields(tc.args)...)
		if !reflect.DeepEqual(got, tc.want) || (err == nil) != (tc.err == "") || err != nil && !strings.HasPrefix(err.Error(), tc.err) {
			t.Errorf("Ask(%s) = %v, %v; want %v, %q", tc.args, got, err, tc.want, tc.err)
		}
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if _, err := c.Ask(t.Context(), "PING"); err == nil {
		t.Error("Ask after Close = no error; want one")
	}
}
