package upstream

import (
	"maps"
	"slices"
)

// Redirect has connections made by d from now on. A shared pipeline takes no new
// requests and ends when it owes nothing; idle dedicated connections end at once, and
// others when they are released. It is for the loop.
func (p *Pool) Redirect(d *Dialer) {
	if d == p.dialer {
		return
	}
	p.dialer = d
	p.delay, p.downTill = 0, 0 // what failed was the old one
	for len(p.idle) > 0 {
		p.idle[len(p.idle)-1].end()
	}
	for _, c := range slices.Collect(maps.Values(p.active)) { // which others come into meanwhile
		if c.q.len() == 0 && len(c.out) == 0 {
			c.end()
		} else {
			c.retire()
		}
	}
}
