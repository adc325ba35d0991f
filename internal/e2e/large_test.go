package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
	"redisgate/resp"
)

const large = 256 << 20

// speaker sends commands and reads replies without keeping large ones.
type speaker struct {
	nc net.Conn
	r  *bufio.Reader
}

func newSpeaker(nc net.Conn) *speaker { return &speaker{nc, bufio.NewReaderSize(nc, 256<<10)} }

func (s *speaker) send(args ...string) error {
	_, err := s.nc.Write(resp.AppendCommand(nil, args...))
	return err
}

// line reads a reply of one line, or the header of a bulk string.
func (s *speaker) line() (string, error) {
	line, err := s.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (s *speaker) do(args ...string) (string, error) {
	if err := s.send(args...); err != nil {
		return "", err
	}
	return s.answer()
}

// answer reads a reply; of a bulk string it tells the size.
func (s *speaker) answer() (string, error) {
	line, err := s.line()
	if err != nil || line == "$-1" || !strings.HasPrefix(line, "$") {
		return line, err
	}
	var n int64
	fmt.Sscanf(line, "$%d", &n)
	got, err := io.CopyN(io.Discard, s.r, n+2)
	return fmt.Sprintf("%d bytes", got-2), err
}

// set sets n bytes and reads the answer.
func (s *speaker) set(key string, n int) (string, error) {
	if err := s.sendSet(key, n); err != nil {
		return "", err
	}
	return s.line()
}

// sendSet sends a SET of n bytes in pieces.
func (s *speaker) sendSet(key string, n int) error {
	if _, err := fmt.Fprintf(s.nc, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n", len(key), key, n); err != nil {
		return err
	}
	piece := bytes.Repeat([]byte("redisgate "), 6554)[:1<<16]
	for left := n; left > 0; left -= len(piece) {
		if _, err := s.nc.Write(piece[:min(left, len(piece))]); err != nil {
			return err
		}
	}
	_, err := io.WriteString(s.nc, "\r\n")
	return err
}

func (s *speaker) login(t testing.TB) *speaker {
	t.Helper()
	if got, err := s.do("AUTH", "app", "secret"); got != "+OK" || err != nil {
		t.Fatalf("AUTH = %q, %v", got, err)
	}
	return s
}

// TestLargeValuesStream passes 256 MB both ways and watches the process grow.
func TestLargeValuesStream(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	p := start(t, rs.Socket(), "~* &* +@all")
	s := newSpeaker(p.dial(t)).login(t)
	s.set("warm", 1<<20)
	s.do("GET", "warm")
	before := p.resident(t)
	grown := make(chan int64, 1)
	stop := make(chan struct{})
	go func() {
		most := int64(0)
		for {
			select {
			case <-stop:
				grown <- most - before
				return
			case <-time.After(10 * time.Millisecond):
				most = max(most, p.resident(t))
			}
		}
	}()
	if got, err := s.set("big", large); got != "+OK" || err != nil {
		t.Fatalf("SET of 256 MB = %q, %v", got, err)
	}
	if got, err := s.do("STRLEN", "big"); got != fmt.Sprintf(":%d", large) || err != nil {
		t.Errorf("STRLEN = %q, %v", got, err)
	}
	for range 2 {
		if got, err := s.do("GET", "big"); got != fmt.Sprintf("%d bytes", large) || err != nil {
			t.Errorf("GET of 256 MB = %q, %v", got, err)
		}
	}
	close(stop)
	n := <-grown
	t.Logf("resident memory grew by %.1f MB", float64(n)/(1<<20))
	if n > 16<<20 {
		t.Errorf("resident memory grew by %d bytes; want less than 16 MB", n)
	}
}

// TestMixedPipelineWithALargeValue mixes shared and dedicated commands with a
// SET of 256 MB in one pipeline, sent without waiting for any answer.
func TestMixedPipelineWithALargeValue(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	p := start(t, rs.Socket(), "~* &* +@all")
	s := newSpeaker(p.dial(t)).login(t)
	sent := make(chan error, 1)
	go func() {
		err := errors.Join(
			s.send("SET", "x", "1"), s.send("WATCH", "x"), s.send("GET", "b"), s.send("SELECT", "1"),
			s.sendSet("b", large), s.send("STRLEN", "b"), s.send("GET", "b"), s.send("SELECT", "0"), s.send("GET", "b"), s.send("EXEC"),
		)
		sent <- err
	}()
	for i, want := range []string{
		"+OK", "+OK", "$-1", "+OK", "+OK", fmt.Sprintf(":%d", large), fmt.Sprintf("%d bytes", large), "+OK", "$-1", "-ERR EXEC without MULTI",
	} {
		if got, err := s.answer(); got != want || err != nil {
			t.Fatalf("answer %d = %q, %v; want %q", i, got, err, want)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// TestForbiddenLargeValueDoesNothing has a large SET judged before it is taken,
// and one whose user loses the right meanwhile has no effect either.
func TestForbiddenLargeValueDoesNothing(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	p := start(t, rs.Socket(), "~ok:* +set +get +ping")
	s := newSpeaker(p.dial(t)).login(t)
	before := p.resident(t)
	if got, err := s.set("forbidden", 64<<20); got != "-NOPERM No permissions to access a key" || err != nil {
		t.Errorf("a forbidden SET = %q, %v", got, err)
	}
	if got, err := s.do("PING"); got != "+PONG" || err != nil {
		t.Errorf("PING afterwards = %q, %v", got, err)
	}
	if got, err := s.set("ok:1", 8<<20); got != "+OK" || err != nil {
		t.Errorf("a permitted SET = %q, %v", got, err)
	}
	if n := p.resident(t) - before; n > 16<<20 {
		t.Errorf("resident memory grew by %d bytes; want less than 16 MB", n)
	}
	if got := fmt.Sprint(rs.Do("DBSIZE")); got != "1" {
		t.Errorf("DBSIZE = %s; want 1", got)
	}
	// One that is cut off before its end has not run either.
	cut := newSpeaker(p.dial(t)).login(t)
	fmt.Fprintf(cut.nc, "*3\r\n$3\r\nSET\r\n$4\r\nok:2\r\n$%d\r\n", 1<<20)
	cut.nc.Write(make([]byte, 1<<20))
	cut.nc.Close()
	time.Sleep(50 * time.Millisecond)
	if got := fmt.Sprint(rs.Do("EXISTS", "ok:2")); got != "0" {
		t.Errorf("EXISTS = %s; want 0", got)
	}
}
