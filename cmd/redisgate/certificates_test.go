package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

// withCertificates is a configuration that asks clients for certificates.
func withCertificates(t *testing.T, users string) string {
	t.Helper()
	dir, _ := initialised(t)
	return socketConfig + "[tls]\nclient_auth = \"optional\"\nclient_ca = \"" + filepath.Join(dir, "ca.crt") + "\"\n" + users
}

func userTable(name, acl, rest string) string {
	return "[[user]]\nname = \"" + name + "\"\nacl = \"" + acl + "\"\n" + rest + "\n"
}

func TestCheckRefusesCertificatesThatAreUnclear(t *testing.T) {
	app := userTable("app", "on", `certificates = ["CN:app", "DNS:*.app.internal"]`)
	const narrow = "hint: a certificate is one user's; narrow or remove one of the two"
	for _, tc := range []struct {
		users string
		want  []string
	}{
		{app + userTable("ops", "on", `certificates = ["DNS:one.app.internal"]`), []string{
			`:13: user[1].certificates[0]: "DNS:one.app.internal" and "DNS:*.app.internal" at user[0].certificates[1] can be the same certificate`, narrow,
		}},
		{app + userTable("ops", "on", `certificates = ["DNS:x.*.internal"]`), []string{
			`:13: user[1].certificates[0]: "DNS:x.*.internal" and "DNS:*.app.internal" at user[0].certificates[1] can be the same certificate`, narrow,
		}},
		{userTable("app", "on", `certificates = ["CN:app", "cn:app"]`), []string{
			`:9: user[0].certificates[1]: "CN:app" and "CN:app" at user[0].certificates[0] can be the same certificate`, narrow,
		}},
		{userTable("app", "on", `certificates = ["app"]`), []string{
			`:9: user[0].certificates[0]: "app" does not say what it looks at`,
			`hint: write "CN:app", "DNS:app.internal", "URI:spiffe://prod/app", "EMAIL:app@example.com" or "SHA256:<fingerprint>"`,
		}},
		{userTable("app", "on nopass", `certificates = ["CN:app"]`), []string{
			":9: user[0].certificates: the user's rules have nopass: anybody would be this user, without a certificate",
			"hint: remove nopass; a user without any password is reached by certificate only",
		}},
		{userTable("app", "on >pw", "require_certificate = true"), []string{
			":9: user[0].require_certificate: there are no certificates, so no password would ever count",
			`hint: write the user's certificates, such as certificates = ["CN:app"]`,
		}},
	} {
		if got := checked(t, withCertificates(t, tc.users)); !slices.Equal(got, tc.want) {
			t.Errorf("check of\n%ssaid\n%s\nwant\n%s", tc.users, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
	got := checked(t, socketConfig+app)
	want := []string{
		`:6: user[0].certificates: tls.client_auth is "none", so no client would be asked for a certificate`,
		`hint: write tls.client_auth = "optional" or "require", and the CA of these certificates into tls.client_ca`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("check without client_auth said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCheckKnowsCertificatesOfAnACLFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(file, []byte("user app on nopass ~*\nuser ops on ~* +@all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	acl := "[acl]\nfile = \"" + file + "\"\n[[user]]\nname = \"app\"\ncertificates = [\"CN:app\"]\n"
	if got := checked(t, withCertificates(t, acl)); len(got) != 2 || !strings.Contains(got[0], ": user[0].certificates: the user's rules have nopass") {
		t.Errorf("check said %q; want that nopass and certificates contradict each other", got)
	}
	acl = strings.Replace(acl, `"app"`, `"ops"`, 1)
	r := invoke(t, "", "check", "--config", write(t, withCertificates(t, acl)))
	if r.code != 0 || strings.Contains(r.stdout, `"ops" has no password`) {
		t.Errorf("check = %d, %q, %q; want 0, and nothing about a password that a user with certificates does not need", r.code, r.stdout, r.stderr)
	}
}

func TestExplainACertificate(t *testing.T) {
	redistest.RequireTool(t, "openssl")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, subject := range map[string]string{"app": "/CN=app", "two": "/CN=app/CN=ops", "bound": "/O=bound", "stranger": "/CN=stranger"} {
		args := []string{
			"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", subject,
			"-keyout", at(name + ".key"), "-out", at(name + ".crt"),
		}
		if name == "bound" {
			args = append(args, "-addext", "subjectAltName=URI:spiffe://prod/bound/1")
		}
		if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
			t.Fatalf("openssl: %v\n%s", err, out)
		}
	}
	path := write(t, withCertificates(t, userTable("app", "on ~app:* +get", `certificates = ["CN:app"]`+"\nallow = [\"10.0.0.0/8\"]")+
		userTable("bound", "on >pw ~* +get", `certificates = ["URI:spiffe://prod/bound/*"]`+"\nrequire_certificate = true")))
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"--certificate app.crt -- GET app:1", 0, `user       "app"`},
		{"--certificate app.crt -- GET app:1", 0, "cert       logs the user in, from the user's addresses"},
		{"--certificate app.crt -- GET x", 3, "no pattern allows to read the key"},
		{"--certificate app.crt --from 127.0.0.1 -- GET app:1", 3, "cert       is of this user and logs nobody in: its user may not log in from this address"},
		{"--certificate bound.crt -- GET x", 0, "cert       logs the user in without AUTH"},
		{"--user bound --certificate app.crt -- GET x", 3, "because    the user's password counts with a certificate of this user only"},
		{"--user app --certificate stranger.crt -- GET app:1", 3, "because    the user has no password, and the certificate is not this user's"},
		{"--certificate two.crt -- GET x", 1, "its names can be read in more than one way"},
		{"--certificate stranger.crt -- GET x", 1, `the certificates of users are ["CN:app" "URI:spiffe://prod/bound/*"]`},
		{"--certificate app.key -- GET x", 1, "holds no certificate in PEM"},
		{"--certificate none.crt -- GET x", 1, "no such file"},
	} {
		args := strings.Fields(tc.args)
		for i, a := range args {
			if i > 0 && args[i-1] == "--certificate" {
				args[i] = at(a)
			}
		}
		r := invoke(t, "", append([]string{"explain", "--config", path}, args...)...)
		if r.code != tc.code || !strings.Contains(r.stdout+r.stderr, tc.want) {
			t.Errorf("explain %s = %d\n%s%s\nwant %d and %q", tc.args, r.code, r.stdout, r.stderr, tc.code, tc.want)
		}
	}
}
