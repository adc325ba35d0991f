package tlsconf

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// list signs a revocation list as the authority does.
func (a *Authority) list(t testing.TB, end time.Time, revoked ...*Issued) []byte {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: end}
	for _, i := range revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: i.Certificate.SerialNumber, RevocationTime: now.Add(-time.Minute), ReasonCode: 1,
		})
	}
	return must(x509.CreateRevocationList(rand.Reader, l, a.Certificate, a.Key))(t)
}

func (a *Authority) parsed(t testing.TB, end time.Time, revoked ...*Issued) *List {
	t.Helper()
	return must(parseList(a.list(t, end, revoked...)))(t)
}

// sub is an authority below another.
func (a *Authority) sub(t testing.TB, name string) *Authority {
	t.Helper()
	c := template(name, now, year)
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	return &Authority{*must(issue(c, a))(t)}
}

// wide is an authority that may sign others.
func wide(t testing.TB, name string) *Authority {
	t.Helper()
	c := template(name, now, year)
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	return &Authority{*must(issue(c, nil))(t)}
}

func chain(is ...*Issued) (out []*x509.Certificate) {
	for _, i := range is {
		out = append(out, i.Certificate)
	}
	return out
}

func TestJudge(t *testing.T) {
	root, other := wide(t, "root"), wide(t, "other")
	middle := root.sub(t, "middle")
	leaf := must(root.Client("app", now, year))(t)
	deep := must(middle.Client("deep", now, year))(t)
	short := must(root.Client("short", now, 2*time.Hour))(t)
	self := must(issue(template("self", now, year), nil))(t)
	// The same authority, renewed with its key.
	c := template("root", now, year)
	c.IsCA, c.KeyUsage, c.SerialNumber = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, big.NewInt(77)
	der := must(x509.CreateCertificate(rand.Reader, c, c, root.Key.Public(), root.Key))(t)
	renewed := must(x509.ParseCertificate(der))(t)
	impostor := wide(t, "root") // of the same name

	end := now.Add(24 * time.Hour)
	cas := func(is ...*Authority) (out []*x509.Certificate) {
		for _, i := range is {
			out = append(out, i.Certificate)
		}
		return out
	}
	for _, test := range []struct {
		name        string
		authorities []*x509.Certificate
		lists       []*List
		chains      [][]*x509.Certificate
		at          time.Time
		want        error
	}{
		{"no chain", cas(root), nil, nil, now, ErrUntrusted},
		{"an empty chain", cas(root), nil, [][]*x509.Certificate{{}}, now, ErrUntrusted},
		{"good", cas(root), nil, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, nil},
		{"itself", []*x509.Certificate{self.Certificate}, []*List{}, [][]*x509.Certificate{chain(self)}, now, nil},
		{"the authority is gone", cas(other), nil, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrUntrusted},
		{"the authority is renewed", []*x509.Certificate{renewed}, nil, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, nil},
		{"another of its name", cas(impostor), nil, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrUntrusted},
		{"one of two chains", cas(other), nil, [][]*x509.Certificate{chain(leaf, &root.Issued), chain(leaf, &other.Issued)}, now, nil},
		{"expired since", cas(root), nil, [][]*x509.Certificate{chain(short, &root.Issued)}, now.Add(3 * time.Hour), ErrExpired},
		{"the authority has expired since", cas(root), nil, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now.Add(2 * year), ErrExpired},
		{"not yet valid", cas(root), nil, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now.Add(-3 * time.Hour), ErrExpired},

		{"not on the list", cas(root), []*List{root.parsed(t, end, short)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, nil},
		{"on the list", cas(root), []*List{root.parsed(t, end, short, leaf)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrRevoked},
		{"on an old list", cas(root), []*List{root.parsed(t, now.Add(-time.Minute), leaf), root.parsed(t, end)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrRevoked},
		{"no list", cas(root), []*List{}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrUnlisted},
		{"another's list", cas(root), []*List{other.parsed(t, end)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrUnlisted},
		{"a list of the same name", cas(root), []*List{impostor.parsed(t, end)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrUnlisted},
		{"an old list", cas(root), []*List{root.parsed(t, now.Add(-time.Minute))}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, ErrUnlisted},
		{"an old list and a new one", cas(root), []*List{root.parsed(t, now.Add(-time.Minute)), root.parsed(t, end)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, now, nil},
		{"the list ends", cas(root), []*List{root.parsed(t, end)}, [][]*x509.Certificate{chain(leaf, &root.Issued)}, end.Add(time.Second), ErrUnlisted},

		{"an authority between", cas(root), []*List{root.parsed(t, end), middle.parsed(t, end)}, [][]*x509.Certificate{chain(deep, &middle.Issued, &root.Issued)}, now, nil},
		{"an authority between without a list", cas(root), []*List{root.parsed(t, end)}, [][]*x509.Certificate{chain(deep, &middle.Issued, &root.Issued)}, now, ErrUnlisted},
		{"a revoked authority between", cas(root), []*List{root.parsed(t, end, &middle.Issued), middle.parsed(t, end)}, [][]*x509.Certificate{chain(deep, &middle.Issued, &root.Issued)}, now, ErrRevoked},
		{"revoked in one of two chains", cas(root, middle), []*List{root.parsed(t, end, &middle.Issued), middle.parsed(t, end)}, [][]*x509.Certificate{chain(deep, &middle.Issued), chain(deep, &middle.Issued, &root.Issued)}, now, ErrRevoked},
	} {
		if err := NewTrust(test.authorities, test.lists).Judge(test.chains, test.at); err != test.want {
			t.Errorf("%s: Judge() = %v; want %v", test.name, err, test.want)
		}
	}
}

func TestParseLists(t *testing.T) {
	ca := newAuthority(t)
	app := must(ca.Client("app", now, year))(t)
	der := ca.list(t, now.Add(year), app)
	block := pemOf(blockList, der)
	with := func(x pkix.Extension, entry bool) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(year)}
		if entry {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(1), RevocationTime: now, ExtraExtensions: []pkix.Extension{x}}}
		} else {
			l.ExtraExtensions = []pkix.Extension{x}
		}
		return must(x509.CreateRevocationList(rand.Reader, l, ca.Certificate, ca.Key))(t)
	}
	for _, test := range []struct {
		name string
		data []byte
		n    int    // lists
		want string // of the error
	}{
		{"DER", der, 1, ""},
		{"PEM", block, 1, ""},
		{"two", append(append([]byte("text\n"), block...), block...), 2, ""},
		{"a remark", with(pkix.Extension{Id: []int{1, 2, 3}, Value: []byte{5, 0}}, false), 1, ""},
		{"a delta", with(pkix.Extension{Id: []int{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}, false), 0, "for a part of the certificates only (extension 2.5.29.27)"},
		{"a partition", with(pkix.Extension{Id: []int{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}, false), 0, "for a part of the certificates only (extension 2.5.29.28)"},
		// As openssl writes them unless it is told "critical".
		{"a delta that is not critical", with(pkix.Extension{Id: []int{2, 5, 29, 27}, Value: []byte{2, 1, 1}}, false), 0, "for a part of the certificates only (extension 2.5.29.27)"},
		{"a partition that is not critical", with(pkix.Extension{Id: []int{2, 5, 29, 28}, Value: []byte{0x30, 3, 0x82, 1, 0xff}}, false), 0, "for a part of the certificates only (extension 2.5.29.28)"},
		{"of several issuers", with(pkix.Extension{Id: []int{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}, true), 0, "of several issuers"},
		{"empty", nil, 0, "is empty"},
		{"a certificate", ca.CertPEM(), 0, "something else than revocation lists"},
		{"a certificate in DER", ca.Certificate.Raw, 0, "cannot be read"},
		{"cut", block[:100], 0, "holds no X509 CRL that can be read"},
		{"cut in DER", der[:100], 0, "cannot be read"},
		{"the second is cut", append(append([]byte(nil), block...), block[:100]...), 0, "is damaged after list 1"},
		{"no PEM", []byte("hunter2"), 0, "is not PEM"},
	} {
		lists, err := parseLists(test.data)
		var p parseError
		if len(lists) != test.n || (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || !errors.As(err, &p) || p.hint == "") {
			t.Errorf("%s: parseLists() = %d lists, %v; want %d, %q and a hint", test.name, len(lists), err, test.n, test.want)
			continue
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v quotes the file", test.name, err)
		}
		if test.name != "a remark" {
			for _, l := range lists {
				if !l.has(app.Certificate) || l.has(ca.Certificate) || !l.signedBy(ca.Certificate) || l.signedBy(app.Certificate) {
					t.Errorf("%s: the list does not say what it should", test.name)
				}
			}
		}
	}
}

// Each signature is checked once, and no number of keys makes a list remember more.
func TestVerdictsOnSignaturesAreBounded(t *testing.T) {
	ca := newAuthority(t)
	l := ca.parsed(t, now.Add(year))
	for range 2 * maxVerdicts {
		if l.signedBy(newAuthority(t).Certificate) {
			t.Error("a stranger has signed it")
		}
	}
	if !l.signedBy(ca.Certificate) || len(l.verdicts) > maxVerdicts {
		t.Errorf("its own authority has not signed it, or it remembers %d keys; want at most %d", len(l.verdicts), maxVerdicts)
	}
}

func FuzzParseLists(f *testing.F) {
	ca := newAuthority(f)
	der := ca.list(f, now.Add(year), must(ca.Client("app", now, year))(f))
	f.Add(der)
	f.Add(pemOf(blockList, der))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		lists, err := parseLists(data)
		if (len(lists) > 0) == (err != nil) {
			t.Errorf("parseLists() = %d, %v; want lists or an error", len(lists), err)
		}
		for _, l := range lists {
			l.signedBy(ca.Certificate)
			if l.NextUpdate.IsZero() {
				t.Error("a list has no end")
			}
		}
	})
}

// A session that was begun when the certificate held does not resume when it does not,
// be it under tickets of the same keys.
func TestResumedSessionsAreJudgedAgain(t *testing.T) {
	f := newFixture(t)
	app := must(f.ca.Client("app", now, year))(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, test := range []struct {
			name  string
			trust *Trust // of the second connection
		}{
			{"revoked", NewTrust([]*x509.Certificate{f.ca.Certificate}, []*List{f.ca.parsed(t, now.Add(year), app)})},
			{"list expired", NewTrust([]*x509.Certificate{f.ca.Certificate}, []*List{f.ca.parsed(t, now.Add(-time.Minute))})},
			{"another authority", newAuthority(t).trust()},
		} {
			t.Run(test.name+", "+tls.VersionName(version), func(t *testing.T) {
				f.server.ClientAuth = tls.RequireAndVerifyClientCert
				f.server.Clients = NewTrust([]*x509.Certificate{f.ca.Certificate}, []*List{f.ca.parsed(t, now.Add(year))})
				first := f.config(t)
				f.server.Clients = test.trust
				second := f.config(t)
				var keys [32]byte
				_, _ = rand.Read(keys[:])
				first.SetSessionTicketKeys([][32]byte{keys})
				second.SetSessionTicketKeys([][32]byte{keys})
				// crypto/tls must find the session good, so that only Judge refuses it.
				second.ClientCAs = first.ClientCAs

				c := f.client.Clone()
				c.MaxVersion = version
				c.ClientSessionCache = tls.NewLRUClientSessionCache(10)
				c.Certificates = []tls.Certificate{app.Pair()}
				for i, resumed := range []bool{false, true} {
					if r := shake(t, first, c); r.server != nil || r.client != nil || r.state.DidResume != resumed {
						t.Fatalf("connection %d: %v, %v, resumed: %v; want %v", i, r.server, r.client, r.state.DidResume, resumed)
					}
				}
				r := shake(t, second, c)
				var ce CertificateError
				if !errors.As(r.server, &ce) || r.client == nil {
					t.Errorf("under the new config: server: %v, client: %v; want a refusal", r.server, r.client)
				}
			})
		}
	}
}

func TestLoadLists(t *testing.T) {
	ca := newAuthority(t)
	server := must(ca.Server(nil, now, year))(t)
	app := must(ca.Client("app", now, year))(t)
	f := newFiles(t)
	end := now.Add(24 * time.Hour)
	o := Options{
		Cert: f.write("s.crt", server.CertPEM()), Key: f.write("s.key", server.keyPEM(t)), MinVersion: "1.2",
		ClientCA: f.write("ca.pem", ca.CertPEM()), ClientAuth: "require", Now: now,
		CRL: []string{f.write("a.crl", ca.list(t, end, app)), f.write("b.crl", pemOf(blockList, wide(t, "elsewhere").list(t, end.Add(time.Hour))))},
	}
	l, err := Load(o)
	if err != nil || len(l.Warnings) > 0 {
		t.Fatalf("Load() = %+v, %v; want no warning", l, err)
	}
	if n := len(l.Expiries); n != 4 || l.Expiries[2] != (Expiry{o.CRL[0], end.UTC(), KindList}) {
		t.Errorf("Expiries = %v; want those of two lists too, to the second", l.Expiries)
	}
	if err := l.Trust.Judge([][]*x509.Certificate{chain(app, &ca.Issued)}, now); err != ErrRevoked {
		t.Errorf("Judge() = %v; want %v", err, ErrRevoked)
	}

	impostor := must(NewAuthority("test authority", now, year))(t) // of the same name
	for _, test := range []struct {
		name    string
		change  func(o *Options)
		problem string
		warning string
	}{
		{"expired", func(o *Options) { o.CRL = []string{f.write("c.crl", ca.list(t, now.Add(-time.Minute)))} }, "", "crl: has expired at "},
		{"of another authority", func(o *Options) { o.CRL = o.CRL[1:] }, "", "crl: there is no revocation list of authority number "},
		{"signed by another", func(o *Options) { o.CRL = []string{f.write("c.crl", impostor.list(t, end))} }, "crl: {dir}/c.crl: list 1 in it is not signed by the authority", ""},
		{"missing", func(o *Options) { o.CRL = []string{f.dir + "/none"} }, "crl: {dir}/none: no such file", ""},
		{"no authorities", func(o *Options) { o.ClientAuth, o.ClientCA = "none", "" }, "crl: there are no authorities", ""},
	} {
		changed := o
		test.change(&changed)
		l, err := Load(changed)
		switch {
		case test.problem != "":
			if want := strings.ReplaceAll(test.problem, "{dir}", f.dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Load() = %v; want %q", test.name, err, want)
			}
		case err != nil || len(l.Warnings) != 1 || !strings.HasPrefix(l.Warnings[0].Key+": "+l.Warnings[0].Text, test.warning):
			t.Errorf("%s: Load() = %+v, %v; want the warning %q", test.name, l, err, test.warning)
		}
	}
}

// TestListsOfAPartByOpenSSL has openssl make a list of authorities only, which its
// configuration does without marking that as critical. Nobody's certificate would be on it.
func TestListsOfAPartByOpenSSL(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %q: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("index.txt", "")
	write("number", "01\n")
	write("ca.cnf", `[ca]
default_ca = d
[d]
database = index.txt
crlnumber = number
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_crl_days = 30
[whole]
authorityKeyIdentifier = keyid
[part]
authorityKeyIdentifier = keyid
issuingDistributionPoint = @only
[only]
onlyCA = TRUE
`)
	run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=CA", "-days", "30")
	for name, want := range map[string]bool{"whole": true, "part": false} {
		run("ca", "-config", "ca.cnf", "-gencrl", "-crlexts", name, "-out", name+".crl")
		data, err := os.ReadFile(filepath.Join(dir, name+".crl"))
		if err != nil {
			t.Fatal(err)
		}
		if lists, err := parseLists(data); (len(lists) == 1 && err == nil) != want {
			t.Errorf("parseLists() of openssl's list, %s = %d lists, %v; want that it is read: %v", name, len(lists), err, want)
		}
	}
}
