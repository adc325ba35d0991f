package audit

import (
	"encoding/binary"
	"math"
)

// Bounds on what is kept of one request.
const (
	maxShown = 16  // arguments, and keys
	maxText  = 128 // bytes of an argument
	maxKey   = 512 // bytes of a key
)

// What Pack makes: for each argument that is shown its length in a byte and its text,
// then 0xff; for each key its whole length in four bytes, the length of what follows in
// two, and its beginning; then a zero, and in four bytes how many more keys there are.
// A length is never 0xff, nor a key's kind 0.
const (
	endOfArguments = 0xff
	aKey           = 1
	endOfKeys      = 0
)

// Pack appends what may be shown of a request, and returns the longer slice. keys are
// the first of its keys, and more how many there are besides. What is kept is bounded.
func (r *Recorder) Pack(dst []byte, command string, args, keys [][]byte, more int) []byte {
	dst = redact(dst, command, args)
	dst = append(dst, endOfArguments)
	if r.trail.withoutKeys.Load() {
		keys, more = nil, 0
	}
	shown := keys[:min(len(keys), maxShown)]
	for _, k := range shown {
		dst = append(dst, aKey)
		dst = binary.BigEndian.AppendUint32(dst, uint32(min(uint64(len(k)), math.MaxUint32)))
		cut := k[:min(len(k), maxKey)]
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(cut)))
		dst = append(dst, cut...)
	}
	dst = append(dst, endOfKeys)
	return binary.BigEndian.AppendUint32(dst, uint32(more+len(keys)-len(shown)))
}

func packText(dst []byte, text []byte) []byte {
	text = text[:min(len(text), maxText)]
	return append(append(dst, byte(len(text))), text...)
}

// packed is what unpack has found; its slices are those of the bytes that it was given.
type packed struct {
	args [][]byte
	keys []packedKey
	more int // keys that are left out
}

type packedKey struct {
	beginning []byte
	length    uint32 // of the whole
}

// unpack reads what Pack has made into p, which is reused.
func (p *packed) unpack(b []byte) {
	p.args, p.keys, p.more = p.args[:0], p.keys[:0], 0
	if len(b) == 0 {
		return
	}
	for b[0] != endOfArguments {
		n := int(b[0])
		p.args = append(p.args, b[1:1+n])
		b = b[1+n:]
	}
	for b = b[1:]; b[0] == aKey; {
		n := int(binary.BigEndian.Uint16(b[5:]))
		p.keys = append(p.keys, packedKey{b[7 : 7+n], binary.BigEndian.Uint32(b[1:])})
		b = b[7+n:]
	}
	p.more = int(binary.BigEndian.Uint32(b[1:]))
}
