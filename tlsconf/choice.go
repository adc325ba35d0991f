package tlsconf

import (
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// curves are the key exchanges that may be named, the hybrids with ML-KEM, which
// withstand quantum computers, first.
var curves = []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// curveNames are IANA's for the hybrids, NIST's for its curves.
var curveNames = map[tls.CurveID]string{
	tls.X25519MLKEM768: "X25519MLKEM768", tls.SecP256r1MLKEM768: "SecP256r1MLKEM768", tls.SecP384r1MLKEM1024: "SecP384r1MLKEM1024",
	tls.X25519: "X25519", tls.CurveP256: "P-256", tls.CurveP384: "P-384", tls.CurveP521: "P-521",
}

// defaultCurves is what clients of today can, without what costs more than it gives.
var defaultCurves = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}

// curves reads names of key exchanges; none means the default.
func (l *loader) curves(names []string) []tls.CurveID {
	if len(names) == 0 {
		return slices.Clone(defaultCurves)
	}
	var known []string
	for _, c := range curves {
		known = append(known, curveNames[c])
	}
	return choose(l, KeyCurves, names, known, func(i int) tls.CurveID { return curves[i] })
}

// suites reads names of TLS 1.2's cipher suites; none means all that are safe.
func (l *loader) suites(names []string) []uint16 {
	if len(names) == 0 {
		return slices.Clone(suites12)
	}
	var known []string
	for _, s := range suites12 {
		known = append(known, tls.CipherSuiteName(s))
	}
	return choose(l, KeySuites, names, known, func(i int) uint16 { return suites12[i] })
}

func choose[T comparable](l *loader, key string, names, known []string, of func(i int) T) (out []T) {
	for i, name := range names {
		k := slices.Index(known, name)
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case k < 0 && key == KeySuites && slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool {
			return s.Name == name && slices.Equal(s.SupportedVersions, []uint16{tls.VersionTLS13})
		}):
			l.fail(at, "", fmt.Sprintf("%q is of TLS 1.3, whose suites are all safe and all in use", name), "remove it; these are of TLS 1.2: "+strings.Join(known, ", "))
		case k < 0:
			l.fail(at, "", fmt.Sprintf("%q is unknown, or not safe", name), "choose of "+strings.Join(known, ", "))
		case slices.Contains(out, of(k)):
			l.fail(at, "", fmt.Sprintf("%q is listed twice", name), "remove one of the two")
		default:
			out = append(out, of(k))
		}
	}
	return out
}

// suited warns of a key that no suite of TLS 1.2 fits, if that is spoken at all.
func (l *loader) suited(key, file string, pair tls.Certificate, m Material) {
	if m.MinVersion == tls.VersionTLS13 || pair.Leaf == nil || len(m.Suites) == 0 {
		return
	}
	_, isRSA := pair.PrivateKey.(*rsa.PrivateKey)
	for _, s := range m.Suites {
		if isRSA == strings.HasPrefix(tls.CipherSuiteName(s), "TLS_ECDHE_RSA_") {
			return
		}
	}
	kind := "an ECDSA or Ed25519"
	if isRSA {
		kind = "an RSA"
	}
	l.warn(key, file, "is "+kind+" key, which no suite in cipher_suites fits", "clients that know TLS 1.2 only are refused; add a suite, or set min_version to \"1.3\"")
}
