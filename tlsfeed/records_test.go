package tlsfeed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"testing"
)

// Types of records and of the handshake messages that tests craft (RFC 8446,
// sections 5.1 and 4).
const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23

	messageHelloRequest = 0
	messageClientHello  = 1
	messageKeyUpdate    = 24
)

// A record as it was before encryption.
type record struct {
	typ  byte
	data string
}

func (r record) String() string { return fmt.Sprintf("{%d %q}", r.typ, r.data) }

// half is the keys of one direction.
type half struct {
	version uint16
	hash    func() hash.Hash
	keyLen  int
	secret  []byte // TLS 1.3 traffic secret
	aead    cipher.AEAD
	iv      []byte
	seq     uint64
}

// records is a client's record layer that says exactly what it is told to:
// crypto/tls has no way to send a key update or half an alert.
type records struct {
	version  uint16
	up, down half
}

// newRecords derives the application's keys from a key log and the bytes that
// the server has sent.
func newRecords(t testing.TB, state tls.ConnectionState, keyLog string, fromServer []byte) *records {
	t.Helper()
	r := &records{version: state.Version}
	secrets := map[string][]byte{}
	var clientRandom []byte
	for line := range strings.Lines(keyLog) {
		f := strings.Fields(line)
		secrets[f[0]] = unhex(t, f[2])
		clientRandom = unhex(t, f[1])
	}
	newHash, keyLen := sha256.New, 16
	switch state.CipherSuite {
	case tls.TLS_AES_256_GCM_SHA384:
		newHash, keyLen = sha512.New384, 32
	case tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
	default:
		t.Fatalf("this test crafts AES-GCM records; the suite is %s (a machine without AES instructions?)", tls.CipherSuiteName(state.CipherSuite))
	}
	r.up = half{version: r.version, hash: newHash, keyLen: keyLen}
	r.down = r.up
	if r.version == tls.VersionTLS13 {
		r.up.install(t, secrets["CLIENT_TRAFFIC_SECRET_0"])
		r.down.install(t, secrets["SERVER_TRAFFIC_SECRET_0"])
		return r
	}
	serverRandom := fromServer[11:43] // record and message header, version
	block := prf12(secrets["CLIENT_RANDOM"], "key expansion", append(bytes.Clone(serverRandom), clientRandom...), 40)
	r.up.aead, r.down.aead = gcm(t, block[:16]), gcm(t, block[16:32])
	r.up.iv, r.down.iv = block[32:36], block[36:40]
	r.up.seq, r.down.seq = 1, 1 // after Finished
	return r
}

func (h *half) install(t testing.TB, secret []byte) {
	h.secret = secret
	h.aead = gcm(t, h.expand(t, "key", h.keyLen))
	h.iv = h.expand(t, "iv", 12)
	h.seq = 0
}

// update is what a KeyUpdate does to its direction.
func (h *half) update(t testing.TB) { h.install(t, h.expand(t, "traffic upd", h.hash().Size())) }

func (h *half) expand(t testing.TB, label string, n int) []byte {
	t.Helper()
	label = "tls13 " + label
	info := string([]byte{byte(n >> 8), byte(n), byte(len(label))}) + label + "\x00"
	b, err := hkdf.Expand(h.hash, h.secret, info, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (h *half) nonce(explicit []byte) []byte {
	if h.version == tls.VersionTLS13 {
		n := bytes.Clone(h.iv)
		for i := range 8 {
			n[4+i] ^= byte(h.seq >> (56 - 8*i))
		}
		return n
	}
	return append(bytes.Clone(h.iv), explicit...)
}

// seal makes one record; in TLS 1.3 it is followed by so many zeros inside.
func (h *half) seal(typ byte, data string, padding int) []byte {
	defer func() { h.seq++ }()
	if h.version == tls.VersionTLS13 {
		inner := append(append([]byte(data), typ), make([]byte, padding)...)
		head := header(typeData, len(inner)+16)
		return h.aead.Seal(head, h.nonce(nil), inner, head)
	}
	seq := binary.BigEndian.AppendUint64(nil, h.seq)
	aad := append(bytes.Clone(seq), header(typ, len(data))...)
	return h.aead.Seal(append(header(typ, len(data)+24), seq...), h.nonce(seq), []byte(data), aad)
}

// open decrypts the first record of p.
func (h *half) open(t testing.TB, p []byte) (r record, rest []byte) {
	t.Helper()
	if len(p) < 5 || len(p) < 5+int(binary.BigEndian.Uint16(p[3:])) {
		t.Fatalf("the server has sent half a record: %x", p)
	}
	n := int(binary.BigEndian.Uint16(p[3:]))
	head, body, rest := p[:5], p[5:5+n], p[5+n:]
	nonce, aad := h.nonce(nil), head
	if h.version != tls.VersionTLS13 {
		nonce = h.nonce(body[:8])
		aad = append(binary.BigEndian.AppendUint64(nil, h.seq), header(head[0], n-24)...)
		body = body[8:]
	}
	data, err := h.aead.Open(nil, nonce, body, aad)
	if err != nil {
		t.Fatalf("record %d of the server: %v", h.seq, err)
	}
	h.seq++
	if h.version != tls.VersionTLS13 {
		return record{head[0], string(data)}, rest
	}
	data = bytes.TrimRight(data, "\x00")
	return record{data[len(data)-1], string(data[:len(data)-1])}, rest
}

// Shorthands of what a client says.
func (r *records) data(s string) []byte      { return r.up.seal(typeData, s, 0) }
func (r *records) handshake(s string) []byte { return r.up.seal(typeHandshake, s, 0) }
func (r *records) alert(level, n byte) []byte {
	return r.up.seal(typeAlert, string([]byte{level, n}), 0)
}
func (r *records) closeNotify() []byte { return r.alert(1, 0) }
func (r *records) answers(t testing.TB, p []byte) (got []record) {
	t.Helper()
	for len(p) > 0 {
		var rec record
		rec, p = r.down.open(t, p)
		got = append(got, rec)
		if rec.typ == typeHandshake && r.version == tls.VersionTLS13 {
			r.down.update(t)
		}
	}
	return got
}

// keyUpdate is a message that asks for one in return, or does not.
func keyUpdate(requested byte) string { return message(messageKeyUpdate, string(rune(requested))) }

func message(typ byte, body string) string {
	n := len(body)
	return string([]byte{typ, byte(n >> 16), byte(n >> 8), byte(n)}) + body
}

func header(typ byte, n int) []byte { return []byte{typ, 3, 3, byte(n >> 8), byte(n)} }

func gcm(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// prf12 is P_SHA256 of RFC 5246, section 5.
func prf12(secret []byte, label string, seed []byte, n int) (out []byte) {
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:n]
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
