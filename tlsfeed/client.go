package tlsfeed

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Dialed is the client's side of a TLS connection whose handshake is done: a net.Conn
// that blocks, until HandOver makes it one that is fed by hand.
type Dialed struct {
	nc   net.Conn
	conn *Conn
}

// Client runs the client's side of a handshake on the calling goroutine, which must not
// be a loop's; ctx bounds it. nc is then in blocking state. On an error nc is closed.
func Client(ctx context.Context, nc net.Conn, cfg *tls.Config) (*Dialed, error) {
	d := &Dialed{nc: nc, conn: &Conn{lower: feed{under: direct{nc}}}}
	d.conn.tls = tls.Client(&d.conn.lower, cfg)
	if err := d.conn.tls.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		if ctx.Err() != nil {
			err = ctx.Err() // and not that the connection was closed because of it
		}
		return nil, err
	}
	return d, nil
}

// direct is a transport as it is.
type direct struct{ net.Conn }

func (d direct) raw() net.Conn { return d.Conn }

// HandOver gives the socket, and what is to be fed with what is read from it. d must
// not be used afterwards. The Conn must be read once before the socket, whose last
// bytes it may have taken already.
func (d *Dialed) HandOver() (net.Conn, *Conn) {
	d.conn.lower.under = nil
	return d.nc, d.conn
}

// Read and the rest make a Dialed a net.Conn.
func (d *Dialed) Read(p []byte) (int, error)  { return d.conn.tls.Read(p) }
func (d *Dialed) Write(p []byte) (int, error) { return d.conn.tls.Write(p) }

// Close says close_notify and closes the socket.
func (d *Dialed) Close() error {
	_ = d.nc.SetWriteDeadline(time.Now().Add(time.Second)) // a peer that does not read must not keep it
	_ = d.conn.tls.CloseWrite()
	return d.nc.Close()
}

// LocalAddr is the socket's.
func (d *Dialed) LocalAddr() net.Addr { return d.nc.LocalAddr() }

// RemoteAddr is the socket's.
func (d *Dialed) RemoteAddr() net.Addr { return d.nc.RemoteAddr() }

// SetDeadline and its like are the socket's. A write that has met its deadline ends the
// connection for good.
func (d *Dialed) SetDeadline(t time.Time) error { return d.nc.SetDeadline(t) }

// SetReadDeadline is for reading alone.
func (d *Dialed) SetReadDeadline(t time.Time) error { return d.nc.SetReadDeadline(t) }

// SetWriteDeadline is for writing alone.
func (d *Dialed) SetWriteDeadline(t time.Time) error { return d.nc.SetWriteDeadline(t) }
