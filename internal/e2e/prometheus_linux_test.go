package e2e

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisgate/internal/child"
	"redisgate/internal/process"
	"redisgate/internal/redistest"
	"redisgate/resp"
)

const (
	prometheusConfigs = "../../configs/prometheus"
	dashboardFile     = "../../configs/grafana/redisgate.json"
)

// prometheus is a Prometheus with the shipped configuration and alerts, for one test.
type prometheus struct{ url string }

// startPrometheus has it scrape target, more often than the shipped file says.
func startPrometheus(t *testing.T, target string) prometheus {
	t.Helper()
	path := redistest.RequireTool(t, "prometheus")
	dir := t.TempDir()
	for _, name := range []string{"prometheus.yaml", "redisgate.rules.yaml"} {
		text, err := os.ReadFile(filepath.Join(prometheusConfigs, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "prometheus.yaml" {
			for old, now := range map[string]string{"127.0.0.1:9121": target, "15s": "200ms"} {
				if !bytes.Contains(text, []byte(old)) {
					t.Fatalf("%s has no %s, which this test replaces", name, old)
				}
				text = bytes.ReplaceAll(text, []byte(old), []byte(now))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--log.format=json")
	var out process.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := child.Start(cmd); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("prometheus: %s", out.String())
		}
	})
	at := regexp.MustCompile(`"address":"(127\.0\.0\.1:[1-9][0-9]*)"`)
	for end := time.Now().Add(60 * time.Second); ; {
		if m := at.FindStringSubmatch(out.String()); m != nil && strings.Contains(out.String(), "Server is ready") {
			return prometheus{"http://" + m[1]}
		}
		select {
		case <-exited:
			t.Fatal("prometheus ended")
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatal("prometheus does not listen")
		}
	}
}

// get reads the data of an answer of the API.
func (p prometheus) get(into any, path string, query url.Values) error {
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", res.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// values returns the numbers that a query gives now, one for each series.
func (p prometheus) values(query string) ([]float64, error) {
	var data struct {
		ResultType string
		Result     []struct{ Value [2]any }
	}
	if err := p.get(&data, "/api/v1/query", url.Values{"query": {query}}); err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	if data.ResultType != "vector" {
		return nil, fmt.Errorf("%s gives a %s", query, data.ResultType)
	}
	var out []float64
	for _, r := range data.Result {
		text, _ := r.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	return out, nil
}

// alert is a rule as Prometheus has read it.
type alert struct{ Group, Name, Query, State, Health, LastError string }

func (p prometheus) alerts() (map[string]alert, error) {
	var data struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := p.get(&data, "/api/v1/rules", nil); err != nil {
		return nil, err
	}
	out := map[string]alert{}
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			r.Group = g.Name
			out[r.Name] = r
		}
	}
	return out, nil
}

// dashboardQueries returns every query of the dashboard, its variables replaced as
// Grafana does.
func dashboardQueries(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Type, Definition string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*")
	var out []string
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			out = append(out, variables.Replace(target.Expr))
		}
	}
	of := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := of.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Fatalf("%s is no query for the values of a label", v.Definition)
		}
		out = append(out, fmt.Sprintf("group by (%s) (%s)", m[2], variables.Replace(m[1])))
	}
	if len(out) < 30 {
		t.Fatalf("the dashboard has %d queries; want all of them", len(out))
	}
	for _, q := range out {
		if strings.Contains(q, "$") {
			t.Fatalf("%s has a variable that this test does not know", q)
		}
	}
	return out
}

