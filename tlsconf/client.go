package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// ClientOptions is what the operator wrote about TLS to Redis.
type ClientOptions struct {
	CA         string // path of a PEM bundle of authorities; empty: the system's
	Cert, Key  string // paths of a certificate of one's own and its key, PEM; both may be empty
	ServerName string // what Redis's certificate must name: a host or an address

	Now time.Time // what expiry is judged by
}

// Files are those that LoadClient reads.
func (o ClientOptions) Files() (out []string) {
	for _, f := range []string{o.CA, o.Cert, o.Key} {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

// LoadClient reads the files and builds a config for the client's side, with the
// policy of [New]. The server's certificate and name are always verified. The error is
// [Problems], whose keys are those of Options; that of the authorities is KeyClientCA.
func LoadClient(o ClientOptions) (*Loaded, error) {
	l := &loader{now: o.Now}
	cfg := &tls.Config{
		ServerName:                  o.ServerName,
		MinVersion:                  tls.VersionTLS12,
		CipherSuites:                l.suites(nil),
		CurvePreferences:            l.curves(nil),
		ClientSessionCache:          tls.NewLRUClientSessionCache(sessions),
		DynamicRecordSizingDisabled: true,
	}
	if o.ServerName == "" {
		l.fail(KeyServerName, "", "is missing", "write the name in Redis's certificate")
	}
	if o.CA != "" {
		cfg.RootCAs = x509.NewCertPool()
		for _, c := range l.authorities(o.CA) {
			cfg.RootCAs.AddCert(c)
		}
	}
	if o.Cert != "" {
		pair, _ := l.pair(KeyCert, KeyKey, o.Cert, o.Key, x509.ExtKeyUsageClientAuth)
		cfg.Certificates = []tls.Certificate{pair}
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return &Loaded{Config: cfg, Warnings: l.warnings, Expiries: l.expiries}, nil
}

// sessions is how many a client keeps to resume: one server has one name.
const sessions = 8
