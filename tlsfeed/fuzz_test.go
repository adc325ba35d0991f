package tlsfeed

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	record := func(n int) []byte { return append(header(typeData, n), make([]byte, n)...) }
	stream := join(record(3), record(0), record(1), record(0xffff), record(20))
	ends := map[int]bool{8: true, 13: true, 19: true, 65559: true, 65584: true}
	for _, step := range []int{1, 2, 3, 5, 7, 1000, 1 << 20} {
		var f frame
		for at := 0; at < len(stream); {
			n := f.take(stream[at:min(at+step, len(stream))])
			if n == 0 {
				t.Fatalf("step %d, at %d: take() = 0; want progress", step, at)
			}
			for i := at + 1; i < at+n; i++ {
				if ends[i] {
					t.Fatalf("step %d: take() went past the end of a record at %d", step, i)
				}
			}
			if at += n; (f.got == 0) != ends[at] {
				t.Fatalf("step %d, at %d: the next byte begins a record: %v; want %v", step, at, f.got == 0, ends[at])
			}
		}
		var all frame
		all.takeAll(stream[:len(stream)-1])
		if all.got == 0 || all.left != 1 {
			t.Errorf("takeAll() of all but a byte leaves %d; want 1", all.left)
		}
	}
}

// FuzzConn lets a client tell a story made of the input's bytes: records of every
// kind, garbage, and cuts anywhere. Whatever it is, what comes out is what went
// in as data, in order, and an error is final.
func FuzzConn(f *testing.F) {
	f.Add(false, []byte("\x00\x05\x01\x00\x00\x10\x05"))
	f.Add(true, []byte("\x00\x05\x02\x01\x00\x09\x05\x02\x00\x00\x07\x03\x01\x00"))
	f.Add(true, []byte("\x00\x80\x04\x02\x17\x03\x00\x80\x06\x05"))
	f.Add(false, []byte("\x00\x80\x03\x02\x28\x00\x05"))
	f.Add(true, bytes.Repeat([]byte("\x02\x01\x00\x01"), 40))
	f.Fuzz(func(t *testing.T, newer bool, script []byte) {
		version := uint16(tls.VersionTLS12)
		if newer {
			version = tls.VersionTLS13
		}
		p := newPair(t, version)
		r := p.records
		var sent, got strings.Builder
		var waiting []byte
		var final error
		broken := false // what is sent after this may not come out
		feed := func(segment []byte) {
			part, err := p.feed(t, segment, 4096)
			got.WriteString(part)
			if final != nil && (part != "" || err != final) {
				t.Fatalf("after %v: Read() = %q, %v", final, part, err)
			}
			if err != ErrWouldBlock {
				final = err
			}
		}
		if len(script) > 400 {
			return
		}
		for len(script) >= 2 {
			op, arg := script[0], script[1]
			script = script[2:]
			switch op % 7 {
			case 0: // data
				s := strings.Repeat(string(rune('a'+arg%26)), int(arg)*int(arg)/4)
				waiting = append(waiting, r.data(s)...)
				if !broken {
					sent.WriteString(s)
				}
			case 1: // data with padding, of any type
				waiting = append(waiting, r.up.seal(arg, "x", int(arg))...)
				if arg == typeData && !broken {
					sent.WriteString("x")
				}
				broken = broken || arg != typeData
			case 2: // key update
				waiting = append(waiting, r.handshake(keyUpdate(arg))...)
				if broken = broken || !newer || arg > 1; newer {
					r.up.update(t)
				}
			case 3: // alert
				waiting = append(waiting, r.alert(1+arg%3, arg)...)
				broken = true
			case 4: // garbage
				n := min(int(arg), len(script))
				waiting = append(waiting, script[:n]...)
				script, broken = script[n:], true
			case 5: // a segment ends here
				feed(waiting)
				waiting = nil
			case 6: // or in the middle of it
				n := len(waiting) * int(arg) / 256
				feed(waiting[:n])
				waiting = waiting[n:]
			}
		}
		feed(waiting)
		all := sent.String()
		if !broken && final == nil && got.String() != all {
			t.Errorf("%d bytes came out; want the %d that went in", got.Len(), len(all))
		}
		if !broken && final != nil && !strings.Contains(final.Error(), "too many") {
			t.Errorf("Read() = %v for a client that keeps to the rules", final)
		}
		if !strings.HasPrefix(got.String(), all) && !strings.HasPrefix(all, got.String()) {
			t.Errorf("other bytes came out than went in")
		}
		if final == nil || final == io.EOF {
			if err := p.Write([]byte("reply")); err != nil {
				t.Errorf("Write() = %v on a connection that works", err)
			}
		}
		if n := len(p.lower.in); n != 0 {
			t.Errorf("%d bytes are held after all was read", n)
		}
	})
}

// FuzzHandshake gives a server anything for a first flight.
func FuzzHandshake(f *testing.F) {
	near, _ := newSockets()
	near.in.end(true, false)
	_ = tls.Client(near, clientConfig(new(strings.Builder))).Handshake()
	f.Add(near.out.history())
	f.Add([]byte("*1\r\n$4\r\nPING\r\n"))
	f.Add(binary.BigEndian.AppendUint32([]byte{22, 3, 1, 0, 4}, 0x0100ffff))
	cfg := serverConfig(tls.VersionTLS12)
	cfg.MaxVersion = 0
	f.Fuzz(func(t *testing.T, flight []byte) {
		near, far := newSockets()
		near.out.put(flight)
		near.out.end(true, false)
		slots := NewSlots(1)
		c, err := slots.Handshake(t.Context(), far, local, true, cfg, 1<<40)
		if c != nil || kind(err) != Failed && kind(err) != Vanished {
			t.Errorf("Handshake() = %v, %v; want no connection", c, err)
		}
		if slots.Unfinished() != 0 || slots.permits.free != slots.number || slots.strangers.free != slots.number || !far.isClosed() {
			t.Error("a place, a permit or the connection is still held")
		}
	})
}
