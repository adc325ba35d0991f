package resp

import "encoding/binary"

// shortcut is the length of the plain value, without parts, that p begins with,
// if all of it is there and right, and 0 for everything else. These are most
// values of most replies; byte by byte they take three times as long.
func shortcut(p []byte) int {
	if len(p) < 4 {
		return 0
	}
	switch p[0] {
	case '$':
		size, from := length(p)
		if from == 0 || size > len(p)-from-2 || binary.LittleEndian.Uint16(p[from+size:]) != crlf {
			return 0
		}
		return from + size + 2
	case '+', ':', '-':
		for i, c := range p[:len(p)-1] {
			if c == '\r' && p[i+1] == '\n' {
				return i + 2
			}
			if c == '\r' || c == '\n' {
				return 0
			}
		}
	}
	return 0
}

// whole counts a value of type c that has passed at once.
func (f *Framer) whole(c byte) (end bool) {
	f.attr = false
	if len(f.levels) == 0 {
		f.kind = c
	}
	return f.valueEnd()
}

// begin takes the type byte of a value or of the end of a streamed aggregate.
func (f *Framer) begin(c byte) {
	f.item = c
	f.num, f.digits, f.minus, f.stream = 0, 0, false, false
	depth := len(f.levels)
	switch c {
	case '+', '-', ':', ',', '(', '_', '#':
		f.state = frameLine
	case '$', '=', '!':
		f.state = frameHeader
	case '*', '~', '%', '|', '>':
		f.state = frameHeader
		if depth == maxDepth {
			f.fail(errReplyDepth)
			return
		}
		if c == '>' && depth > 0 {
			f.fail(errReplyType)
			return
		}
	case '.':
		f.state = frameLine
		if !f.mayClose() {
			f.fail(errReplyType)
		}
		return
	default:
		f.fail(errReplyType)
		return
	}
	if c != '|' {
		f.attr = false
		if depth == 0 {
			f.kind = c
		}
	}
}

// mayClose says whether '.' may come: in a streamed aggregate, not behind an
// attribute or a key that has no value.
func (f *Framer) mayClose() bool {
	if len(f.levels) == 0 || f.attr {
		return false
	}
	l := f.levels[len(f.levels)-1]
	return l.open && (l.kind != '%' || l.left&1 == 0)
}

// line passes over the bytes of a line up to its CR.
func (f *Framer) line(p []byte) int {
	for i, c := range p {
		switch c {
		case '\r':
			f.state = frameLF
			if f.item == '#' && f.digits == 0 {
				f.fail(errReplyLine)
			}
			return i + 1
		case '\n':
			f.fail(errReplyLine)
			return i + 1
		}
		switch f.item {
		case '_', '.':
			f.fail(errReplyLine)
			return i + 1
		case '#':
			if f.digits > 0 || c != 't' && c != 'f' {
				f.fail(errReplyLine)
				return i + 1
			}
		}
		f.digits = 1
	}
	return len(p)
}

// header takes one byte of a length. Lengths are canonical: no plus, no leading
// zero, and no minus but that of the nulls `$-1` and `*-1`.
func (f *Framer) header(c byte) {
	switch {
	case c == '\r' && (f.digits > 0 || f.stream):
		f.state = frameLF
		if f.item == '=' && f.num < int64(len("txt:")) {
			f.fail(errReplyLength)
		}
	case f.stream:
		f.fail(errReplyLength)
	case c == '-' && f.digits == 0 && !f.minus && (f.item == '$' || f.item == '*'):
		f.minus = true
	case c == '?' && f.digits == 0 && !f.minus && streams(f.item):
		f.stream = true
	case c < '0' || c > '9',
		f.digits == 1 && f.num == 0,
		f.minus && (c != '1' || f.digits > 0):
		f.fail(errReplyLength)
	default:
		f.digits = 1
		f.num = f.num*10 + int64(c-'0')
		if f.num > maxReplyBulk || f.num > maxCount && !isString(f.item) {
			f.fail(errReplyLength)
		}
	}
}

// streams says whether a type may be of unknown length.
func streams(c byte) bool {
	return c == '$' || c == '*' || c == '~' || c == '%' || c == '>'
}

func isString(c byte) bool { return c == '$' || c == '=' || c == '!' || c == ';' }

// lineEnd acts on a whole line or header and says whether the reply ends there.
func (f *Framer) lineEnd() (end bool) {
	switch f.item {
	case '.':
		f.levels = f.levels[:len(f.levels)-1]
		return f.valueEnd()
	case '$', '=', '!', ';':
		return f.stringBegin()
	case '*', '~', '%', '|', '>':
		return f.aggregateBegin()
	}
	return f.valueEnd()
}

func (f *Framer) stringBegin() (end bool) {
	switch {
	case f.minus:
		return f.valueEnd()
	case f.item == ';' && f.num == 0:
		return f.valueEnd()
	case f.stream:
		f.state = frameChunk
		return false
	}
	f.need = f.num
	f.state = framePayload
	return false
}

func (f *Framer) payloadEnd() (end bool) {
	if f.item == ';' {
		f.state = frameChunk
		return false
	}
	return f.valueEnd()
}

func (f *Framer) aggregateBegin() (end bool) {
	if f.minus {
		return f.valueEnd()
	}
	l := level{left: f.num, kind: f.item, open: f.stream}
	if f.item == '%' || f.item == '|' {
		l.left *= 2
	}
	switch {
	case l.left > 0 || l.open:
		f.levels = append(f.levels, l)
	case f.item == '|':
		f.attr = true
	default:
		return f.valueEnd()
	}
	f.state = frameItem
	return false
}

// valueEnd counts a value that is complete and closes what it completes.
func (f *Framer) valueEnd() (end bool) {
	for len(f.levels) > 0 {
		last := len(f.levels) - 1
		l := &f.levels[last]
		l.left--
		if l.open || l.left > 0 {
			f.state = frameItem
			return false
		}
		attributes := l.kind == '|'
		f.levels = f.levels[:last]
		if attributes {
			f.attr = true
			f.state = frameItem
			return false
		}
	}
	f.state = frameIdle
	return true
}
