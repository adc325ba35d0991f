package config

import (
	"reflect"
	"slices"
	"testing"
)

// Every key that names a file to be read is of one of the two lists.
func TestFilesAreAllThatAreNamed(t *testing.T) {
	c, err := Parse("/etc/redisgate.toml", []byte(`[tls]
cert = "cert"
key = "key"
ocsp_staple = "staple"
client_ca = "ca"
client_auth = "require"
crl = ["crl"]
[[tls.certificate]]
cert = "more-cert"
key = "more-key"
ocsp_staple = "more-staple"
[network]
allow_file = ["allow"]
deny_file = ["deny"]
[upstream]
address = "127.0.0.1:6379"
password_file = "password"
tls = true
ca = "redis-ca"
cert = "redis-cert"
key = "redis-key"
[acl]
file = "users"
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what      string
		got, want []string
	}{
		{"files", c.Files(), []string{"/etc/allow", "/etc/deny", "/etc/users", "/etc/password"}},
		{"TLS files", c.TLSFiles(), []string{
			"/etc/cert", "/etc/key", "/etc/staple", "/etc/ca", "/etc/redis-ca", "/etc/redis-cert", "/etc/redis-key", "/etc/crl",
			"/etc/more-cert", "/etc/more-key", "/etc/more-staple",
		}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s are %q; want %q", tt.what, tt.got, tt.want)
		}
	}
	if len(Default().Files()) != 0 {
		t.Errorf("the default names %q", Default().Files())
	}
}

func TestRestartKeepsWhatRuns(t *testing.T) {
	running, c := Default(), Default()
	if changed := c.Restart(running); len(changed) != 0 || !reflect.DeepEqual(c, running) {
		t.Errorf("of two that are equal %q have changed", changed)
	}
	c.Listen.Address = Addresses{"127.0.0.1:1"}
	c.Listen.Workers, c.Listen.UnixMode, c.Metrics.Address, c.Log.Format = 9, 0o660, "", "json"
	c.Listen.MaxConnections, c.Log.Level = 5, "debug"
	want := []string{"listen.address", "listen.workers", "listen.unix_mode", "metrics.address", "log.format"}
	if changed := c.Restart(running); !slices.Equal(changed, want) {
		t.Errorf("changed are %q; want %q", changed, want)
	}
	if c.Listen.MaxConnections != 5 || c.Log.Level != "debug" {
		t.Error("a key that can change is kept")
	}
	c.Listen.MaxConnections, c.Log.Level = running.Listen.MaxConnections, running.Log.Level
	if !reflect.DeepEqual(c, running) {
		t.Errorf("it is %+v; want what runs", c)
	}
}
