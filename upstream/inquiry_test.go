package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

func TestInquiryReadsWhatRedisAnswers(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: "pw"})
	d := &Dialer{Network: "unix", Address: s.Socket(), Password: func() (string, error) { return "pw", nil }, Timeout: 20 * time.Second}
	q, err := Inquire(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	big := strings.Repeat("x", 1<<20)
	for _, tc := range []struct {
		ask  []string
		want any
	}{
		{[]string{"PING"}, "PONG"},
		{[]string{"SET", "k", big}, "OK"},
		{[]string{"GET", "k"}, big},
		{[]string{"GET", "none"}, nil},
		{[]string{"APPEND", "k", ""}, int64(1 << 20)},
		{[]string{"KEYS", "none"}, []any{}},
		{[]string{"CONFIG", "GET", "port"}, []any{"port", "0"}},
		{[]string{"EVAL", "return {1,{'a',{false}},{}}", "0"}, []any{int64(1), []any{"a", []any{nil}}, []any{}}},
	} {
		got, err := q.Ask(t.Context(), tc.ask...)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("Ask(%.60q) = %.60q, %v; want %.60q", tc.ask, got, err, tc.want)
		}
	}
	var refused *AnswerError
	if _, err := q.Ask(t.Context(), "NOSUCH"); !errors.As(err, &refused) || !strings.HasPrefix(refused.Text, "ERR unknown command") {
		t.Errorf("Ask(NOSUCH) = %v; want Redis's error", err)
	}
	if list, err := q.Ask(t.Context(), "COMMAND"); err != nil || len(list.([]any)) < 200 {
		t.Errorf("Ask(COMMAND) = %v; want all of them", err)
	}
}

// TestInquiryDoesNotBelieveLengths talks to one that is no Redis, or a bad one.
func TestInquiryDoesNotBelieveLengths(t *testing.T) {
	for name, tc := range map[string]struct {
		says string
		want string
	}{
		"a web server":       {"HTTP/1.1 400 Bad Request\r\n\r\n", "not that of a Redis"},
		"a long string":      {"$100000000000\r\n", "larger than 64MB"},
		"a long list":        {"*2000000\r\n" + strings.Repeat(":1\r\n", 2000000), "too many parts"},
		"deep":               {strings.Repeat("*1\r\n", 100) + ":1\r\n", "too many parts"},
		"RESP3":              {"%1\r\n+a\r\n+b\r\n", "not one of RESP2"},
		"more than asked":    {"+OK\r\n+OK\r\n", "more than it was asked"},
		"the end":            {"", "EOF"},
		"the end in between": {"*2\r\n+a\r\n", "EOF"},
		"a long error":       {"-ERR " + strings.Repeat("x", 1<<20) + "\r\n", "ERR xxx"},
	} {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			_, _ = io.CopyN(io.Discard, theirs, int64(len("*1\r\n$4\r\nPING\r\n")))
			_, _ = io.Copy(theirs, bytes.NewReader([]byte(tc.says)))
		}()
		q := &Inquiry{nc: ours, timeout: 20 * time.Second}
		v, err := q.Ask(t.Context(), "PING")
		if err == nil || !strings.Contains(err.Error(), tc.want) || len(err.Error()) > 600 {
			t.Errorf("%s: Ask = %.60q, %.600v; want %q", name, fmt.Sprint(v), err, tc.want)
		}
		ours.Close()
	}
}

func TestInquiryEndsWithItsContext(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	q := &Inquiry{nc: ours, timeout: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := q.Ask(ctx, "PING"); err == nil {
		t.Error("Ask of one that never answers = nil; want an error")
	}
	if _, again := q.Ask(t.Context(), "PING"); again == nil {
		t.Error("a broken Inquiry answers")
	}
	ours.Close()
}
