package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"redisgate/internal/redistest"
	"redisgate/tlsconf"
)

// A remote Redis, here a name that is one, is reached by TLS; its authorities are read
// again when they change.
func TestServeToRedisByTLS(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	var cas [2]*tlsconf.Authority
	for i := range cas {
		var err error
		if cas[i], err = tlsconf.NewAuthority("test CA", now, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	server, err := cas[0].Server([]string{"redis.example.com"}, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client, err := cas[0].Client("redisgate", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, dir, "redis", server)
	issue(t, dir, "client", client)
	put(t, filepath.Join(dir, "redis-ca.crt"), cas[0].CertPEM())
	put(t, filepath.Join(dir, "upstream-ca.crt"), cas[1].CertPEM()) // not yet the right one
	rs := redistest.Start(t, redistest.Options{Password: "pw", TLS: &redistest.TLS{
		Cert: filepath.Join(dir, "redis.crt"), Key: filepath.Join(dir, "redis.key"), CA: filepath.Join(dir, "redis-ca.crt"),
	}})
	rs.Do("CONFIG", "SET", "tls-auth-clients", "yes")
	put(t, filepath.Join(dir, "redis.password"), []byte("pw\n"))
	short, err := os.MkdirTemp("", "rg") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	path := filepath.Join(dir, "redisgate.toml")
	put(t, path, fmt.Appendf(nil, `[listen]
address = "unix://%s/gate.sock"
[upstream]
address = %q
password_file = "redis.password"
tls = true
ca = "upstream-ca.crt"
cert = "client.crt"
key = "client.key"
server_name = "redis.example.com"
[metrics]
address = "127.0.0.1:0"
[[user]]
name = "app"
acl = "on >pw"
`, short, rs.TLSAddr()))
	if r := invoke(t, "", "check", "--config", path); r.code != 0 {
		t.Fatalf("check = %d, %q", r.code, r.stderr)
	}
	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis does not answer")
	b.waitFor(t, b.stderr, "unknown authority")
	put(t, filepath.Join(dir, "upstream-ca.crt"), cas[0].CertPEM())
	b.waitFor(t, b.stderr, "Redis answers")
	if code := b.stop(); code != 0 {
		t.Errorf("serve ended with %d:\n%s", code, b.stderr)
	}

	for _, file := range []string{"client.key", "upstream-ca.crt"} {
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	got := checked(t, "[listen]\naddress = \"unix://x\"\n[upstream]\ntls = true\nca = \""+dir+"/upstream-ca.crt\"\ncert = \""+dir+"/client.crt\"\nkey = \""+dir+"/client.key\"\n"+anyUser)
	if len(got) != 4 || got[0] != ":5: upstream.ca: "+dir+"/upstream-ca.crt: no such file or directory" || got[2] != ":7: upstream.key: "+dir+"/client.key: no such file or directory" {
		t.Errorf("check without the files said %q; want both, each with its line", got)
	}
}
