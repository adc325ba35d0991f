package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"
)

// maxFile is the longest file that is read: a bundle of all public authorities has
// 250 KB.
const maxFile = 4 << 20

// pipeTimeout is how long the writer of a pipe has to write and close it.
const pipeTimeout = 10 * time.Second

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// Options is what the operator wrote.
type Options struct {
	Cert       string   // path of the certificate and what signs it, PEM, the server's own first
	Key        string   // path of its key, PEM, not encrypted
	Staple     string   // path of an OCSP response about it, DER; empty: none
	More       []Pair   // further certificates, for other names
	MinVersion string   // "1.2" or "1.3"
	Curves     []string // names of key exchanges; none: a safe choice
	Suites     []string // names of TLS 1.2's cipher suites; none: all that are safe
	ClientCA   string   // path of a PEM bundle of authorities; empty: none
	ClientAuth string   // "none", "optional" or "require"
	CRL        []string // paths of revocation lists, PEM or DER; none: revocation is not looked at

	Now time.Time // what expiry is judged by
}

// Pair names the files of one certificate, as in Options.
type Pair struct{ Cert, Key, Staple string }

// Files are those that Load reads.
func (o Options) Files() []string {
	var out []string
	all := append([]string{o.Cert, o.Key, o.Staple, o.ClientCA}, o.CRL...)
	for _, p := range o.More {
		all = append(all, p.Cert, p.Key, p.Staple)
	}
	for _, f := range all {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Kind is what a file holds that ends.
type Kind uint8

// The kinds.
const (
	KindCertificate Kind = iota
	KindList             // of revoked certificates
	KindStaple           // an OCSP response
)

// Expiry says when what a file holds ends, the first of it if there is more.
type Expiry struct {
	File     string
	NotAfter time.Time
	Kind     Kind
}

// Loaded is a config and what there is to say about it.
type Loaded struct {
	Config   *tls.Config
	Trust    *Trust    // in clients' certificates; nil: none is asked for
	Until    time.Time // when it should be loaded again though no file changes; zero: never
	Warnings []Problem // what works, perhaps not for long or not for everybody
	Expiries []Expiry  // one for each file that holds what ends
}

// Load reads the files and builds a config, all of it or nothing: a certificate
// and the key of another one give an error, never half a change. The error is
// [Problems], everything that is wrong.
func Load(o Options) (*Loaded, error) {
	l := &loader{now: o.Now}
	m := Material{}
	var err error
	if m.MinVersion, err = ParseVersion(o.MinVersion); err != nil {
		l.fail(KeyMinVersion, "", err.Error(), `write "1.2" or "1.3"`)
	}
	if m.ClientAuth, err = ParseClientAuth(o.ClientAuth); err != nil {
		l.fail(KeyClientAuth, "", err.Error(), `write "none", "optional" or "require"`)
	}
	m.Curves, m.Suites = l.curves(o.Curves), l.suites(o.Suites)
	for i, p := range append([]Pair{{o.Cert, o.Key, o.Staple}}, o.More...) {
		under := ""
		if i > 0 {
			under = fmt.Sprintf("certificate[%d].", i-1)
		}
		pair, certs := l.pair(under+KeyCert, under+KeyKey, p.Cert, p.Key, x509.ExtKeyUsageServerAuth)
		l.staple(under+KeyStaple, p.Staple, &pair, certs)
		l.suited(under+KeyKey, p.Key, pair, m)
		m.Pairs = append(m.Pairs, pair)
	}
	switch {
	case o.ClientCA != "":
		authorities := l.authorities(o.ClientCA)
		var lists []*List
		for _, file := range o.CRL {
			lists = append(lists, l.lists(file, authorities)...)
		}
		l.unlisted(o, authorities, lists)
		m.Clients = NewTrust(authorities, lists)
		if err == nil && m.ClientAuth == tls.NoClientCert {
			l.warn(KeyClientCA, o.ClientCA, "is not used, since no client is asked for a certificate",
				`set client_auth to "optional" or "require", or remove client_ca`)
		}
	case m.ClientAuth != tls.NoClientCert:
		l.fail(KeyClientAuth, "", fmt.Sprintf("%q needs authorities to verify client certificates by", o.ClientAuth),
			"name their PEM file in client_ca")
	}
	if len(o.CRL) > 0 && o.ClientCA == "" {
		l.fail(KeyCRL, "", "there are no authorities that could have signed it", "name their PEM file in client_ca")
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	cfg, err := New(m)
	if err != nil {
		return nil, Problems{{Key: KeyCert, File: o.Cert, Text: err.Error()}}
	}
	return &Loaded{Config: cfg, Trust: m.Clients, Until: l.until, Warnings: l.warnings, Expiries: l.expiries}, nil
}

// loader collects what is found on the way.
type loader struct {
	now      time.Time
	problems Problems
	warnings []Problem
	expiries []Expiry
	until    time.Time // when the first OCSP response ends
}

func (l *loader) fail(key, file, text, hint string) {
	l.problems = append(l.problems, Problem{key, file, text, hint})
}

func (l *loader) warn(key, file, text, hint string) {
	l.warnings = append(l.warnings, Problem{key, file, text, hint})
}

// pair reads a certificate and its key, and warns if it is not for that usage. The
// keys are those that problems are about.
func (l *loader) pair(certKey, keyKey, certFile, keyFile string, usage x509.ExtKeyUsage) (none tls.Certificate, certs []*x509.Certificate) {
	certs = l.certificates(certKey, certFile)
	key := l.key(keyKey, keyFile)
	if len(certs) == 0 || key == nil {
		return none, nil
	}
	leaf := certs[0]
	if !fits(leaf, key) {
		text, hint := "does not belong to the certificate "+certFile, "put the certificate and the key that were made together side by side; if one was just replaced, replace the other too"
		for _, c := range certs[1:] {
			if fits(c, key) {
				text = "belongs to a later certificate in " + certFile + ", not to the first"
				hint = "the server's own certificate comes first in the file, then those that sign it"
			}
		}
		l.fail(keyKey, keyFile, text, hint)
		return none, nil
	}
	l.judge(certKey, certFile, leaf, usage)
	pair := tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, c := range certs {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair, certs
}

// judge warns of what the other side may not like about our own certificate.
func (l *loader) judge(key, file string, leaf *x509.Certificate, usage x509.ExtKeyUsage) {
	server := usage == x509.ExtKeyUsageServerAuth
	if server && len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		l.warn(key, file, "names no host and no address", "clients look at the subject alternative names only; make a certificate that has some")
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 {
		for _, u := range leaf.ExtKeyUsage {
			if u == usage || u == x509.ExtKeyUsageAny {
				return
			}
		}
		if server {
			l.warn(key, file, "is not meant for a server", "clients will refuse it; its extended key usage must contain serverAuth")
		} else {
			l.warn(key, file, "is not meant for a client", "servers will refuse it; its extended key usage must contain clientAuth")
		}
	}
}

// authorities reads a bundle.
func (l *loader) authorities(file string) []*x509.Certificate {
	certs := l.certificates(KeyClientCA, file)
	for _, c := range certs {
		if c.BasicConstraintsValid && !c.IsCA {
			l.warn(KeyClientCA, file, fmt.Sprintf("certificate number %s is not an authority's", c.SerialNumber),
				"it can only vouch for itself; name the authority that signs client certificates")
		}
	}
	return certs
}

// certificates reads a PEM file of at least one certificate.
func (l *loader) certificates(key, file string) []*x509.Certificate {
	data, ok := l.read(key, file, maxFile)
	if !ok {
		return nil
	}
	certs, err := parseCertificates(data)
	if err != nil {
		l.failParse(key, file, err)
		return nil
	}
	e := Expiry{File: file, NotAfter: certs[0].NotAfter}
	for _, c := range certs {
		if c.NotAfter.Before(e.NotAfter) {
			e.NotAfter = c.NotAfter
		}
		switch {
		case l.now.Before(c.NotBefore):
			l.warn(key, file, "is not valid before "+c.NotBefore.UTC().Format(time.RFC3339), "is this machine's clock right?")
		case l.now.After(c.NotAfter):
			l.warn(key, file, "has expired at "+c.NotAfter.UTC().Format(time.RFC3339), "replace it; clients refuse it")
		case c.NotAfter.Sub(l.now) < soon:
			l.warn(key, file, "expires soon, at "+c.NotAfter.UTC().Format(time.RFC3339), "replace it in time")
		}
	}
	l.expiries = append(l.expiries, e)
	return certs
}

// key reads a private key.
func (l *loader) key(key, file string) signer {
	data, ok := l.read(key, file, maxFile)
	if !ok {
		return nil
	}
	k, err := parseKey(data)
	if err != nil {
		l.failParse(key, file, err)
		return nil
	}
	// Kubernetes mounts secrets as links: Stat looks at what is behind.
	if info, err := os.Stat(file); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		l.warn(key, file, fmt.Sprintf("can be read by everybody on this machine (mode %04o)", info.Mode().Perm()), "chmod 0600, or 0640 with a group of its own")
	}
	return k
}

func (l *loader) failParse(key, file string, err error) {
	var p parseError
	_ = errors.As(err, &p)
	l.fail(key, file, err.Error(), p.hint)
}

// read reads a file of a sensible length.
func (l *loader) read(key, file string, most int) (data []byte, ok bool) {
	if file == "" {
		l.fail(key, "", "is missing", "name a PEM file")
		return nil, false
	}
	// Without the flag opening a pipe would wait for its writer, and hold up all reloads.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err == nil {
		defer f.Close()
		_ = f.SetReadDeadline(time.Now().Add(pipeTimeout)) // other files have none
		data, err = io.ReadAll(io.LimitReader(f, int64(most)+1))
	}
	if err == nil && len(data) > most {
		err = errors.New("is too large for what it should be")
	}
	if err == nil {
		return data, true
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "relative paths start from the configuration file's directory; `redisgate init DIR` makes a certificate and key"
	case errors.Is(err, fs.ErrPermission):
		hint = "the user that redisgate runs as must be able to read it"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is said anyway
	}
	l.fail(key, file, err.Error(), hint)
	return nil, false
}
