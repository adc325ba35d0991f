package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns one snapshot a scrape into series. It keeps no handles and
// no state, so a series exists exactly as long as the snapshot has it.
type collector struct {
	source Source
	build  Build
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("redisgate_"+name, help, labels, nil)
}

// The series by name. None of them may be renamed: dashboards and alerts of
// others hang on them.
var (
	buildInfo = desc("build_info", "A constant 1, labelled with what is running.", "version", "revision", "goversion")

	connections      = desc("connections", "Client connections open now.")
	connectionsMost  = desc("connections_capacity", "Client connections that may be open at once.")
	userConnections  = desc("user_connections", "Client connections of each user now.", "user")
	sessionsEnded    = desc("sessions_ended_total", "Sessions that are over, by what ended them.", "reason")
	connectionsTotal = desc("connections_total", "Client connections by how far they got.", "result")
	handshakes       = desc("tls_handshakes_total", "Complete TLS handshakes.", "version", "resumed")
	expiry           = desc("tls_certificate_expiry_timestamp_seconds", "When the certificates of a file stop being valid.", "file")
	listExpiry       = desc("tls_crl_expiry_timestamp_seconds", "When the revocation lists of a file stop being current.", "file")
	stapleExpiry     = desc("tls_ocsp_expiry_timestamp_seconds", "When the OCSP response of a file stops being current.", "file")
	tlsReloads       = desc("tls_reloads_total", "Changes of TLS files while running: put in force, or refused.", "result")
	certificateEnded = desc("tls_sessions_ended_total", "Sessions closed because the client's certificate expired, was revoked or lost its authority.")
	auth             = desc("auth_total", "Attempts to log in.", "result")
	passwords        = desc("auth_passwords_total", "Log-ins by the place of the password among the user's, from 0.", "user", "slot")
	alerts           = desc("auth_alerts_total", "Users whose password was being guessed at from many addresses.")
	certificateUsers = desc("auth_certificates_total", "Log-ins by client certificate, without AUTH.", "user")
	commands         = desc("commands_total", "Commands judged.", "command", "verdict")
	denied           = desc("denied_total", "Commands refused, by user and reason.", "user", "reason")
	limitCapacity    = desc("limit_connections_capacity", "Connections that a user, or each address, may have.", "of", "user")
	limitCurrent     = desc("limit_connections", "Connections that a user, or the busiest address, has.", "of", "user")
	limitRefused     = desc("limit_connections_refused_total", "Connections and log-ins refused since a user or an address had as many as it may.", "of", "user")
	rates            = map[string]rateDescs{"commands": rateDesc("commands"), "bytes": rateDesc("bytes")}
	duration         = desc("command_duration_seconds",
		"Commands that were forwarded, from the turn of the event loop in which the request went to Redis, as a rule the one in which it was complete, to the first byte of its reply. Commands that block on purpose are left out.")
	received = desc("received_bytes_total", "Bytes read from clients.")
	sent     = desc("sent_bytes_total", "Bytes written to clients.")

	upstreamConnections = desc("upstream_connections", "Connections to Redis open now.", "kind")
	upstreamMost        = desc("upstream_connections_capacity", "Connections to Redis that may be open at once.", "kind")
	upstreamUp          = desc("upstream_up", "1 while Redis answers, else 0.")
	upstreamErrors      = desc("upstream_errors_total", "Failures towards Redis.", "kind")

	buffers      = desc("buffer_bytes", "Memory in use for what clients send and are sent.")
	buffersMost  = desc("buffer_capacity_bytes", "Memory for that which may be in use at once; beyond it the largest session is cut.")
	auditDropped = desc("audit_dropped_total", "Audit events that could not be written.", "class")

	reloads     = desc("config_reloads_total", "Reloads of the configuration.", "result")
	generation  = desc("config_generation", "How many configurations have been in force, the one of the start included.")
	lastSuccess = desc("config_last_success_timestamp_seconds", "When the configuration in force was loaded.")
)

// rateDescs are the series of what is limited by the second.
type rateDescs struct{ capacity, current, refused, delayed *prometheus.Desc }

