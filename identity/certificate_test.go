package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"
)

// made signs a template by itself.
func made(t testing.TB, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func extension(t testing.TB, names ...asn1.RawValue) pkix.Extension {
	t.Helper()
	der, err := asn1.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: oidAlternativeNames, Value: der}
}

func name(tag int, s string) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(s)}
}

func TestOf(t *testing.T) {
	c := made(t, &x509.Certificate{
		Subject:  pkix.Name{CommonName: "App"},
		DNSNames: []string{"App.Internal", "*.Web.internal"}, EmailAddresses: []string{"App@Example.COM"},
		URIs: []*url.URL{{Scheme: "spiffe", Host: "prod", Path: "/app"}},
	})
	got := Of(c)
	want := &Certificate{
		CommonName: "App", DNS: []string{"app.internal", "*.web.internal"}, Emails: []string{"App@example.com"},
		URIs: []string{"spiffe://prod/app"}, Sum: sha256.Sum256(c.Raw),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Of() = %+v; want %+v", got, want)
	}
}

// What crypto/x509 gives of a URI is parsed, and may be spelled otherwise.
func TestURIsAreReadAsTheyAreSpelled(t *testing.T) {
	const spelled = "SPIFFE://Prod/a%2Fb/../c"
	c := made(t, &x509.Certificate{ExtraExtensions: []pkix.Extension{extension(t, name(tagURI, spelled), name(7, "\x7f\x00\x00\x01"))}})
	got := Of(c)
	if !slices.Equal(got.URIs, []string{spelled}) || got.CommonName != "" || got.Unclear {
		t.Errorf("Of() = %+v; want the URI %s alone", got, spelled)
	}
	if c.URIs[0].String() == spelled {
		t.Error("crypto/x509 keeps the spelling; then there is no need to look for oneself")
	}
}

func TestSeveralCommonNamesAreSeen(t *testing.T) {
	c := made(t, &x509.Certificate{Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: oidCommonName, Value: "admin"}, {Type: oidCommonName, Value: "app"},
	}}})
	if got := Of(c); !got.Unclear {
		t.Errorf("Of() = %+v; want it unclear", got)
	}
}

func TestDamagedNamesAreUnclear(t *testing.T) {
	for _, der := range [][]byte{nil, {0x30}, {0x02, 0x01, 0x01}, {0x30, 0x00, 0x00}, {0x30, 0x02, 0x82, 0x05}, {0x30, 0x03, 0x02, 0x01, 0x01}} {
		c := &x509.Certificate{Extensions: []pkix.Extension{{Id: oidAlternativeNames, Value: der}}}
		if got := Of(c); !got.Unclear {
			t.Errorf("Of() with the names %x = %+v; want it unclear", der, got)
		}
	}
}

func TestFind(t *testing.T) {
	var tab Table[string]
	for owner, patterns := range map[string][]string{
		"app":  {"CN:app", "DNS:*.app.internal", "URI:spiffe://prod/app/*"},
		"ops":  {"CN:ops", "DNS:ops.internal", "EMAIL:ops@example.com"},
		"one":  {"SHA256:" + sum},
		"wide": {"DNS:a.*.internal"},
	} {
		for _, p := range patterns {
			tab.Add(parse(t, p), owner)
		}
	}
	var first [sha256.Size]byte
	for i := range first {
		first[i] = byte(i)
	}
	for _, test := range []struct {
		c    Certificate
		want []string
	}{
		{Certificate{}, nil},
		{Certificate{CommonName: "app"}, []string{"app"}},
		{Certificate{CommonName: "app.app.internal"}, nil},
		{Certificate{DNS: []string{"app"}, Emails: []string{"app"}, URIs: []string{"app"}}, nil},
		{Certificate{DNS: []string{"x.app.internal", "y.app.internal"}, CommonName: "app"}, []string{"app"}},
		{Certificate{DNS: []string{"x.app.internal", "ops.internal"}}, []string{"app", "ops"}},
		{Certificate{DNS: []string{"a.app.internal"}}, []string{"app", "wide"}},
		{Certificate{DNS: []string{"*.app.internal"}}, nil},
		{Certificate{Emails: []string{"ops@example.com"}}, []string{"ops"}},
		{Certificate{URIs: []string{"spiffe://prod/app/1"}}, []string{"app"}},
		{Certificate{URIs: []string{"spiffe://prod/app/1/2", "spiffe://prod/app/", "spiffe://prod/app"}}, nil},
		{Certificate{Sum: first}, []string{"one"}},
	} {
		got := tab.Find(&test.c)
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("Find(%+v) = %q; want %q", test.c, got, test.want)
		}
	}
}

func TestClashes(t *testing.T) {
	var patterns []Pattern
	for _, s := range []string{"CN:app", "DNS:*.x", "CN:ops", "DNS:a.x", "DNS:a.*", "CN:app", "DNS:b.y", "URI:u:a.x", "DNS:a.x"} {
		patterns = append(patterns, parse(t, s))
	}
	got := Clashes(patterns)
	slices.SortFunc(got, func(a, b [2]int) int { return 10*(a[0]-b[0]) + a[1] - b[1] })
	want := [][2]int{{0, 5}, {1, 3}, {1, 4}, {1, 8}, {3, 4}, {3, 8}, {4, 8}}
	if !slices.Equal(got, want) {
		t.Errorf("Clashes() = %v; want %v", got, want)
	}
}

func BenchmarkFind(b *testing.B) {
	var tab Table[string]
	for i := range 10_000 {
		tab.Add(parse(b, "DNS:*.app"+string(rune('a'+i%26))+".internal"), "x")
	}
	c := &Certificate{CommonName: "app", DNS: []string{"one.app.internal", "one.appa.internal"}, URIs: []string{"spiffe://prod/app"}}
	for b.Loop() {
		tab.Find(c)
	}
}
