package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHealthAsksReadyz(t *testing.T) {
	for _, tc := range []struct{ status, code int }{{200, 0}, {503, 1}, {404, 1}, {302, 1}} {
		var asked string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.URL.Path
			w.Header().Set("Location", "/healthz") // for 302
			w.WriteHeader(tc.status)
		}))
		address := strings.TrimPrefix(srv.URL, "http://")
		// A proxy of the environment must not be asked.
		t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
		if r := invoke(t, "", "health", "--address", address); r.code != tc.code || r.code != 0 && !strings.Contains(r.stderr, "\nhint: ") {
			t.Errorf("health with status %d = %d, %q; want %d", tc.status, r.code, r.stderr, tc.code)
		}
		if asked != "GET /readyz" {
			t.Errorf("health asked %q; want GET /readyz", asked)
		}
		path := filepath.Join(t.TempDir(), "r.toml")
		if err := os.WriteFile(path, []byte("[metrics]\naddress = \""+address+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := invoke(t, "", "health", "--config", path); r.code != tc.code {
			t.Errorf("health --config with status %d = %d, %q; want %d", tc.status, r.code, r.stderr, tc.code)
		}
		srv.Close()
		if r := invoke(t, "", "health", "--address", address); r.code != 1 || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("health of nothing = %d, %q; want 1 and a hint", r.code, r.stderr)
		}
	}
}

func TestHealthNeedsTheMetricsListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.toml")
	if err := os.WriteFile(path, []byte("[metrics]\naddress = \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, "", "health", "--config", path); r.code != 1 || !strings.Contains(r.stderr, "switches the metrics listener off") {
		t.Errorf("health without metrics = %d, %q; want 1 and why", r.code, r.stderr)
	}
}

func TestDialable(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:9121": "127.0.0.1:9121",
		":9121":          "127.0.0.1:9121",
		"0.0.0.0:9121":   "127.0.0.1:9121",
		"[::]:9121":      "[::1]:9121",
		"10.0.0.1:9121":  "10.0.0.1:9121",
		"localhost:9121": "localhost:9121",
	} {
		if got, err := dialable(in); err != nil || got != want {
			t.Errorf("dialable(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}
