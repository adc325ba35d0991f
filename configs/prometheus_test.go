package configs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

const rulesFile = "prometheus/redisgate.rules.yaml"

// TestAlerts has promtool read the rules, and play hours in which none and all fire.
func TestAlerts(t *testing.T) {
	promtool := redistest.RequireTool(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", rulesFile},
		{"check", "config", "prometheus/prometheus.yaml"},
		{"test", "rules", "prometheus/redisgate.rules.test.yaml"},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s = %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestAlertsAreTried looks whether the hours have a calm and a bad moment for each alert.
func TestAlertsAreTried(t *testing.T) {
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("prometheus/redisgate.rules.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(names) < 20 {
		t.Fatalf("%d alerts; want all", len(names))
	}
	for _, m := range names {
		calm := regexp.MustCompile(`\{alertname: ` + m[1] + `, eval_time: \w+, exp_alerts: \[\]\}`)
		bad := regexp.MustCompile(`- alertname: ` + m[1] + `\n +eval_time: \w+\n +exp_alerts:\n +- exp_labels: `)
		if !calm.Match(tests) || !bad.Match(tests) {
			t.Errorf("%s is not tried both calm and firing", m[1])
		}
	}
}

// TestAlertsThatNeverFireFail proves that promtool would tell.
func TestAlertsThatNeverFireFail(t *testing.T) {
	promtool := redistest.RequireTool(t, "promtool")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("prometheus")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, filepath.Base(rulesFile))
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "expr: redisgate_upstream_up == 0\n", "expr: redisgate_upstream_up == 2\n", 1))
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", filepath.Join(dir, "redisgate.rules.test.yaml")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "alertname: RedisgateRedisDown") {
		t.Errorf("promtool test rules = %v with an alert that never fires\n%s", err, out)
	}
}
