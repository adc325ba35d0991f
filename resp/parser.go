package resp

import "bytes"

const (
	firstArgs  = 8    // what the args slice begins with
	keptArgs   = 4096 // entries that stay between requests
	idleArgs   = 64   // entries that stay over Reset: 1.5 KB
	headArgs   = 8    // most arguments that Head returns
	keptInline = 4096 // bytes of inline storage that stay between requests
)

// A Parser takes requests out of a buffer that the caller owns and fills. The
// zero value is ready. It is for one connection and one goroutine.
//
// A request that is whole in the buffer is read in one walk over its headers.
// One that is not is followed by a scanner, which continues where it stopped:
// however it is cut, each byte of a header is looked at by the scanner once, and
// once more when the request is complete and its arguments are taken out. No
// byte of a payload is ever looked at.
type Parser struct {
	args   [][]byte
	text   []byte // unquoted arguments of an inline command
	scan   scanner
	inline bool
}

// Next resumes the request whose first byte is buf[0]. Between calls buf may
// move in memory and grow at its end, but what was in it stays the same.
//
// n > 0: the request is complete and is buf[:n]; Args are its arguments.
// With no arguments (`*0`, `*-1`, a blank line) there is nothing to answer.
// Otherwise err is ErrIncomplete or a *ProtocolError, which stays until Reset.
func (p *Parser) Next(buf []byte, lim *Limits) (n int, err error) {
	if p.scan.state == scanStart {
		p.inline = false
		if cap(p.args) > keptArgs || cap(p.text) > keptInline {
			p.args, p.text = nil, nil
		}
		if n = p.whole(buf, lim); n > 0 {
			return n, nil
		}
	}
	return p.resume(buf, lim)
}

// resume is Next for requests that are not whole, inline, empty or wrong.
func (p *Parser) resume(buf []byte, lim *Limits) (int, error) {
	s := &p.scan
	p.dropArgs() // they pin a buffer that may be about to move
	if int64(len(buf)) < s.size {
		return 0, ErrIncomplete
	}
	_, done, err := s.next(buf[s.size:], lim)
	if err != nil {
		return 0, err
	}
	if !done {
		return 0, ErrIncomplete
	}
	n := int(s.size)
	switch {
	case s.count > 0:
		s.state = scanStart
		if p.whole(buf[:n], lim) != n {
			// Earlier bytes have changed, or the limits have come down.
			s.fail(errRequestLimit)
			return 0, s.err
		}
	case buf[0] != '*':
		p.split(buf[:n])
	}
	s.reset()
	return n, nil
}

// split takes the arguments of an inline command, which the scanner has passed.
// Storage is made for arguments that have arrived, never for claimed ones.
func (p *Parser) split(line []byte) {
	p.inline = true
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if p.scan.tokens > cap(p.args) {
		p.args = make([][]byte, 0, p.scan.tokens)
	}
	if cap(p.text) < len(line) {
		p.text = make([]byte, 0, len(line))
	}
	p.args = splitInline(p.args[:0], line, p.text[:0])
}

// dropArgs forgets arguments, so that they keep no buffer alive.
func (p *Parser) dropArgs() {
	clear(p.args)
	p.args = p.args[:0]
}

// Args returns the arguments of the request that Next has just completed. They
// alias buf, or storage of the parser, and are valid until the next call.
func (p *Parser) Args() [][]byte { return p.args }

// Inline says whether the request that Next has just completed, or the one in
// progress, is an inline command: one to forward as AppendRequest(dst, Args()...)
// and not as the bytes that came.
func (p *Parser) Inline() bool { return p.inline || p.scan.state == scanInline }

// Reset forgets a request in progress and lets go of large storage and of every
// buffer. Call it when a connection goes idle, and after an error.
func (p *Parser) Reset() {
	if cap(p.args) > idleArgs {
		p.args = nil
	}
	p.args = p.args[:cap(p.args)] // older requests may have had more
	p.dropArgs()
	p.text = nil
	p.scan.reset()
	p.inline = false
}

// Declared is N of the `*N` in progress, and 0 if that header is not complete or
// the request is inline. Like Head and Needed it is for the time while Next says
// ErrIncomplete.
func (p *Parser) Declared() int { return p.scan.count }

// Needed is how many bytes of the request in progress, from its first one, are
// known to be needed: to the end of the bulk in progress if its length is known,
// else as many as have been seen. It is 0 while Declared is.
func (p *Parser) Needed() int64 {
	s := &p.scan
	switch {
	case s.count == 0:
		return 0
	case s.state == scanPayload, s.state == scanPayloadCR:
		return s.size + s.need + 2
	case s.state == scanPayloadLF:
		return s.size + 1
	}
	return s.size
}

// Head returns the arguments of the request in progress that are complete, the
// first 8 at most. They alias buf, which begins as it did at the last call of
// Next, and are valid until the next call of a method.
func (p *Parser) Head(buf []byte) [][]byte {
	s := &p.scan
	p.args = p.args[:0]
	if s.count == 0 || int64(len(buf)) < s.size {
		return p.args
	}
	i := bytes.IndexByte(buf, '\n') + 1
	for range min(s.count-s.left, headArgs) {
		buf = buf[i:]
		size, from := length(buf)
		if from == 0 || size > len(buf)-from {
			break
		}
		i = from + size + 2
		p.args = append(p.args, buf[from:from+size:from+size])
	}
	return p.args
}
