package configs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"redisgate/config"
)

func load(t *testing.T, name string) *config.Config {
	t.Helper()
	c, err := config.Load(name)
	if err != nil {
		t.Fatalf("Load(%q) = %v; want no error", name, err)
	}
	return c
}

func TestEveryExampleLoads(t *testing.T) {
	var names []string
	for _, pattern := range []string{"*.toml", "*/*.toml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) < 1 {
			t.Fatalf("Glob(%q) = %v, %v; want examples", pattern, found, err)
		}
		names = append(names, found...)
	}
	for _, name := range names {
		if c := load(t, name); len(c.Users) == 0 && c.ACL.File == "" {
			t.Errorf("%s has no user", name)
		}
	}
}

func TestMinimalIsSmall(t *testing.T) {
	data, err := os.ReadFile("minimal.toml")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "="); n > 8 {
		t.Errorf("minimal.toml sets %d keys; want few", n)
	}
	if got := load(t, "minimal.toml").Upstream.Endpoint(); !got.Unix() {
		t.Errorf("minimal.toml goes to %v; want the recommended unix socket", got)
	}
}

// sidecar returns the redisgate.toml in the ConfigMap.
func sidecar(t *testing.T) (yaml string, c *config.Config) {
	t.Helper()
	data, err := os.ReadFile("kubernetes-sidecar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "  redisgate.toml: |\n")
	if !ok {
		t.Fatal("kubernetes-sidecar.yaml has no redisgate.toml")
	}
	var text strings.Builder
	for line := range strings.Lines(rest) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "    ") {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "    "))
	}
	c, err = config.Parse("/etc/redisgate/redisgate.toml", []byte(text.String()))
	if err != nil {
		t.Fatalf("the ConfigMap's redisgate.toml: %v", err)
	}
	return string(data), c
}

func TestSidecarFitsItsPod(t *testing.T) {
	yaml, c := sidecar(t)
	if strings.Contains(yaml, "\t") {
		t.Error("kubernetes-sidecar.yaml contains a tab, which YAML does not allow")
	}
	if e := c.Upstream.Endpoint(); !e.Unix() || !strings.Contains(yaml, "unixsocket "+e.Address+"\n") {
		t.Errorf("upstream.address is %v; want the socket that Redis listens on", e)
	}
	if !regexp.MustCompile(`(?m)^\s+port 0$`).MatchString(yaml) {
		t.Error("Redis is not told to open no port")
	}
	for _, path := range []string{c.TLS.Cert, c.TLS.Key, c.Upstream.PasswordFile} {
		if !strings.Contains(yaml, "mountPath: "+filepath.Dir(path)+"\n") {
			t.Errorf("%s lies in no volume of the pod", path)
		}
	}
	for _, port := range []string{c.Listen.Address[0], c.Metrics.Address} {
		if !strings.Contains(yaml, "containerPort: "+port[strings.LastIndexByte(port, ':')+1:]+"\n") {
			t.Errorf("%s is not a port of the container", port)
		}
	}
	for _, want := range []string{"runAsNonRoot: true", "readOnlyRootFilesystem: true", `drop: ["ALL"]`, "path: /readyz", "restartPolicy: Always"} {
		if !strings.Contains(yaml, want) {
			t.Errorf("kubernetes-sidecar.yaml lacks %q", want)
		}
	}
}

func TestFullIsTheFile(t *testing.T) {
	data, err := os.ReadFile("redisgate.toml")
	if err != nil || string(data) != Full {
		t.Errorf("Full differs from redisgate.toml (%v)", err)
	}
}
