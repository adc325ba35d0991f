package tlsfeed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

var versions = []struct {
	name string
	id   uint16
}{{"TLS1.2", tls.VersionTLS12}, {"TLS1.3", tls.VersionTLS13}}

// eachVersion runs a test in TLS 1.2 and in TLS 1.3.
func eachVersion(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) { f(t, v.id) })
	}
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"redis.test"},
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func serverConfig(version uint16) *tls.Config {
	return &tls.Config{
		Certificates:                []tls.Certificate{certificate()},
		MinVersion:                  version,
		MaxVersion:                  version,
		CipherSuites:                []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true, // so that tests know the sequence numbers
	}
}

func clientConfig(keyLog *strings.Builder) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "redis.test", KeyLogWriter: keyLog}
}

// pair is a connection in its second life, and both ways to be its client.
type pair struct {
	*Conn                // the server
	client     *tls.Conn // the real client; its records come out of fromClient
	records    *records  // the crafted client, for the same keys
	fromClient *wire
	toClient   *wire
	out        []byte // the server's output
}

func newPair(t testing.TB, version uint16) *pair {
	return newPairWith(t, serverConfig(version), clientConfig(new(strings.Builder)), nil)
}

// newPairWith shakes hands; early is added to the segment of the client's last
// flight.
func newPairWith(t testing.TB, server, client *tls.Config, early func(*tls.Conn, *socket)) *pair {
	t.Helper()
	near, far := newSockets()
	p := &pair{client: tls.Client(near, client), fromClient: near.out, toClient: near.in}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Conn, err = NewSlots(1).Handshake(t.Context(), far, local, false, server, time.Minute)
	}()
	near.hold = early != nil
	if cerr := p.client.Handshake(); cerr != nil {
		t.Fatalf("client's handshake: %v", cerr)
	}
	if early != nil {
		early(p.client, near)
		near.hold = false
		near.release(nil)
	}
	<-done
	if err != nil {
		t.Fatalf("Handshake() = %v; want nil", err)
	}
	keyLog := client.KeyLogWriter.(*strings.Builder).String()
	if !p.client.ConnectionState().DidResume { // else the log has two connections
		p.records = newRecords(t, p.client.ConnectionState(), keyLog, far.out.history())
	}
	p.SetOutput(&p.out)
	return p
}

// takeOut gives the server's output and empties it, as a write to the socket does.
func (p *pair) takeOut() []byte {
	out := p.out
	p.out = nil
	return out
}

// drain reads until there is an error, with a buffer of n bytes.
func (p *pair) drain(t testing.TB, n int) (string, error) {
	t.Helper()
	var got strings.Builder
	dst := make([]byte, n)
	for {
		n, err := p.Read(dst)
		if (n > 0) == (err != nil) {
			t.Fatalf("Read() = %d, %v; want data or an error", n, err)
		}
		if err != nil {
			return got.String(), err
		}
		got.Write(dst[:n])
	}
}

// feed lends a copy of segment, reads all of it, and then spoils the copy: the
// worker's buffer belongs to the next client.
func (p *pair) feed(t testing.TB, segment []byte, n int) (string, error) {
	t.Helper()
	lent := append([]byte(nil), segment...)
	p.Feed(lent, 0)
	got, err := p.drain(t, n)
	for i := range lent {
		lent[i] = 0xa5
	}
	return got, err
}
