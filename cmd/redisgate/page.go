package main

import (
	"net"

	"redisgate/metrics"
	"redisgate/status"
)

// newPage makes the page that the listener for metrics shows to people.
func newPage(g *gate, listeners []net.Listener, source metrics.Source, build metrics.Build) (*status.Page, error) {
	var at []string
	for _, l := range listeners {
		a := l.Addr().String()
		if l.Addr().Network() == "unix" {
			a = "unix://" + a
		} else {
			a += " (TLS)"
		}
		at = append(at, a)
	}
	return status.New(status.Options{
		Source: source, Build: build, Ready: g.server.Ready,
		Facts: func() status.Facts { return status.Facts{Listeners: at, Redis: g.latest().cfg.Upstream.Address} },
	})
}
