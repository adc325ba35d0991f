package metrics

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

type fixed Snapshot

func (f fixed) Snapshot() Snapshot { return Snapshot(f) }

var full = fixed{
	Connections: 3, ConnectionsCapacity: 10000,
	Users:            []UserConnections{{"app", 2}, {"old", 0}},
	Ended:            []Ended{{"client", 6}, {"memory", 1}},
	Results:          ConnectionResults{10, 1, 2, 0, 4, 5, 6},
	Handshakes:       []Handshake{{"1.3", false, 7}, {"1.3", true, 2}, {"1.2", false, 1}},
	Auth:             AuthResults{5, 6, 7, 8, 9, 10},
	Alerts:           9,
	Passwords:        []Password{{"app", "0", 3}, {"app", "16+", 1}},
	CertificateUsers: []CertificateUser{{"app", 2}},
	Commands:         []Command{{"get", 100, 1}, {"config|get", 0, 2}, {"set", 0, 0}, {"other", 0, 3}},
	Denied:           []Denied{{"app", "command", 3}},
	Limits:           []Limit{{"", 10, 3, 2}, {"app", 5, 1, 0}},
	Duration:         Histogram{Bounds: []float64{0.001, 0.01}, Counts: []uint64{5, 3, 2}, Sum: 0.5},
	Rates:            []Rate{{"commands", "", 100, 7, 3, 0}, {"bytes", "app", 2000, 2500, 0, 4}},
	ReceivedBytes:    1000, SentBytes: 2000,
	UpstreamShared: 2, UpstreamDedicated: 1, UpstreamUp: true,
	UpstreamSharedCapacity: 64, UpstreamDedicatedCapacity: 4096,
	BufferBytes: 3000, BufferCapacityBytes: 4000,
	UpstreamErrors:    []UpstreamError{{"dial", 4}},
	Certificates:      []Certificate{{"/etc/server.crt", time.Unix(1900000000, 0)}},
	RevocationLists:   []Certificate{{"/etc/ca.crl", time.Unix(1850000000, 0)}},
	Staples:           []Certificate{{"/etc/server.ocsp", time.Unix(1840000000, 0)}},
	TLSReloads:        ReloadResults{3, 4},
	CertificateEnded:  5,
	Reloads:           ReloadResults{1, 2},
	ConfigLastSuccess: time.Unix(1800000000, 0),
	ConfigGeneration:  8,
}

