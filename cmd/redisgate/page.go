package main

import (
	"net"

	"redisgate/metrics"
	"redisgate/status"
)

// newPage makes the page that the listener for metrics shows to people.
func newPage(g *gate, listeners []net.Listener, source metrics.Source, build metrics.Build) (*status.Page, error) {
	facts := status.Facts{Redis: g.b.cfg.Upstream.Address}
	for _, l := range listeners {
		at := l.Addr().String()
		if l.Addr().Network() == "unix" {
			at = "unix://" + at
		} else {
			at += " (TLS)"
		}
		facts.Listeners = append(facts.Listeners, at)
	}
	return status.New(status.Options{
		Source: source, Build: build, Ready: g.server.Ready,
		Facts: func() status.Facts { return facts },
	})
}
