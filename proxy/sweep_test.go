package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/proxy"
	"redisgate/tlsconf"
)

// judging is TLS whose judgement over single certificates can be exchanged.
type judging struct {
	proxy.TLS
	gone atomic.Pointer[x509.Certificate]
}

func (j *judging) Judge(chains [][]*x509.Certificate, now time.Time) error {
	if g := j.gone.Load(); g != nil && chains[0][0].Equal(g) {
		return tlsconf.ErrRevoked
	}
	return j.TLS.Judge(chains, now)
}

func sweepGate(t *testing.T, every time.Duration) (*gatetest.Gate, *judging) {
	t.Helper()
	j := &judging{}
	g, _ := gate(t, gatetest.Options{
		Users:      map[string]string{"app": "on >secret ~* &* +@all", "ops": "on >secret ~* &* +@all"},
		People:     map[string]gatetest.Person{"app": {Certificates: []string{"CN:app", "CN:other"}}},
		ClientAuth: tls.VerifyClientCertIfGiven, Workers: 2,
		Change: func(o *proxy.Options) {
			j.TLS, o.TLS, o.SweepEvery = o.TLS, j, every
		},
	})
	return g, j
}

// A certificate that does not hold any more ends its sessions, whatever they are doing
// and whoever they have logged in as, and nobody else's.
func TestSweepEndsSessionsOfRevokedCertificates(t *testing.T) {
	g, j := sweepGate(t, time.Hour)
	bad, good := gatetest.Client(t, g.CA, gatetest.Named("app")), gatetest.Client(t, g.CA, gatetest.Named("other"))
	var ends []*wire
	begin := func(f func(w *wire)) {
		w := dialWith(t, g, bad)
		f(w)
		ends = append(ends, w)
	}
	for range 300 { // more than are judged in one turn
		begin(func(w *wire) { w.is("app") })
	}
	begin(func(w *wire) { w.do("+OK\r\n", "AUTH", "ops", "secret") })
	begin(func(w *wire) { w.send("BLPOP", "nothing", "0") })
	begin(func(w *wire) { w.do("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", "SUBSCRIBE", "news") })
	begin(func(w *wire) { w.do("+OK\r\n", "MULTI") })
	begin(func(w *wire) { w.raw("*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$1000000\r\nbegin") })
	stays := dialWith(t, g, good)
	stays.is("app")
	none := dialWith(t, g, nil).login()

	g.Server.Sweep() // nothing has changed
	ends[0].is("app")
	j.gone.Store(bad.Leaf)
	g.Server.Sweep()
	for _, w := range ends {
		w.closed()
	}
	stays.is("app")
	none.is("app")
	stays.do("$-1\r\n", "GET", "large")
	if snap, ok := g.Server.Snapshot(10 * time.Second); !ok || snap.Closed["certificate"] != uint64(len(ends)) {
		t.Errorf("%v sessions were ended for their certificate; want %d", snap.Closed, len(ends))
	}
	// The handshake of the gate's TLS does not know; the session ends at its beginning.
	nc, err := tls.Dial("tcp", g.TCP, g.TLSWith(bad))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	newWire(t, nc).closed()
}

// A certificate that expires ends its sessions without anybody's doing.
func TestSessionsEndWithTheirCertificate(t *testing.T) {
	g, _ := sweepGate(t, 10*time.Millisecond)
	brief := gatetest.Client(t, g.CA, &x509.Certificate{Subject: pkix.Name{CommonName: "app"}, NotAfter: time.Now().Add(3 * time.Second)})
	w := dialWith(t, g, brief)
	w.is("app")
	stays := dialWith(t, g, gatetest.Client(t, g.CA, gatetest.Named("other")))
	stays.is("app")
	w.closed()
	if now := time.Now(); now.Before(brief.Leaf.NotAfter) {
		t.Errorf("the session has ended at %v; want not before %v", now, brief.Leaf.NotAfter)
	}
	stays.is("app")
}

// BenchmarkJudge is what one session costs a sweep.
func BenchmarkJudge(b *testing.B) {
	ca, err := tlsconf.NewAuthority("bench", time.Now(), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	c := gatetest.Client(b, ca, gatetest.Named("app"))
	trust := tlsconf.NewTrust([]*x509.Certificate{ca.Certificate}, nil)
	chains := [][]*x509.Certificate{{c.Leaf, ca.Certificate}}
	now := time.Now()
	for b.Loop() {
		if err := trust.Judge(chains, now); err != nil {
			b.Fatal(err)
		}
	}
}