const fullText = `
# HELP redisgate_auth_alerts_total Users whose password was being guessed at from many addresses.
# TYPE redisgate_auth_alerts_total counter
redisgate_auth_alerts_total 9
# HELP redisgate_auth_certificates_total Log-ins by client certificate, without AUTH.
# TYPE redisgate_auth_certificates_total counter
redisgate_auth_certificates_total{user="app"} 2
# HELP redisgate_auth_passwords_total Log-ins by the place of the password among the user's, from 0.
# TYPE redisgate_auth_passwords_total counter
redisgate_auth_passwords_total{slot="0",user="app"} 3
redisgate_auth_passwords_total{slot="16+",user="app"} 1
# HELP redisgate_auth_total Attempts to log in.
# TYPE redisgate_auth_total counter
redisgate_auth_total{result="busy"} 8
redisgate_auth_total{result="certificate"} 9
redisgate_auth_total{result="certificate_refused"} 10
redisgate_auth_total{result="failed"} 6
redisgate_auth_total{result="ok"} 5
redisgate_auth_total{result="throttled"} 7
# HELP redisgate_buffer_bytes Memory in use for what clients send and are sent.
# TYPE redisgate_buffer_bytes gauge
redisgate_buffer_bytes 3000
# HELP redisgate_buffer_capacity_bytes Memory for that which may be in use at once; beyond it the largest session is cut.
# TYPE redisgate_buffer_capacity_bytes gauge
redisgate_buffer_capacity_bytes 4000
# HELP redisgate_build_info A constant 1, labelled with what is running.
# TYPE redisgate_build_info gauge
redisgate_build_info{goversion="go1",revision="abc",version="v1"} 1
# HELP redisgate_command_duration_seconds Commands that were forwarded, from the turn of the event loop in which the request went to Redis, as a rule the one in which it was complete, to the first byte of its reply. Commands that block on purpose are left out.
# TYPE redisgate_command_duration_seconds histogram
redisgate_command_duration_seconds_bucket{le="0.001"} 5
redisgate_command_duration_seconds_bucket{le="0.01"} 8
redisgate_command_duration_seconds_bucket{le="+Inf"} 10
redisgate_command_duration_seconds_sum 0.5
redisgate_command_duration_seconds_count 10
# HELP redisgate_commands_total Commands judged.
# TYPE redisgate_commands_total counter
redisgate_commands_total{command="config|get",verdict="denied"} 2
redisgate_commands_total{command="get",verdict="allowed"} 100
redisgate_commands_total{command="get",verdict="denied"} 1
redisgate_commands_total{command="other",verdict="denied"} 3
# HELP redisgate_config_generation How many configurations have been in force, the one of the start included.
# TYPE redisgate_config_generation gauge
redisgate_config_generation 8
# HELP redisgate_config_last_success_timestamp_seconds When the configuration in force was loaded.
# TYPE redisgate_config_last_success_timestamp_seconds gauge
redisgate_config_last_success_timestamp_seconds 1.8e+09
# HELP redisgate_config_reloads_total Reloads of the configuration.
# TYPE redisgate_config_reloads_total counter
redisgate_config_reloads_total{result="failed"} 2
redisgate_config_reloads_total{result="ok"} 1
# HELP redisgate_connections Client connections open now.
# TYPE redisgate_connections gauge
redisgate_connections 3
# HELP redisgate_connections_capacity Client connections that may be open at once.
# TYPE redisgate_connections_capacity gauge
redisgate_connections_capacity 10000
# HELP redisgate_connections_total Client connections by how far they got.
# TYPE redisgate_connections_total counter
redisgate_connections_total{result="accepted"} 10
redisgate_connections_total{result="auth_timeout"} 6
redisgate_connections_total{result="denied_address"} 1
redisgate_connections_total{result="handshake_failed"} 4
redisgate_connections_total{result="handshake_timeout"} 5
redisgate_connections_total{result="over_limit"} 2
redisgate_connections_total{result="proxy_header"} 0
# HELP redisgate_denied_total Commands refused, by user and reason.
# TYPE redisgate_denied_total counter
redisgate_denied_total{reason="command",user="app"} 3
# HELP redisgate_limit_bytes_per_second How many bytes count at this moment against the limit of a user, or of the busiest address; more than its capacity if some wait.
# TYPE redisgate_limit_bytes_per_second gauge
redisgate_limit_bytes_per_second{of="user",user="app"} 2500
# HELP redisgate_limit_bytes_per_second_capacity How many bytes in a second a user, or each address, may have.
# TYPE redisgate_limit_bytes_per_second_capacity gauge
redisgate_limit_bytes_per_second_capacity{of="user",user="app"} 2000
# HELP redisgate_limit_bytes_per_second_delayed_total Requests that had to wait since a user or an address had too many bytes.
# TYPE redisgate_limit_bytes_per_second_delayed_total counter
redisgate_limit_bytes_per_second_delayed_total{of="user",user="app"} 4
# HELP redisgate_limit_bytes_per_second_refused_total Requests refused since a user or an address had too many bytes.
# TYPE redisgate_limit_bytes_per_second_refused_total counter
redisgate_limit_bytes_per_second_refused_total{of="user",user="app"} 0
# HELP redisgate_limit_commands_per_second How many commands count at this moment against the limit of a user, or of the busiest address; more than its capacity if some wait.
# TYPE redisgate_limit_commands_per_second gauge
redisgate_limit_commands_per_second{of="address",user=""} 7
# HELP redisgate_limit_commands_per_second_capacity How many commands in a second a user, or each address, may have.
# TYPE redisgate_limit_commands_per_second_capacity gauge
redisgate_limit_commands_per_second_capacity{of="address",user=""} 100
# HELP redisgate_limit_commands_per_second_delayed_total Requests that had to wait since a user or an address had too many commands.
# TYPE redisgate_limit_commands_per_second_delayed_total counter
redisgate_limit_commands_per_second_delayed_total{of="address",user=""} 0
# HELP redisgate_limit_commands_per_second_refused_total Requests refused since a user or an address had too many commands.
# TYPE redisgate_limit_commands_per_second_refused_total counter
redisgate_limit_commands_per_second_refused_total{of="address",user=""} 3
# HELP redisgate_limit_connections Connections that a user, or the busiest address, has.
# TYPE redisgate_limit_connections gauge
redisgate_limit_connections{of="address",user=""} 3
redisgate_limit_connections{of="user",user="app"} 1
# HELP redisgate_limit_connections_capacity Connections that a user, or each address, may have.
# TYPE redisgate_limit_connections_capacity gauge
redisgate_limit_connections_capacity{of="address",user=""} 10
redisgate_limit_connections_capacity{of="user",user="app"} 5
# HELP redisgate_limit_connections_refused_total Connections and log-ins refused since a user or an address had as many as it may.
# TYPE redisgate_limit_connections_refused_total counter
redisgate_limit_connections_refused_total{of="address",user=""} 2
redisgate_limit_connections_refused_total{of="user",user="app"} 0
# HELP redisgate_received_bytes_total Bytes read from clients.
# TYPE redisgate_received_bytes_total counter
redisgate_received_bytes_total 1000
# HELP redisgate_sent_bytes_total Bytes written to clients.
# TYPE redisgate_sent_bytes_total counter
redisgate_sent_bytes_total 2000
# HELP redisgate_sessions_ended_total Sessions that are over, by what ended them.
# TYPE redisgate_sessions_ended_total counter
redisgate_sessions_ended_total{reason="client"} 6
redisgate_sessions_ended_total{reason="memory"} 1
# HELP redisgate_tls_certificate_expiry_timestamp_seconds When the certificates of a file stop being valid.
# TYPE redisgate_tls_certificate_expiry_timestamp_seconds gauge
redisgate_tls_certificate_expiry_timestamp_seconds{file="/etc/server.crt"} 1.9e+09
# HELP redisgate_tls_crl_expiry_timestamp_seconds When the revocation lists of a file stop being current.
# TYPE redisgate_tls_crl_expiry_timestamp_seconds gauge
redisgate_tls_crl_expiry_timestamp_seconds{file="/etc/ca.crl"} 1.85e+09
# HELP redisgate_tls_handshakes_total Complete TLS handshakes.
# TYPE redisgate_tls_handshakes_total counter
redisgate_tls_handshakes_total{resumed="false",version="1.2"} 1
redisgate_tls_handshakes_total{resumed="false",version="1.3"} 7
redisgate_tls_handshakes_total{resumed="true",version="1.3"} 2
# HELP redisgate_tls_ocsp_expiry_timestamp_seconds When the OCSP response of a file stops being current.
# TYPE redisgate_tls_ocsp_expiry_timestamp_seconds gauge
redisgate_tls_ocsp_expiry_timestamp_seconds{file="/etc/server.ocsp"} 1.84e+09
# HELP redisgate_tls_reloads_total Changes of TLS files while running: put in force, or refused.
# TYPE redisgate_tls_reloads_total counter
redisgate_tls_reloads_total{result="failed"} 4
redisgate_tls_reloads_total{result="ok"} 3
# HELP redisgate_tls_sessions_ended_total Sessions closed because the client's certificate expired, was revoked or lost its authority.
# TYPE redisgate_tls_sessions_ended_total counter
redisgate_tls_sessions_ended_total 5
# HELP redisgate_upstream_connections Connections to Redis open now.
# TYPE redisgate_upstream_connections gauge
redisgate_upstream_connections{kind="dedicated"} 1
redisgate_upstream_connections{kind="shared"} 2
# HELP redisgate_upstream_connections_capacity Connections to Redis that may be open at once.
# TYPE redisgate_upstream_connections_capacity gauge
redisgate_upstream_connections_capacity{kind="dedicated"} 4096
redisgate_upstream_connections_capacity{kind="shared"} 64
# HELP redisgate_upstream_errors_total Failures towards Redis.
# TYPE redisgate_upstream_errors_total counter
redisgate_upstream_errors_total{kind="dial"} 4
# HELP redisgate_upstream_up 1 while Redis answers, else 0.
# TYPE redisgate_upstream_up gauge
redisgate_upstream_up 1
# HELP redisgate_user_connections Client connections of each user now.
# TYPE redisgate_user_connections gauge
redisgate_user_connections{user="app"} 2
redisgate_user_connections{user="old"} 0
`

