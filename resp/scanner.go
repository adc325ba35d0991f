package resp

import "bytes"

// A scanner walks through one request, in any cuts, and remembers only where in
// it it is. It is what decides whether bytes are a request: Stream is a scanner,
// and Parser's shortcut accepts nothing by itself that a scanner would not.
//
//	start ──'*'──> count ──N > 0──> bulk ──> payload ──> payloadCR ──> payloadLF
//	  │              │               ^                                    │  │
//	  │              └─N <= 0─┐      └──────────── more bulks ────────────┘  │
//	  └─else──> inline ──'\n'─┴──────────────> done <────────────────────────┘
//
// Every state may lead to failed, which is final until reset.
type scanner struct {
	state scanState
	quote quoteState // inline
	cr    bool       // count, bulk: the line's CR has been seen
	nul   bool       // count, bulk: a NUL has been seen in the line

	kept [21]byte // count, bulk: how the line begins: type, sign, 19 digits
	line int      // bytes of the line so far, without CR; inline: without LF

	count  int   // N of *N
	left   int   // bulks that are not complete
	tokens int   // inline: arguments so far
	need   int64 // payload: bytes still to come, without CRLF
	size   int64 // bytes of the request so far

	err *ProtocolError
}

type scanState uint8

const (
	scanStart scanState = iota
	scanCount
	scanBulk
	scanPayload
	scanPayloadCR
	scanPayloadLF
	scanInline
	scanDone
	scanFailed
)

func (s *scanner) reset() { *s = scanner{} }

// next consumes from p, which follows on what earlier calls consumed. It stops
// behind the request's last byte and then says done. The work is proportional
// to the header bytes consumed; payloads are skipped.
func (s *scanner) next(p []byte, lim *Limits) (n int, done bool, err error) {
	for n < len(p) && s.state != scanFailed && s.state != scanDone {
		k := 1
		switch s.state {
		case scanStart:
			s.state = scanInline
			if p[n] == '*' {
				s.state = scanCount
			}
			k = 0
		case scanCount, scanBulk:
			k = s.header(p[n:], lim)
		case scanInline:
			k = s.inline(p[n:], lim)
		case scanPayload:
			k = len(p) - n
			if int64(k) >= s.need {
				k = int(s.need)
				s.state = scanPayloadCR
			}
			s.need -= int64(k)
		case scanPayloadCR:
			s.state = scanPayloadLF
			if p[n] != '\r' {
				s.fail(errPayloadEnd)
			}
		case scanPayloadLF:
			s.left--
			s.state = scanBulk
			if s.left == 0 {
				s.state = scanDone
			}
			if p[n] != '\n' {
				s.fail(errPayloadEnd)
			}
		}
		n += k
		s.size += int64(k)
	}
	if s.state == scanFailed {
		return n, false, s.err
	}
	return n, s.state == scanDone, nil
}

func (s *scanner) fail(err *ProtocolError) {
	s.state = scanFailed
	s.err = err
}

// room is how many of the next bytes may be looked at for the end of a line that
// has s.line bytes already. A line of maxLine bytes is not too big, so its end
// may be the byte behind.
func (s *scanner) room(p []byte, lim *Limits) []byte {
	room := min(int64(maxLine+1-s.line), max(lim.Request-s.size, 0))
	if int64(len(p)) > room {
		return p[:room]
	}
	return p
}

