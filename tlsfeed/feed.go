package tlsfeed

import (
	"errors"
	"net"
	"time"
)

// maxStarved is how much ciphertext may go in without plaintext coming out.
// One full record is the least that works: 16 KB of plaintext, the expansion
// that RFC 8446, section 5.2 allows, and the header. Without a limit a
// post-handshake message of which the end never comes pins 300 KB (crypto/tls
// takes handshake messages of up to 256 KB in any number of records).
const maxStarved = 5 + 16<<10 + 256

// maxUnasked is how many writes a minute tls.Conn may do by itself. A client
// has no reason to ask for new keys every two seconds.
const (
	maxUnasked    = 32
	unaskedWindow = int64(time.Minute)
)

var (
	// ErrWouldBlock says that all bytes fed so far are used up. It is not an
	// error of the connection: feed it and read again. Compare it by identity.
	ErrWouldBlock error = &wouldBlock{"tlsfeed: no more bytes for now"}

	// ErrStarved ends a connection whose client sends records that carry no data.
	ErrStarved = errors.New("tlsfeed: too much ciphertext without data in it")

	// ErrUnasked ends a connection whose client makes TLS itself write too often.
	ErrUnasked = errors.New("tlsfeed: too many key updates or alerts asked for")
)

// wouldBlock is a net.Error, and temporary, which is what makes tls.Conn not
// remember it. It is not of size zero, so that its address is its own.
type wouldBlock struct{ text string }

func (e *wouldBlock) Error() string   { return e.text }
func (e *wouldBlock) Timeout() bool   { return true }
func (e *wouldBlock) Temporary() bool { return true }

// transport is what a feed reads and writes while it blocks.
type transport interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	raw() net.Conn
}

// feed is the net.Conn beneath a tls.Conn: the socket while the handshake
// runs, memory afterwards.
type feed struct {
	under transport // while the handshake runs, and as long as a client's connection blocks; nil once it is fed by hand

	// Owned by the goroutine that calls Conn, after the handshake.
	frame   frame   // of what tls.Conn has taken, since the connection's first byte
	in      []byte  // ciphertext not yet taken by tls.Conn: lent by Feed, or our own after Hold
	out     *[]byte // where ciphertext goes; nil while nobody has lent a buffer
	spill   []byte  // ciphertext written while nobody had
	reading bool    // inside tls.Conn.Read: what is written now was not asked for
	starved int     // bytes taken by tls.Conn since plaintext last came out
	unasked int     // writes of tls.Conn's own since window
	window  int64   // nanoseconds on the owner's clock
	now     int64   // nanoseconds on the owner's clock, at the last Feed
}

// Read hands fed bytes to tls.Conn: no more than one record, so that Conn knows when
// there is nothing left inside, no more than may go in without plaintext coming
// out, and never (0, nil).
func (f *feed) Read(p []byte) (int, error) {
	if f.under != nil {
		n, err := f.under.Read(p)
		f.frame.takeAll(p[:n])
		return n, err
	}
	if len(f.in) == 0 || len(p) == 0 {
		return 0, ErrWouldBlock
	}
	room := maxStarved - f.starved
	if room <= 0 {
		return 0, ErrStarved
	}
	n := f.frame.take(f.in[:min(len(p), room, len(f.in))])
	copy(p, f.in[:n])
	f.starved += n
	f.in = f.in[n:]
	if len(f.in) == 0 {
		f.in = nil // a buffer of our own is garbage now
	}
	return n, nil
}

// Write takes everything, always: an error here would stay with tls.Conn for
// good.
func (f *feed) Write(p []byte) (int, error) {
	if f.under != nil {
		return f.under.Write(p)
	}
	if f.reading {
		if f.now-f.window >= unaskedWindow {
			f.window, f.unasked = f.now, 0
		}
		f.unasked++
	}
	if f.out == nil {
		f.spill = append(f.spill, p...)
	} else {
		*f.out = append(*f.out, p...)
	}
	return len(p), nil
}

// Close closes the socket under a handshake that is cancelled. Afterwards the
// socket is the owner's.
func (f *feed) Close() error {
	if f.under != nil {
		return f.under.raw().Close()
	}
	return nil
}

func (f *feed) LocalAddr() net.Addr {
	if f.under != nil {
		return f.under.raw().LocalAddr()
	}
	return memory{}
}

func (f *feed) RemoteAddr() net.Addr {
	if f.under != nil {
		return f.under.raw().RemoteAddr()
	}
	return memory{}
}

// Deadlines belong to the owner: tls.Conn sets one when it sends close_notify.
func (f *feed) SetDeadline(time.Time) error      { return nil }
func (f *feed) SetReadDeadline(time.Time) error  { return nil }
func (f *feed) SetWriteDeadline(time.Time) error { return nil }

type memory struct{}

func (memory) Network() string { return "memory" }
func (memory) String() string  { return "memory" }
