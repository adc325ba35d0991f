package tlsfeed

import (
	"crypto/tls"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A story is what a client sends, segment by segment, and what must come of it.
type story struct {
	name     string
	version  uint16 // 0: both
	segments func(t testing.TB, r *records) [][]byte
	data     string   // plaintext that comes out in all
	err      string   // last error: "block", "eof", or part of a final error's text
	answers  []record // what the server writes by itself
}

const (
	warning = 1
	fatal   = 2
)

var stories = []story{
	{
		name: "data and close_notify in one segment", data: "PING", err: "eof",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("PING"), r.closeNotify())}
		},
	},
	{
		name: "data and half an alert, then the rest", data: "PING", err: "eof",
		segments: func(t testing.TB, r *records) [][]byte {
			d, a := r.data("PING"), r.closeNotify()
			return [][]byte{join(d, a[:9]), a[9:]}
		},
	},
	{
		name: "data and half an alert", data: "PING", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("PING"), r.closeNotify()[:6])}
		},
	},
	{
		name: "two records", data: "onetwo", err: "block",
		segments: func(t testing.TB, r *records) [][]byte { return [][]byte{join(r.data("one"), r.data("two"))} },
	},
	{
		name: "a record and a half", data: "onetwo", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			one, two := r.data("one"), r.data("two")
			return [][]byte{join(one, two[:10]), two[10:]}
		},
	},
	{
		name: "a large record over several reads", data: strings.Repeat("x", 16<<10) + "y", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			d := r.data(strings.Repeat("x", 16<<10))
			return [][]byte{d[:3], d[3:5], d[5:4000], join(d[4000:], r.data("y"))}
		},
	},
	{
		name: "many full records at once", data: strings.Repeat("z", 5*16<<10), err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			var s []byte
			for range 5 {
				s = append(s, r.data(strings.Repeat("z", 16<<10))...)
			}
			return [][]byte{s}
		},
	},
	{
		name: "a record of nothing but padding, then a full one", version: tls.VersionTLS13, data: strings.Repeat("p", 16000), err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.up.seal(typeData, "", 200), r.up.seal(typeData, strings.Repeat("p", 16000), 384))}
		},
	},
	{
		name: "an ignored alert", data: "onetwo", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), r.alert(warning, 90), r.data("two"))} // user_canceled
		},
	},
	{
		name: "a fatal alert", data: "one", err: "remote error",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), r.alert(fatal, 40), r.data("two"))}
		},
	},
	{
		name: "too many ignored records", data: "one", err: "too many ignored records",
		segments: func(t testing.TB, r *records) [][]byte {
			s := r.data("one")
			for range 17 {
				s = append(s, r.data("")...)
			}
			return [][]byte{append(s, r.data("two")...)}
		}, answers: []record{{typeAlert, "\x02\x0a"}},
	},
	{
		name: "a bad record", data: "one", err: "bad record MAC",
		segments: func(t testing.TB, r *records) [][]byte {
			one, bad := r.data("one"), r.data("two")
			bad[len(bad)-1] ^= 1
			return [][]byte{join(one, bad, r.data("three"))}
		}, answers: []record{{typeAlert, "\x02\x14"}},
	},
	{
		name: "an oversized record", data: "one", err: "oversized record",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), header(typeData, 1<<15), r.data("two"))}
		}, answers: []record{{typeAlert, "\x02\x16"}},
	},
	{
		name: "plain text in the middle", data: "one", err: "version",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), []byte("*1\r\n$4\r\nPING\r\n"))}
		}, answers: []record{{typeAlert, "\x02\x46"}},
	},

	{
		name: "a key update", version: tls.VersionTLS13, data: "onetwo", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			s := join(r.data("one"), r.handshake(keyUpdate(0)))
			r.up.update(t)
			return [][]byte{join(s, r.data("two"))}
		},
	},
	{
		name: "a key update that asks for one", version: tls.VersionTLS13, data: "onetwo", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			s := join(r.data("one"), r.handshake(keyUpdate(1)))
			r.up.update(t)
			return [][]byte{join(s, r.data("two"))}
		}, answers: []record{{typeHandshake, keyUpdate(0)}},
	},
	{
		name: "a key update in two records", version: tls.VersionTLS13, data: "onetwo", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			m := keyUpdate(1)
			s := [][]byte{join(r.data("one"), r.handshake(m[:2])), r.handshake(m[2:])}
			r.up.update(t)
			return append(s, r.data("two"))
		}, answers: []record{{typeHandshake, keyUpdate(0)}},
	},
	{
		name: "a key update torn by data", version: tls.VersionTLS13, data: "", err: "unexpected message",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.handshake(keyUpdate(1)[:2]), r.data("one"))}
		}, answers: []record{{typeAlert, "\x02\x0a"}},
	},
	{
		name: "half a key update", version: tls.VersionTLS13, data: "one", err: "block",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), r.handshake(keyUpdate(1)[:2]))}
		},
	},
	{
		name: "a second hello", data: "one", err: "tls:",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), r.handshake(message(messageClientHello, secondHello)), r.data("two"))}
		}, answers: []record{{typeAlert, "\x02\x0a"}},
	},
	{
		name: "renegotiation asked for", version: tls.VersionTLS12, data: "one", err: "no renegotiation",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), r.handshake(message(messageHelloRequest, "")), r.data("two"))}
		}, answers: []record{{typeAlert, "\x01\x64"}},
	},
	{
		name: "a handshake message torn by data", version: tls.VersionTLS12, data: "one", err: "pending application data",
		segments: func(t testing.TB, r *records) [][]byte {
			return [][]byte{join(r.data("one"), r.handshake(message(messageClientHello, secondHello)[:20]), r.data("two"))}
		},
	},
	{
		name: "a handshake message without an end", data: "one", err: "without data",
		segments: func(t testing.TB, r *records) [][]byte {
			s := r.data("one")
			part := "\x0b\x03\xff\xff" + strings.Repeat("m", 4000) // a certificate of 256 KB
			for range 6 {
				s = append(s, r.handshake(part)...)
			}
			return [][]byte{s}
		},
	},
}