// header reads on in a `*N` or `$L` line and says how many bytes that took. As
// in Redis the line ends at its first CR and is judged once the byte behind that
// is in, so that the text of the error does not depend on how the bytes arrive.
func (s *scanner) header(p []byte, lim *Limits) (n int) {
	if !s.cr {
		q := s.room(p, lim)
		i := bytes.IndexByte(q, '\r')
		if i >= 0 {
			q = q[:i]
			s.cr = true
			n = 1
		}
		if s.line < len(s.kept) {
			copy(s.kept[s.line:], q)
		}
		s.nul = s.nul || bytes.IndexByte(q, 0) >= 0
		s.line += len(q)
		n += len(q)
		if s.line > maxLine {
			if s.state == scanCount {
				s.fail(errCountTooBig)
			} else {
				s.fail(errBulkTooBig)
			}
			return n
		}
		if !s.cr {
			if s.size+int64(n) >= lim.Request {
				s.fail(errRequestLimit)
			}
			return n
		}
	}
	if n == len(p) {
		return n
	}
	n++
	size := s.size + int64(n)
	var err *ProtocolError
	switch {
	case size > lim.Request:
		err = errRequestLimit
	case s.state == scanCount:
		err = s.judgeCount(p[n-1], lim)
	default:
		err = s.judgeBulk(p[n-1], size, lim)
	}
	if err != nil {
		s.fail(err)
	}
	s.line, s.cr, s.nul = 0, false, false
	return n
}

// judgeCount takes the whole line `*N`, without CR, and the byte behind its CR.
func (s *scanner) judgeCount(end byte, lim *Limits) *ProtocolError {
	v, ok := s.number()
	switch {
	case s.nul:
		return errCountNUL
	case !ok || v > maxCount:
		return errCount
	case v > int64(lim.Arguments) && lim.Unauthenticated:
		return errCountUnauth
	case v > int64(lim.Arguments):
		return errCountLimit
	case end != '\n':
		return errCountEnd
	}
	s.state = scanDone
	if v > 0 {
		s.count, s.left = int(v), int(v)
		s.state = scanBulk
	}
	return nil
}

// judgeBulk takes the whole line `$L`, without CR, the byte behind its CR, and
// the bytes of the request so far.
func (s *scanner) judgeBulk(end byte, size int64, lim *Limits) *ProtocolError {
	v, ok := s.number()
	switch {
	case s.nul:
		return errBulkNUL
	case s.line == 0:
		return errExpectedBulk('\r')
	case s.kept[0] != '$':
		return errExpectedBulk(s.kept[0])
	case !ok || v < 0:
		return errBulk
	case v > lim.Bulk && v <= MaxBulk && lim.Unauthenticated:
		return errBulkUnauth
	case v > lim.Bulk && v <= MaxBulk:
		return errBulkLimit
	case v > lim.Bulk:
		return errBulk
	case end != '\n':
		return errBulkEnd
	case v > lim.Request-size-2: // not size+v+2, which may overflow
		return errRequestLimit
	}
	s.need = v
	s.state = scanPayload
	return nil
}

// number reads the line behind its first byte as string2ll in Redis's util.c
// does: a canonical decimal int64 and nothing else.
func (s *scanner) number() (v int64, ok bool) {
	if s.line < 2 || s.line > len(s.kept) {
		return 0, false
	}
	digits := s.kept[1:s.line]
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	if digits[0] == '0' {
		return 0, len(digits) == 1 && !negative
	}
	var u uint64 // 19 digits fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	if negative {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// inline reads on in an inline command and says how many bytes that took.
func (s *scanner) inline(p []byte, lim *Limits) (n int) {
	q := s.room(p, lim)
	i := bytes.IndexByte(q, '\n')
	if i >= 0 {
		q = q[:i]
	}
	s.quote, s.tokens = s.quote.read(q, s.tokens)
	s.line += len(q)
	if i >= 0 {
		s.state = scanDone
		if err := s.judgeInline(lim); err != nil {
			s.fail(err)
		}
		return i + 1
	}
	if s.line > maxLine {
		s.fail(errInlineTooBig)
	} else if s.size+int64(len(q)) >= lim.Request {
		s.fail(errInlineRequestLimit)
	}
	return len(q)
}

func (s *scanner) judgeInline(lim *Limits) *ProtocolError {
	switch {
	case s.quote == quoteNUL:
		return errInlineNUL
	case !s.quote.balanced():
		return errQuotes
	case s.tokens > lim.Arguments && lim.Unauthenticated:
		return errInlineCountUnauth
	case s.tokens > lim.Arguments:
		return errInlineCount
	}
	return nil
}
