package tlsconf

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Protocol is the name accepted in ALPN (RFC 7301). It is not registered; some
// load balancers send it.
const Protocol = "redis"

// suites12 are what TLS 1.2 may use: forward secrecy and an AEAD, which leaves
// nothing of its record layer's history of padding oracles. TLS 1.3 has no others.
var suites12 = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// Material is what a config is made of, once it is read.
type Material struct {
	Pairs      []tls.Certificate  // at least one; the first is for clients that ask for no name, or another one
	MinVersion uint16             // tls.VersionTLS12 or tls.VersionTLS13
	ClientAuth tls.ClientAuthType // NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert
	Curves     []tls.CurveID      // empty: a safe choice
	Suites     []uint16           // of TLS 1.2, safe ones; empty: all of them
	Clients    *Trust             // not nil unless ClientAuth is NoClientCert
}

// New builds a config. Each has session ticket keys of its own, which crypto/tls
// makes and rotates, so that no session outlives the certificates and authorities
// under which it was made: whoever reloads them calls New again.
//
// A client that sends protocol names in ALPN without "redis" among them is
// refused, as RFC 7301 says, so that a browser cannot be made to talk to a Redis;
// one that sends none is served.
func New(m Material) (*tls.Config, error) {
	if len(m.Pairs) == 0 {
		return nil, errors.New("a certificate and its key are needed")
	}
	for _, p := range m.Pairs {
		if len(p.Certificate) == 0 || p.PrivateKey == nil {
			return nil, errors.New("a certificate and its key are needed")
		}
	}
	for _, s := range m.Suites {
		if !slices.Contains(suites12, s) {
			return nil, fmt.Errorf("the cipher suite %s is not safe", tls.CipherSuiteName(s))
		}
	}
	if len(m.Curves) == 0 {
		m.Curves = defaultCurves
	}
	if len(m.Suites) == 0 {
		m.Suites = suites12
	}
	if m.MinVersion != tls.VersionTLS12 && m.MinVersion != tls.VersionTLS13 {
		return nil, fmt.Errorf("minimum version %s; want TLS 1.2 or 1.3", tls.VersionName(m.MinVersion))
	}
	switch m.ClientAuth {
	case tls.NoClientCert:
	case tls.VerifyClientCertIfGiven, tls.RequireAndVerifyClientCert:
		if m.Clients == nil {
			// crypto/tls would take the system's authorities: anybody's certificate.
			return nil, errors.New("client certificates need an authority to verify them by")
		}
	default:
		return nil, fmt.Errorf("client certificates would not be verified: %v", m.ClientAuth)
	}
	cfg := &tls.Config{
		Certificates:     slices.Clone(m.Pairs),
		MinVersion:       m.MinVersion,
		CipherSuites:     slices.Clone(m.Suites),
		CurvePreferences: slices.Clone(m.Curves),
		NextProtos:       []string{Protocol},
		ClientAuth:       m.ClientAuth,
		// A reply is one record as long as it fits: small records at first are
		// for browsers, and cost a write each.
		DynamicRecordSizingDisabled: true,
	}
	if m.ClientAuth != tls.NoClientCert {
		trust := m.Clients
		cfg.ClientCAs = trust.pool
		// crypto/tls verifies the chain of a new session only; this is called for one
		// that resumes too.
		cfg.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return nil // it need not have one
			}
			return trust.Judge(s.VerifiedChains, time.Now())
		}
	}
	return cfg, nil
}

// ParseVersion reads "1.2" or "1.3".
func ParseVersion(s string) (uint16, error) {
	switch s {
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("%q is not a TLS version that can be the least", s)
}

// ParseClientAuth reads "none", "optional" or "require".
func ParseClientAuth(s string) (tls.ClientAuthType, error) {
	switch s {
	case "none":
		return tls.NoClientCert, nil
	case "optional":
		return tls.VerifyClientCertIfGiven, nil
	case "require":
		return tls.RequireAndVerifyClientCert, nil
	}
	return 0, fmt.Errorf("%q does not say what to do about client certificates", s)
}