// secondHello is a hello such as a client that renegotiates sends.
var secondHello = "\x03\x03" + strings.Repeat("r", 32) + "\x00" + "\x00\x02\xc0\x2b" + "\x01\x00"

func TestStories(t *testing.T) {
	eachStory(t, func(t *testing.T, s story, version uint16) {
		for _, size := range []int{64 << 10, 1000, 3} {
			p := newPair(t, version)
			tell(t, s, p, s.segments(t, p.records), size)
		}
	})
}

// What comes out must not depend on where the client's bytes are cut.
func TestStoriesCutAnywhere(t *testing.T) {
	eachStory(t, func(t *testing.T, s story, version uint16) {
		fresh := func() (*pair, []byte) {
			p := newPair(t, version)
			return p, join(s.segments(t, p.records)...)
		}
		p, all := fresh()
		drop := 1 + len(all)/2000
		tell(t, s, p, slices.Collect(slices.Chunk(all, drop)), 64<<10)
		for at := 1; at < len(all); at += 1 + len(all)/40 {
			p, all = fresh()
			tell(t, s, p, [][]byte{all[:at], all[at:]}, 64<<10)
		}
	})
}

func eachStory(t *testing.T, f func(t *testing.T, s story, version uint16)) {
	eachVersion(t, func(t *testing.T, version uint16) {
		for _, s := range stories {
			if s.version == 0 || s.version == version {
				t.Run(s.name, func(t *testing.T) { f(t, s, version) })
			}
		}
	})
}

// tell feeds a story, looks at what has come of it, and at what cannot follow.
func tell(t *testing.T, s story, p *pair, segments [][]byte, size int) {
	t.Helper()
	var data string
	var err error
	for _, segment := range segments {
		var got string
		got, err = p.feed(t, segment, size)
		data += got
	}
	if data != s.data {
		t.Errorf("plaintext = %.80q; want %.80q", data, s.data)
	}
	switch {
	case s.err == "block" && err == ErrWouldBlock:
	case s.err == "eof" && err == io.EOF:
	case s.err != "block" && s.err != "eof" && err != nil && strings.Contains(err.Error(), s.err):
	default:
		t.Errorf("Read() = %v; want %q", err, s.err)
	}
	if got := p.records.answers(t, p.takeOut()); !reflect.DeepEqual(got, s.answers) {
		t.Errorf("the server wrote %v; want %v", got, s.answers)
	}
	if s.err == "block" {
		return
	}
	final := err
	if got, err := p.feed(t, p.records.data("late"), size); got != "" || err != final {
		t.Errorf("after %v: Read() = %q, %v; want the same error", final, got, err)
	}
	werr := p.Write([]byte("answer"))
	if s.err == "eof" {
		if werr != nil {
			t.Errorf("Write() after the client's close_notify = %v; want nil", werr)
		}
		p.Close()
		want := []record{{typeData, "answer"}, {typeAlert, "\x01\x00"}}
		if got := p.records.answers(t, p.takeOut()); !reflect.DeepEqual(got, want) {
			t.Errorf("the server wrote %v; want %v", got, want)
		}
		return
	}
	p.Close()
	if !errors.Is(werr, final) || len(p.out) != 0 {
		t.Errorf("Write() on a broken connection = %v and %d bytes; want %v and none", werr, len(p.out), final)
	}
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
