package proxy

import "redisgate/users"

// What follows makes a client its session's host where bounds are shared with others.

func (c *client) heldUpOthers() { c.w.slow.add(offender{c.addr, c.user.Index}, c.now()) }

func (c *client) mayHoldUp() bool { return c.w.slow.has(offender{c.addr, c.user.Index}, c.now()) }

func (c *client) mayTry(name []byte) bool {
	return c.w.srv.throttle.Allow(c.addr, name, c.w.srv.clock())
}

func (c *client) wrong(name []byte) { c.w.srv.loginFailed(c.addr, name) }
func (c *client) right(name []byte) { c.w.srv.throttle.Succeed(c.addr, name, c.w.srv.clock()) }

func (c *client) takeSeat(u *users.User, must bool) bool { return c.w.srv.seats.take(u, must) }
func (c *client) giveSeat(user int)                      { c.w.srv.seats.give(user) }

func (c *client) userMeter(u *users.User) *meter { return c.w.srv.meters.user(u, c.now()) }
func (c *client) addressMeter() *meter           { return c.w.srv.meters.address(c.addr, c.now()) }

func (c *client) trial(name, password []byte) func() proof {
	return c.w.srv.trial(c.addr, c.cert, name, password)
}