func newCollector(s Source) *collector {
	return &collector{s, Build{"v1", "abc", "go1"}}
}

func TestSeriesAreThoseOfTheDocumentation(t *testing.T) {
	if err := testutil.CollectAndCompare(newCollector(full), strings.NewReader(fullText)); err != nil {
		t.Error(err)
	}
}

func TestSeriesFollowPrometheusConventions(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newCollector(full))
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestAnEmptySnapshotHasSeries(t *testing.T) {
	c := newCollector(fixed{})
	if n := testutil.CollectAndCount(c, "redisgate_connections_total"); n != 7 {
		t.Errorf("an empty snapshot has %d results of connections; want all 7", n)
	}
	if n := testutil.CollectAndCount(c, "redisgate_config_last_success_timestamp_seconds"); n != 0 {
		t.Errorf("an empty snapshot has %d times of success; want none", n)
	}
	if n := testutil.CollectAndCount(c, "redisgate_command_duration_seconds"); n != 1 {
		t.Errorf("an empty snapshot has %d histograms; want 1", n)
	}
}

func TestHistogramTakesOddCounts(t *testing.T) {
	for _, h := range []Histogram{
		{Bounds: []float64{1, 2}, Counts: []uint64{1}},
		{Bounds: []float64{1}, Counts: []uint64{1, 2, 3}},
		{Counts: []uint64{1}},
		{Sum: math.NaN()},
	} {
		if _, err := histogram(h); err != nil {
			t.Errorf("histogram(%v) = %v; want no error", h, err)
		}
	}
}