// busy is a round of what clients do, well and badly.
func busy(t *testing.T, g gate) {
	t.Helper()
	say := func(commands ...[]string) {
		nc := g.dial(t)
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		var request []byte
		for _, c := range commands {
			request = resp.AppendCommand(request, c...)
		}
		if _, err := nc.Write(resp.AppendCommand(request, "QUIT")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(nc); err != nil {
			t.Fatal(err)
		}
	}
	say([]string{"AUTH", "app", process.Password}, []string{"SET", "data:1", "x"}, []string{"GET", "data:1"}, []string{"GET", "other"}, []string{"SHUTDOWN"})
	say([]string{"AUTH", "app", "wrong"}, []string{"GET", "data:1"})
	nc, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	io.Copy(io.Discard, nc)
	nc.Close()
}

// until does round until it returns true, or fails the test.
func until(t *testing.T, what func() string, round func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !round(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}

// withStatus makes a certificate with a revocation list and an OCSP response, as openssl
// does, and the lines of [tls] that name them.
func withStatus(t *testing.T) (*process.Certificate, string) {
	t.Helper()
	openssl := redistest.RequireTool(t, "openssl")
	dir := t.TempDir()
	c, err := process.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.CA.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(c.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	server, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string][]byte{
		"ca.key": key, "openssl.cnf": []byte("[ca]\ndefault_ca=all\n[all]\ndatabase=" + at("index") + "\ndefault_md=sha256\n"),
		"index": fmt.Appendf(nil, "V\t%s\t\t%X\tunknown\t/CN=redisgate\n", server.NotAfter.UTC().Format("060102150405Z"), server.SerialNumber.Bytes()),
	} {
		if err := os.WriteFile(at(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"ca", "-config", at("openssl.cnf"), "-gencrl", "-crldays", "7", "-cert", c.CAFile, "-keyfile", at("ca.key"), "-out", at("ca.crl")},
		{"ocsp", "-index", at("index"), "-CA", c.CAFile, "-rsigner", c.CAFile, "-rkey", at("ca.key"), "-issuer", c.CAFile, "-cert", c.CertFile, "-ndays", "7", "-respout", at("server.ocsp")},
	} {
		if out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput(); err != nil {
			t.Fatalf("openssl %s = %v\n%s", args[0], err, out)
		}
	}
	return c, fmt.Sprintf("client_ca = %q\nclient_auth = \"optional\"\ncrl = %q\nocsp_staple = %q\n", c.CAFile, at("ca.crl"), at("server.ocsp"))
}

// TestPrometheus has a real one scrape redisgate: what the dashboard asks for is there,
// and the alerts ask for series that exist.
func TestPrometheus(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	rs := redistest.Start(t, redistest.Options{})
	cert, tls := withStatus(t)
	p, err := process.Start(process.Options{
		Binary: path, Dir: t.TempDir(), Redis: rs.Socket(), Rules: "~data:* &* -@all +@read +@write +@pubsub +@connection",
		Certificate: cert, TLS: tls,
		Extra: "[limits]\nconnections_per_user = 50\nconnections_per_address = 100\n[auth]\nfree_attempts = 100000",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	g := gate{p}
	target, err := url.Parse(p.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	prom := startPrometheus(t, target.Host)

	sub := g.dial(t) // so that a dedicated connection exists
	if _, err := sub.Write(resp.AppendCommand(resp.AppendCommand(nil, "AUTH", "app", process.Password), "SUBSCRIBE", "news")); err != nil {
		t.Fatal(err)
	}
	left := dashboardQueries(t)
	until(t, func() string { return "these queries of the dashboard give no data:\n" + strings.Join(left, "\n") }, func() bool {
		busy(t, g)
		var still []string
		for _, q := range left {
			v, err := prom.values(q)
			if err != nil {
				t.Fatal(err)
			}
			if len(v) == 0 {
				still = append(still, q)
			}
		}
		left = still
		return len(left) == 0
	})
	for query, least := range map[string]float64{ // that it is redisgate's numbers
		`redisgate_connections`: 1,
		`sum(redisgate_commands_total{command="get",verdict="allowed"})`: 1,
		`redisgate_upstream_connections{kind="dedicated"}`:               1,
		`redisgate_denied_total{user="app",reason="key"}`:                1,
		`redisgate_user_connections{user="app"}`:                         1,
		`redisgate_connections_capacity`:                                 10000,
		`redisgate_buffer_capacity_bytes`:                                256 << 20,
		`redisgate_upstream_connections_capacity{kind="dedicated"}`:      4096,
	} {
		if v, err := prom.values(query); err != nil || len(v) != 1 || v[0] < least {
			t.Errorf("%s = %v, %v; want one value of at least %v", query, v, err, least)
		}
	}

	var alerts map[string]alert
	unwell := ""
	until(t, func() string { return unwell }, func() bool {
		if alerts, err = prom.alerts(); err != nil {
			t.Fatal(err)
		}
		unwell = ""
		for name, a := range alerts {
			if a.Health != "ok" {
				unwell += fmt.Sprintf("%s is %s: %s\n", name, a.Health, a.LastError)
			}
		}
		return unwell == ""
	})
	selector := regexp.MustCompile(`\b(?:up|process_\w+|redisgate_\w+)\b(?:\{[^}]*\})?`)
	selectors := 0
	for name, a := range alerts {
		for _, s := range selector.FindAllString(a.Query, -1) {
			selectors++
			if v, err := prom.values("count(" + s + ")"); err != nil || len(v) != 1 {
				t.Errorf("%s asks for %s, which is not there: %v, %v", name, s, v, err)
			}
		}
	}
	if len(alerts) < 20 || selectors < 20 {
		t.Errorf("%d alerts ask for %d series; want all of them", len(alerts), selectors)
	}
	if a := alerts["RedisgateRedisDown"]; a.State != "inactive" {
		t.Errorf("RedisgateRedisDown is %s while Redis answers; want inactive", a.State)
	}

	rs.Kill9()
	until(t, func() string { return "RedisgateRedisDown does not notice that Redis is gone" }, func() bool {
		alerts, err := prom.alerts()
		if err != nil {
			t.Fatal(err)
		}
		return alerts["RedisgateRedisDown"].State == "pending"
	})
}

// TestPromtoolTakesTheSeries has the linter of Prometheus read what redisgate shows.
func TestPromtoolTakesTheSeries(t *testing.T) {
	path := redistest.RequireTool(t, "promtool")
	rs := redistest.Start(t, redistest.Options{})
	g := start(t, rs.Socket(), "~data:* +@all")
	busy(t, g)
	res, err := http.Get(g.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "check", "metrics")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 || !bytes.Contains(text, []byte("redisgate_denied_total{")) {
		t.Errorf("promtool check metrics = %v; want no word\n%s", err, out)
	}
}
