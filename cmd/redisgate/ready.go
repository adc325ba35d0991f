package main

import "redisgate/metrics"

// Why clients cannot be served. Whoever reaches the metrics listener may read it.
const (
	notStarted metrics.NotReady = "it starts"
	draining   metrics.NotReady = "it drains, and ends when its clients have left"
	withoutIt  metrics.NotReady = "Redis does not answer, or refuses redisgate's account; the log says which"
)

// unready says why clients cannot be served; nil: they can be.
func (g *gate) unready() error {
	if g.relay.over() {
		return nil // to whom asks this one, the other process is ready
	}
	switch now, ever := g.server.Accepting(); {
	case !now && ever:
		return draining
	case !now:
		return notStarted
	case !g.control.Up():
		return withoutIt
	}
	return nil
}