func rateDesc(of string) rateDescs {
	name := "limit_" + of + "_per_second"
	return rateDescs{
		desc(name+"_capacity", "How many "+of+" in a second a user, or each address, may have.", "of", "user"),
		desc(name, "How many "+of+" count at this moment against the limit of a user, or of the busiest address; more than its capacity if some wait.", "of", "user"),
		desc(name+"_refused_total", "Requests refused since a user or an address had too many "+of+".", "of", "user"),
		desc(name+"_delayed_total", "Requests that had to wait since a user or an address had too many "+of+".", "of", "user"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, connections, connectionsMost, userConnections, sessionsEnded, connectionsTotal, handshakes, expiry, listExpiry, stapleExpiry, tlsReloads, certificateEnded,
		auth, passwords, alerts, certificateUsers, commands, denied, limitCapacity, limitCurrent, limitRefused, duration, received, sent,
		upstreamConnections, upstreamMost, upstreamUp, upstreamErrors, auditDropped, buffers, buffersMost, reloads, generation, lastSuccess,
	} {
		ch <- d
	}
	for _, r := range rates {
		for _, d := range []*prometheus.Desc{r.capacity, r.current, r.refused, r.delayed} {
			ch <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	// A label that is no UTF-8 makes a metric that reports itself as invalid,
	// which the handler logs and leaves out.
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- metric(prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...))(d)
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- metric(prometheus.NewConstMetric(d, prometheus.CounterValue, float64(n), labels...))(d)
	}
	s := c.source.Snapshot()

	gauge(buildInfo, 1, c.build.Version, c.build.Revision, c.build.GoVersion)
	gauge(connections, float64(s.Connections))
	gauge(connectionsMost, float64(s.ConnectionsCapacity))
	for _, u := range s.Users {
		gauge(userConnections, float64(u.Current), u.User)
	}
	for _, e := range s.Ended {
		count(sessionsEnded, e.Count, e.Reason)
	}
	for _, r := range []struct {
		result string
		n      uint64
	}{
		{"accepted", s.Results.Accepted},
		{"denied_address", s.Results.DeniedAddress},
		{"over_limit", s.Results.OverLimit},
		{"proxy_header", s.Results.ProxyHeader},
		{"handshake_failed", s.Results.HandshakeFailed},
		{"handshake_timeout", s.Results.HandshakeTimeout},
		{"auth_timeout", s.Results.AuthTimeout},
	} {
		count(connectionsTotal, r.n, r.result)
	}
	for _, h := range s.Handshakes {
		count(handshakes, h.Count, h.Version, strconv.FormatBool(h.Resumed))
	}
	for _, f := range s.Certificates {
		gauge(expiry, float64(f.Expiry.Unix()), f.File)
	}
	for _, f := range s.RevocationLists {
		gauge(listExpiry, float64(f.Expiry.Unix()), f.File)
	}
	for _, f := range s.Staples {
		gauge(stapleExpiry, float64(f.Expiry.Unix()), f.File)
	}
	count(tlsReloads, s.TLSReloads.OK, "ok")
	count(tlsReloads, s.TLSReloads.Failed, "failed")
	count(certificateEnded, s.CertificateEnded)
	count(auth, s.Auth.OK, "ok")
	count(auth, s.Auth.Failed, "failed")
	count(auth, s.Auth.Throttled, "throttled")
	count(auth, s.Auth.Busy, "busy")
	count(auth, s.Auth.Certificate, "certificate")
	count(auth, s.Auth.CertificateRefused, "certificate_refused")
	for _, p := range s.Passwords {
		count(passwords, p.Count, p.User, p.Slot)
	}
	count(alerts, s.Alerts)
	for _, u := range s.CertificateUsers {
		count(certificateUsers, u.Count, u.User)
	}
	for _, cmd := range s.Commands {
		// Commands that nobody has sent would be hundreds of lines of zeros.
		if cmd.Allowed > 0 {
			count(commands, cmd.Allowed, cmd.Name, "allowed")
		}
		if cmd.Denied > 0 {
			count(commands, cmd.Denied, cmd.Name, "denied")
		}
	}
	for _, d := range s.Denied {
		count(denied, d.Count, d.User, d.Reason)
	}
	for _, l := range s.Limits {
		of := limitOf(l.User)
		gauge(limitCapacity, float64(l.Capacity), of, l.User)
		gauge(limitCurrent, float64(l.Current), of, l.User)
		count(limitRefused, l.Refused, of, l.User)
	}
	for _, r := range s.Rates {
		d, of := rates[r.Of], limitOf(r.User)
		gauge(d.capacity, float64(r.Capacity), of, r.User)
		gauge(d.current, float64(r.Current), of, r.User)
		count(d.refused, r.Refused, of, r.User)
		count(d.delayed, r.Delayed, of, r.User)
	}
	ch <- metric(histogram(s.Duration))(duration)
	count(received, s.ReceivedBytes)
	count(sent, s.SentBytes)

	gauge(upstreamConnections, float64(s.UpstreamShared), "shared")
	gauge(upstreamConnections, float64(s.UpstreamDedicated), "dedicated")
	gauge(upstreamMost, float64(s.UpstreamSharedCapacity), "shared")
	gauge(upstreamMost, float64(s.UpstreamDedicatedCapacity), "dedicated")
	up := 0.0
	if s.UpstreamUp {
		up = 1
	}
	gauge(upstreamUp, up)
	for _, e := range s.UpstreamErrors {
		count(upstreamErrors, e.Count, e.Kind)
	}
	gauge(buffers, float64(s.BufferBytes))
	gauge(buffersMost, float64(s.BufferCapacityBytes))

	for _, d := range s.AuditDropped {
		count(auditDropped, d.Count, d.Class)
	}
	count(reloads, s.Reloads.OK, "ok")
	count(reloads, s.Reloads.Failed, "failed")
	gauge(generation, float64(s.ConfigGeneration))
	if !s.ConfigLastSuccess.IsZero() {
		gauge(lastSuccess, float64(s.ConfigLastSuccess.Unix()))
	}
}

// limitOf says what a limit is one of.
func limitOf(user string) string {
	if user == "" {
		return "address"
	}
	return "user"
}

// metric carries a construction error to the handler.
func metric(m prometheus.Metric, err error) func(*prometheus.Desc) prometheus.Metric {
	return func(d *prometheus.Desc) prometheus.Metric {
		if err != nil {
			return prometheus.NewInvalidMetric(d, err)
		}
		return m
	}
}

func histogram(h Histogram) (prometheus.Metric, error) {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var total uint64
	for i, n := range h.Counts {
		total += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i]] = total
		}
	}
	return prometheus.NewConstHistogram(duration, total, h.Sum, buckets)
}
