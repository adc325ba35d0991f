package handover

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// old is a process that hands over, in this one.
type old struct {
	path    string
	ln      net.Listener // what it hands over
	yielded chan struct{}
	result  chan bool
	stop    context.CancelFunc // no more processes may ask
	end     context.CancelFunc // and what is under way ends
}

func start(t *testing.T) *old {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	at, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	hard, end := context.WithCancel(t.Context())
	o := &old{path, ln, make(chan struct{}), make(chan bool, 1), stop, end}
	offer := &Offer{
		At: at, Sockets: []syscall.Conn{ln.(*net.TCPListener)}, Log: slog.New(slog.DiscardHandler),
		Yield: func() { ln.Close(); close(o.yielded) },
	}
	go func() { o.result <- offer.Serve(ctx, hard) }()
	t.Cleanup(func() { stop(); end(); ln.Close() })
	return o
}

// ask begins a conversation by hand.
func (o *old) ask(t *testing.T, words string) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: o.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, words); err != nil {
		t.Fatal(err)
	}
	return c
}

func begin(t *testing.T, path string) *Taking {
	t.Helper()
	taking, err := Begin(t.Context(), path)
	if err != nil || taking == nil {
		t.Fatalf("Begin = %v, %v; want sockets", taking, err)
	}
	t.Cleanup(taking.Close)
	return taking
}

// knock connects to the socket and has the listener, which may be another's descriptor of
// it, accept.
func knock(t *testing.T, addr string, ln net.Listener) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
}

func TestSocketsAreHandedOver(t *testing.T) {
	o := start(t)
	addr := o.ln.Addr().String()
	taking := begin(t, o.path)
	if len(taking.Sockets) != 2 {
		t.Fatalf("%d sockets are passed; want the one and that for hand-overs", len(taking.Sockets))
	}
	ln, err := net.FileListener(taking.Sockets[0])
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	knock(t, addr, o.ln) // the old one still accepts
	select {
	case <-o.yielded:
		t.Fatal("the old process has stopped before the new one was ready")
	default:
	}
	waits, err := net.Dial("tcp", addr) // in the queue while the process changes
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Close()
	if ended, err := taking.Ready(t.Context()); ended || err != nil {
		t.Fatalf("Ready = %v, %v; want false, nil", ended, err)
	}
	<-o.yielded
	if !<-o.result {
		t.Error("Serve = false; want true")
	}
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	// The path is the new one's now, by the socket that it has got.
	at, err := net.FileListener(taking.Sockets[1])
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	nc, err := net.Dial("unix", o.path)
	if err != nil {
		t.Fatalf("the path of hand-overs: %v", err)
	}
	nc.Close()
}

func TestFailedHandoversChangeNothing(t *testing.T) {
	o := start(t)
	o.ask(t, "redisgate hand-over 0\n") // another version
	o.ask(t, "hello").CloseWrite()
	c := o.ask(t, hello)
	if n, err := c.Read(make([]byte, maxLine)); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	io.WriteString(c, "READY\n")
	if answer, err := io.ReadAll(c); err != nil || string(answer) != no {
		t.Errorf("a process that says something wrong is answered %q, %v; want %q", answer, err, no)
	}
	o.ask(t, hello).Close()
	begin(t, o.path).Close() // dies
	select {
	case <-o.yielded:
		t.Fatal("the old process has stopped")
	default:
	}
	knock(t, o.ln.Addr().String(), o.ln)
	if ended, err := begin(t, o.path).Ready(t.Context()); ended || err != nil {
		t.Errorf("Ready after failed attempts = %v, %v; want false, nil", ended, err)
	}
}

// TestOneHandoverAtATime has two ask at once: the second is served when the first has given
// up.
func TestOneHandoverAtATime(t *testing.T) {
	o := start(t)
	first := begin(t, o.path)
	second := make(chan *Taking)
	go func() {
		taking, _ := Begin(t.Context(), o.path)
		second <- taking
	}()
	select {
	case <-second:
		t.Error("two processes have the sockets")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	taking := <-second
	if taking == nil {
		t.Fatal("the second process gets nothing")
	}
	defer taking.Close()
	if ended, err := taking.Ready(t.Context()); ended || err != nil {
		t.Errorf("Ready = %v, %v; want false, nil", ended, err)
	}
}

func TestWhoEndsMeanwhileLeavesItsSockets(t *testing.T) {
	o := start(t)
	taking := begin(t, o.path)
	o.stop()
	o.end()
	if <-o.result {
		t.Error("Serve = true; want false")
	}
	if ended, err := taking.Ready(t.Context()); !ended || err != nil {
		t.Errorf("Ready = %v, %v; want that the old process has ended", ended, err)
	}
	if _, err := os.Stat(o.path); err != nil {
		t.Errorf("the path is gone, which is the new process's: %v", err)
	}
}

func TestTheEndRemovesThePath(t *testing.T) {
	o := start(t)
	o.stop()
	if <-o.result {
		t.Error("Serve = true; want false")
	}
	if taking, err := Begin(t.Context(), o.path); taking != nil || err != nil {
		t.Errorf("Begin = %v, %v when nobody is there; want nil, nil", taking, err)
	}
	if _, err := os.Stat(o.path); !os.IsNotExist(err) {
		t.Errorf("the path is still there (%v)", err)
	}
}

// TestNoSocketsFromWhoKnowsNotHow answers as no redisgate does.
func TestNoSocketsFromWhoKnowsNotHow(t *testing.T) {
	for _, test := range []struct{ says, want string }{
		{"", "it has ended"},
		{"sockets 3\n", "passes 0 sockets"},
		{"sockets 0\n", "passes 0 sockets"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", "passes 0 sockets"},
	} {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := ln.Accept(); err == nil {
				io.ReadFull(c, make([]byte, len(hello)))
				io.WriteString(c, test.says)
				c.Close()
			}
		}()
		taking, err := Begin(t.Context(), path)
		if taking != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Begin with one that says %q = %v, %v; want an error with %q", test.says, taking, err, test.want)
		}
		ln.Close()
	}
}

func TestReadyHeedsANo(t *testing.T) {
	us, them := pair(t)
	taking := &Taking{c: us}
	io.WriteString(them, no)
	them.Close() // before it hears that this one is ready
	if ended, err := taking.Ready(t.Context()); ended || err == nil {
		t.Errorf("Ready with one that goes on = %v, %v; want an error", ended, err)
	}
}

func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		out[i] = c.(*net.UnixConn)
		t.Cleanup(func() { c.Close() })
	}
	return out[0], out[1]
}

func TestTrusted(t *testing.T) {
	us, _ := pair(t)
	if uid, err := peer(us); uid != os.Geteuid() || err != nil {
		t.Errorf("peer = %d, %v; want %d", uid, err, os.Geteuid())
	}
	for _, test := range []struct {
		uid, own int
		want     bool
	}{{0, 0, true}, {0, 7, true}, {7, 7, true}, {7, 0, false}, {7, 8, false}} {
		if got := trusted(test.uid, test.own); got != test.want {
			t.Errorf("trusted(%d, %d) = %v; want %v", test.uid, test.own, got, test.want)
		}
	}
}
