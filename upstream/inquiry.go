package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"redisgate/resp"
)

// Bounds of one answer to an Inquiry. A list of 10,000 users is no larger.
const (
	maxAnswer       = 64 << 20 // bytes
	maxAnswerValues = 1 << 20  // values in it, those in arrays counted each
	maxAnswerDepth  = 16       // arrays in arrays; COMMAND needs 6
)

// Inquiry asks a Redis that nobody knows yet, one question after the other on one
// connection. Unlike [Control] it believes no length that Redis announces: an answer takes
// what has come of it, and at most 64 MB.
type Inquiry struct {
	nc      net.Conn
	timeout time.Duration
	buf     []byte // kept between questions
	broken  error  // the connection is of no further use
}

// AnswerError is an answer of Redis that is an error: its text begins with Redis's code.
type AnswerError struct{ Text string }

func (e *AnswerError) Error() string { return e.Text }

// Inquire dials and logs in. It is up to the caller to Close.
func Inquire(ctx context.Context, d *Dialer) (*Inquiry, error) {
	nc, err := d.Dial(ctx, Key{Proto: 2})
	if err != nil {
		return nil, err
	}
	return &Inquiry{nc: nc, timeout: d.Timeout}, nil
}

// Ask sends one command and returns its reply: a string, an int64, nil, or a slice of
// these. An error of Redis's is an [*AnswerError]; after any other the Inquiry is broken.
func (q *Inquiry) Ask(ctx context.Context, args ...string) (any, error) {
	if q.broken != nil {
		return nil, q.broken
	}
	v, err := q.ask(ctx, args)
	if err != nil {
		q.broken = fmt.Errorf("asking Redis for %s: %w", args[0], err)
		return nil, q.broken
	}
	if e, ok := v.(*AnswerError); ok {
		return nil, e
	}
	return v, nil
}

// Close ends the connection.
func (q *Inquiry) Close() error { return q.nc.Close() }

func (q *Inquiry) ask(ctx context.Context, args []string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = q.nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	deadline, _ := ctx.Deadline()
	if err := q.nc.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := q.nc.Write(resp.AppendCommand(nil, args...)); err != nil {
		return nil, err
	}
	reply, err := q.read()
	if err != nil {
		return nil, err
	}
	d := answer{rest: reply, values: maxAnswerValues}
	v, err := d.value(maxAnswerDepth)
	if err == nil && len(d.rest) > 0 {
		err = errors.New("its answer has no end")
	}
	return v, err
}

// read returns one whole reply, which lives until the next.
func (q *Inquiry) read() ([]byte, error) {
	var f resp.Framer
	q.buf = q.buf[:0]
	var chunk [16 << 10]byte
	for {
		n, err := q.nc.Read(chunk[:])
		if err != nil {
			return nil, err
		}
		used, end, err := f.Next(chunk[:n])
		if err != nil {
			return nil, errors.New("its answer is not that of a Redis")
		}
		if f.Size() > maxAnswer {
			return nil, errors.New("its answer is larger than 64MB")
		}
		q.buf = append(q.buf, chunk[:used]...)
		if end {
			if used != n {
				return nil, errors.New("it answers more than it was asked")
			}
			return q.buf, nil
		}
	}
}

// answer decodes a reply that is whole. Nothing in it is allocated by a number that came
// from Redis.
type answer struct {
	rest   []byte
	values int // that may still come
}

var errAnswer = errors.New("its answer is not one of RESP2")

func (d *answer) value(depth int) (any, error) {
	line, rest, ok := bytes.Cut(d.rest, []byte("\r\n"))
	if !ok || len(line) == 0 {
		return nil, errAnswer
	}
	if d.values--; d.values < 0 || depth == 0 {
		return nil, errors.New("its answer has too many parts")
	}
	d.rest = rest
	text := string(line[1:])
	switch line[0] {
	case '+':
		return text, nil
	case '-':
		return &AnswerError{Text: shorten(text)}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, errAnswer
	}
	switch {
	case line[0] == ':':
		return n, nil
	case n == -1 && (line[0] == '$' || line[0] == '*'):
		return nil, nil
	case line[0] == '$' && n >= 0 && n <= int64(len(rest))-2:
		d.rest = rest[n+2:]
		return string(rest[:n]), nil
	case line[0] == '*' && n >= 0:
		list := []any{}
		for range n {
			v, err := d.value(depth - 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	return nil, errAnswer
}

// shorten keeps an error what fits on a screen.
func shorten(s string) string {
	if len(s) > 512 {
		s = s[:512]
	}
	return strings.ToValidUTF8(s, "?")
}
