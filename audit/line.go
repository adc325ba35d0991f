package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
	"time"
)

// Keys says what lines tell of the keys of commands.
type Keys uint8

const (
	KeysNone  Keys = iota // nothing
	KeysHash              // an HMAC of each
	KeysPlain             // each as it is
)

// hashLength is how many bytes of an HMAC are shown: enough that no two keys of one
// Redis meet by chance.
const hashLength = 16

// timeForm is RFC 3339 in UTC with microseconds, always of one length.
const timeForm = "2006-01-02T15:04:05.000000Z"

// scribe makes lines of events.
type scribe struct {
	keys   Keys
	mac    hash.Hash // for KeysHash
	packed packed
	sum    []byte
}

func newScribe(keys Keys, secret []byte) *scribe {
	s := &scribe{keys: keys}
	if keys == KeysHash {
		s.mac = hmac.New(sha256.New, secret)
	}
	return s
}

// append appends the line of an event. rule is what decided on it, or empty; repeats is
// of how many events it tells, if they are more than one or others of the kind have a
// line already.
func (s *scribe) append(dst []byte, e *Event, text []byte, rule string, repeats int) []byte {
	dst = append(dst, `{"time":"`...)
	dst = time.Unix(0, e.Time).UTC().AppendFormat(dst, timeForm)
	dst = append(dst, `","event":"`...)
	dst = append(dst, classNames[e.Class]...)
	dst = append(dst, '"')
	if e.Client != 0 {
		dst = strconv.AppendUint(append(dst, `,"client":`...), e.Client, 10)
	}
	switch {
	case e.Unix:
		dst = append(dst, `,"address":"unix"`...)
	case e.Address.Port() == 0 && e.Address.IsValid():
		dst = e.Address.Addr().AppendTo(append(dst, `,"address":"`...))
		dst = append(dst, '"')
	case e.Address.IsValid():
		dst = e.Address.AppendTo(append(dst, `,"address":"`...))
		dst = append(dst, '"')
	}
	if e.Balancer.IsValid() {
		dst = e.Balancer.AppendTo(append(dst, `,"balancer":"`...))
		dst = append(dst, '"')
	}
	dst = field(dst, "tls", e.TLS)
	dst = field(dst, "certificate", e.Certificate)
	dst = field(dst, "user", e.User)
	dst = field(dst, "method", e.Method)
	if e.Command != "" {
		dst = field(dst, "command", e.Command)
		dst = strconv.AppendInt(append(dst, `,"database":`...), int64(e.Database), 10)
	}
	dst = s.request(dst, text)
	dst = field(dst, "verdict", e.Verdict)
	dst = field(dst, "reason", e.Reason)
	dst = field(dst, "rule", rule)
	if e.Duration >= 0 {
		dst = strconv.AppendInt(append(dst, `,"duration_us":`...), e.Duration/int64(time.Microsecond), 10)
	}
	if e.Generation != 0 {
		dst = strconv.AppendUint(append(dst, `,"generation":`...), e.Generation, 10)
	}
	if repeats > 0 {
		dst = strconv.AppendInt(append(dst, `,"repeats":`...), int64(repeats), 10)
	}
	return append(dst, "}\n"...)
}

// field appends a member whose value somebody may have chosen, unless it is empty.
func field(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, `,"`...), name...), `":`...)
	return appendValue(dst, []byte(value))
}

// request appends arguments and keys.
func (s *scribe) request(dst, text []byte) []byte {
	p := &s.packed
	p.unpack(text)
	if len(p.args) > 0 {
		dst = append(dst, `,"arguments":`...)
		for i, a := range p.args {
			dst = appendValue(append(dst, separator(i)), a)
		}
		dst = append(dst, ']')
	}
	if s.keys == KeysNone || len(p.keys) == 0 {
		return dst
	}
	cut := p.more
	dst = append(dst, `,"keys":`...)
	for i, k := range p.keys {
		dst = append(dst, separator(i))
		if s.keys == KeysHash {
			dst = hex.AppendEncode(append(dst, '"'), s.hash(k))
			dst = append(dst, '"')
			continue
		}
		dst = appendValue(dst, k.beginning)
		if uint64(len(k.beginning)) < uint64(k.length) {
			cut++
		}
	}
	dst = append(dst, ']')
	if cut > 0 {
		dst = strconv.AppendInt(append(dst, `,"keys_cut":`...), int64(cut), 10)
	}
	return dst
}

func separator(i int) byte {
	if i == 0 {
		return '['
	}
	return ','
}

// hash is of the key, or, if it is long, of its beginning and length.
func (s *scribe) hash(k packedKey) []byte {
	s.mac.Reset()
	s.mac.Write(k.beginning)
	if uint64(len(k.beginning)) < uint64(k.length) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(k.length))
		s.mac.Write(n[:])
	}
	s.sum = s.mac.Sum(s.sum[:0])
	return s.sum[:hashLength]
}
