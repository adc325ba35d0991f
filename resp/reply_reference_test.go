package resp

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strconv"
)

// referenceReply is the length of the reply that p begins with, 0 if it is not
// complete, or -1 if it is none. It is written for being read beside the
// specification: it recurses, it holds everything, and it shares no code with
// Framer.
func referenceReply(p []byte) int {
	n, _ := referenceValue(p, 0, false)
	return n
}

var canonicalLength = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)

// referenceValue also says whether the value is the '.' of a streamed aggregate,
// which may come only where close says so.
func referenceValue(p []byte, depth int, mayClose bool) (n int, closed bool) {
	if len(p) == 0 {
		return 0, false
	}
	kind := p[0]
	if !bytes.ContainsRune([]byte("+-:,(_#$=!*~%|>."), rune(kind)) || kind >= 0x80 ||
		kind == '.' && !mayClose || kind == '>' && depth > 0 || aggregate(kind) && depth == maxDepth {
		return -1, false
	}
	i := bytes.IndexByte(p, '\r')
	line := p[1:]
	if i >= 0 {
		line = p[1:i]
	}
	if bytes.IndexByte(line, '\n') >= 0 || !plausible(kind, line, i >= 0) || i >= 0 && i+1 < len(p) && p[i+1] != '\n' {
		return -1, false
	}
	if i < 0 || i+1 >= len(p) {
		return 0, false
	}
	n = i + 2
	switch {
	case bytes.IndexByte([]byte("+-:,(_#"), kind) >= 0:
		return n, false
	case kind == '.':
		return n, true
	case bytes.Equal(line, []byte("-1")):
		return n, false
	case bytes.Equal(line, []byte("?")) && kind == '$':
		return referenceChunks(p, n), false
	case bytes.Equal(line, []byte("?")):
		return referenceStreamed(p, n, kind, depth), false
	}
	length, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil {
		return -1, false
	}
	if !aggregate(kind) {
		return referencePayload(p, n, length), false
	}
	if kind == '%' || kind == '|' {
		length *= 2
	}
	for range length {
		k, _ := referenceValue(p[n:], depth+1, false)
		if k <= 0 {
			return k, false
		}
		n += k
	}
	if kind == '|' { // and the value that it is about
		k, _ := referenceValue(p[n:], depth, false)
		if k <= 0 {
			return k, false
		}
		n += k
	}
	return n, false
}

func aggregate(kind byte) bool { return bytes.IndexByte([]byte("*~%|>"), kind) >= 0 }

// plausible says whether line, whole or its beginning, may stand behind kind.
func plausible(kind byte, line []byte, whole bool) bool {
	s := string(line)
	switch kind {
	case '_', '.':
		return s == ""
	case '#':
		return s == "t" || s == "f" || s == "" && !whole
	case '$', '=', '!', '*', '~', '%', '|', '>', ';':
		if s == "" || s == "-" {
			return !whole && (s == "" || kind == '$' || kind == '*')
		}
		if s == "?" {
			return kind != '=' && kind != '!' && kind != '|' && kind != ';'
		}
		if s == "-1" {
			return kind == '$' || kind == '*'
		}
		if !canonicalLength.MatchString(s) {
			return false
		}
		v, _ := strconv.ParseInt(s, 10, 64)
		return v <= maxReplyBulk && (v <= maxCount || !aggregate(kind)) && (kind != '=' || !whole || v >= 4)
	}
	return true
}

// referencePayload reads length bytes and CRLF from p[n:].
func referencePayload(p []byte, n int, length int64) int {
	rest := int64(len(p) - n)
	if rest > length && p[n+int(length)] != '\r' || rest > length+1 && p[n+int(length)+1] != '\n' {
		return -1
	}
	if rest < length+2 {
		return 0
	}
	return n + int(length) + 2
}

func referenceChunks(p []byte, n int) int {
	for {
		if n == len(p) {
			return 0
		}
		if p[n] != ';' {
			return -1
		}
		i := bytes.IndexByte(p[n:], '\r')
		line := p[n+1:]
		if i >= 0 {
			line = p[n+1 : n+i]
		}
		if !plausible(';', line, i >= 0) || i >= 0 && n+i+1 < len(p) && p[n+i+1] != '\n' {
			return -1
		}
		if i < 0 || n+i+1 >= len(p) {
			return 0
		}
		n += i + 2
		length, _ := strconv.ParseInt(string(line), 10, 64)
		if length == 0 {
			return n
		}
		if n = referencePayload(p, n, length); n <= 0 {
			return n
		}
	}
}

func referenceStreamed(p []byte, n int, kind byte, depth int) int {
	for values := 0; ; values++ {
		k, closed := referenceValue(p[n:], depth+1, kind != '%' || values%2 == 0)
		if k <= 0 {
			return k
		}
		n += k
		if closed {
			return n
		}
	}
}

// randomReply appends a random valid reply to dst.
func randomReply(dst []byte, r *rand.Rand, depth int) []byte {
	if r.IntN(20) == 0 {
		dst = append(dst, "|1\r\n"...)
		dst = randomReply(dst, r, depth+1)
		dst = randomReply(dst, r, depth+1)
	}
	line := func(kind byte, text string) []byte { return append(append(append(dst, kind), text...), "\r\n"...) }
	choices := 18
	if depth > 4 {
		choices = 12
	}
	switch c := r.IntN(choices); c {
	case 0:
		return line('+', "OK")
	case 1:
		return line('-', "ERR something is wrong")
	case 2:
		return line(':', strconv.Itoa(r.IntN(2000)-1000))
	case 3:
		return line(',', "1.5e+300")
	case 4:
		return line('(', "3492890328409238509324850943850943825024385")
	case 5:
		return AppendNull(dst)
	case 6:
		return AppendBool(dst, r.IntN(2) == 0)
	case 7:
		return append(dst, "$-1\r\n"...)
	case 8:
		return AppendNullArray(dst)
	case 9:
		return AppendVerbatim(dst, "some text\r\n")
	case 10:
		kind := "$!"[r.IntN(2)]
		n := r.IntN(40)
		dst = appendHeader(dst, kind, n)
		dst = append(dst, "*1\r\n$3\r\nabc\r\n:17\r\n|1\r\n%?\r\n.\r\n_\r\n0000000"[:n]...)
		return append(dst, "\r\n"...)
	case 11:
		dst = append(dst, "$?\r\n"...)
		for range r.IntN(3) {
			n := 1 + r.IntN(12)
			dst = appendHeader(dst, ';', n)
			dst = append(dst, ";0\r\n;0\r\n.\r\n"[:min(n, 11)]...)
			dst = append(dst, "x\r\n"[min(n, 11)-n+1:]...)
		}
		return append(dst, ";0\r\n"...)
	default:
		kind := "***~%>"[c-12]
		if kind == '>' && depth > 0 {
			kind = '~'
		}
		n := r.IntN(5)
		if r.IntN(4) == 0 {
			dst = append(dst, kind, '?', '\r', '\n')
		} else {
			dst = appendHeader(dst, kind, n)
		}
		streamed := dst[len(dst)-3] == '?'
		if kind == '%' {
			n *= 2
		}
		for range n {
			dst = randomReply(dst, r, depth+1)
		}
		if streamed {
			dst = append(dst, ".\r\n"...)
		}
		return dst
	}
}
