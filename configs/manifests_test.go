package configs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// manifests are the files for other systems, which tools/manifests knows.
var manifests = []string{"kubernetes-sidecar.yaml", "kubernetes-application.yaml", "compose/compose.yaml", "grafana/redisgate.json"}

// TestManifestsAreWhatTheirSystemsTake decodes them against the types of Kubernetes, docker
// compose and Grafana, strictly; and looks whether mistakes would be found.
func TestManifestsAreWhatTheirSystemsTake(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "manifests")
	for _, pattern := range []string{"*.go", "go.*"} { // read here, so that the test cache notices changes
		names, err := filepath.Glob("../tools/manifests/" + pattern)
		if err != nil || len(names) < 2 {
			t.Fatalf("tools/manifests has %v, %v", names, err)
		}
		for _, name := range names {
			if _, err := os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../tools/manifests", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build = %v\n%s", err, out)
	}
	for _, name := range manifests {
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), tool, name).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("manifests %s = %v\n%s", name, err, out)
		}
	}
	for _, m := range []struct{ name, old, mistake, want string }{
		{"kubernetes-sidecar.yaml", "      terminationGracePeriodSeconds:", "      terminationGracePeriod:", `unknown field "spec.template.spec.terminationGracePeriod"`},
		{"kubernetes-sidecar.yaml", "readOnlyRootFilesystem: true", "readonlyRootFilesystem: true", `unknown field`},
		{"kubernetes-sidecar.yaml", "containerPort: 9121", "containerPort: nine", "cannot unmarshal string"},
		{"kubernetes-sidecar.yaml", "  serviceName: redis\n", "  serviceName: redis\n  serviceName: other\n", "already set in map"},
		{"kubernetes-sidecar.yaml", "kind: NetworkPolicy", "kind: NetworkPolice", `no kind "NetworkPolice"`},
		{"kubernetes-sidecar.yaml", "        - name: tls\n", "        - name: tsl\n", "mounts tsl, which is no volume"},
		{"kubernetes-application.yaml", "          restartPolicy: Always\n", "", "init container redis is no sidecar"},
		{"kubernetes-application.yaml", "          startupProbe:\n", "          livenessProbe:\n", "sidecar redis has no startup probe"},
		{"kubernetes-application.yaml", "              port: metrics\n", "              port: health\n", "asks for port health"},
		{"kubernetes-application.yaml", `drop: ["ALL"]`, `add: ["NET_RAW"]`, "container redis has more rights"},
		{"kubernetes-application.yaml", "        runAsNonRoot: true\n", "", "may run as root"},
		{"kubernetes-application.yaml", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "token"},
		{"compose/compose.yaml", "    depends_on:", "    depends_upon:", "depends_upon"},
		{"compose/compose.yaml", "      redis:\n        condition", "      radis:\n        condition", "radis"},
		{"grafana/redisgate.json", `"legendFormat"`, `"legend_format"`, "legend_format"},
		{"grafana/redisgate.json", `"type": "timeseries"`, `"kind": "timeseries"`, "discriminator field 'type' not found"},
	} {
		text, err := os.ReadFile(m.name)
		if err != nil {
			t.Fatal(err)
		}
		wrong := strings.Replace(string(text), m.old, m.mistake, 1)
		if wrong == string(text) {
			t.Fatalf("%s has no %q", m.name, m.old)
		}
		name := filepath.Join(dir, filepath.Base(m.name))
		if err := os.WriteFile(name, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), tool, name).CombinedOutput(); err == nil || !strings.Contains(string(out), m.want) {
			t.Errorf("%s with %q = %v, %s; want %q", m.name, m.mistake, err, out, m.want)
		}
	}
}
