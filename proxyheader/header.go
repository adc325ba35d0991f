// Package proxyheader reads the header of the PROXY protocol, in which a load balancer
// says whose connection it passes on: versions 1 and 2 of
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt.
//
// It finds the end of a header by itself, so that not one byte behind it is read, and
// leaves its meaning to github.com/pires/go-proxyproto. It does not know whom to
// believe, and no deadlines: those are its caller's.
package proxyheader

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

const (
	// shortest is that of "PROXY UNKNOWN\r\n", the shortest header that there is: so
	// much can be read before it is known what comes.
	shortest = 15
	// maxLine is the longest header of version 1 (section 2.1).
	maxLine = 107
	// prefix is what a header of version 2 begins with: signature, command, family and
	// the length of the rest (section 2.2).
	prefix = 16
	// maxBlock bounds the rest. It may hold a certificate, of one or two KB; the
	// library allows as much (its MaxV2HeaderSize).
	maxBlock = 4096
)

// MaxBytes is the most that Read takes from a connection.
const MaxBytes = prefix + maxBlock

// The errors of Read besides those of the reader. None quotes what was read.
var (
	ErrMissing     = errors.New("no PROXY header")
	ErrMalformed   = errors.New("malformed PROXY header")
	ErrTooLong     = errors.New("PROXY header is too long")
	ErrUnsupported = errors.New("PROXY header of something other than TCP")
)

// Header is what a load balancer says of a connection.
type Header struct {
	// Local says that the balancer speaks for itself, as in a health check: command
	// LOCAL of version 2, UNKNOWN of version 1. There are no addresses then.
	Local bool

	// Source is the client and Destination where it connected to. v4-mapped addresses
	// are IPv4.
	Source, Destination netip.AddrPort
}

// Read reads one header and nothing behind it, in however many pieces it comes. It takes
// at most MaxBytes from r and keeps nothing of them. io.EOF means that r has ended
// before the first byte; other errors are those above, io.ErrUnexpectedEOF or r's.
func Read(r io.Reader) (Header, error) {
	buf := make([]byte, shortest, maxLine)
	if _, err := io.ReadFull(r, buf); err != nil {
		return Header{}, err
	}
	var err error
	switch {
	case bytes.HasPrefix(buf, proxyproto.SIGV2):
		buf, err = block(r, buf)
	case bytes.HasPrefix(buf, proxyproto.SIGV1):
		buf, err = line(r, buf)
	default:
		err = ErrMissing
	}
	if err != nil {
		return Header{}, err
	}
	return parse(buf)
}

// line reads on to the end of a header of version 1. Byte by byte, since TLS follows,
// and what was read cannot be given back.
func line(r io.Reader, buf []byte) ([]byte, error) {
	for buf[len(buf)-1] != '\n' {
		if len(buf) == maxLine {
			return nil, ErrTooLong
		}
		n := len(buf)
		buf = buf[:n+1]
		if _, err := io.ReadFull(r, buf[n:]); err != nil {
			return nil, unexpected(err)
		}
	}
	return buf, nil
}

// block reads on to the end of a header of version 2.
func block(r io.Reader, buf []byte) ([]byte, error) {
	buf = buf[:prefix]
	if _, err := io.ReadFull(r, buf[shortest:]); err != nil {
		return nil, unexpected(err)
	}
	rest := int(binary.BigEndian.Uint16(buf[prefix-2:]))
	if rest > maxBlock {
		return nil, ErrTooLong
	}
	whole := make([]byte, prefix+rest)
	copy(whole, buf)
	if _, err := io.ReadFull(r, whole[prefix:]); err != nil {
		return nil, unexpected(err)
	}
	return whole, nil
}

// unexpected is the error of an end in the middle of a header.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parse gives the meaning of a whole header. Its parser must end where the header does.
func parse(whole []byte) (Header, error) {
	r := bufio.NewReaderSize(bytes.NewReader(whole), len(whole))
	h, err := proxyproto.Read(r)
	if err != nil || r.Buffered() > 0 {
		return Header{}, ErrMalformed
	}
	if h.Command.IsLocal() {
		return Header{Local: true}, nil
	}
	if h.TransportProtocol != proxyproto.TCPv4 && h.TransportProtocol != proxyproto.TCPv6 {
		return Header{}, ErrUnsupported
	}
	source, ok := addrPort(h.SourceAddr)
	destination, also := addrPort(h.DestinationAddr)
	if !ok || !also {
		return Header{}, ErrMalformed
	}
	return Header{Source: source, Destination: destination}, nil
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	p := tcp.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), p.IsValid()
}
