package main

import (
	"reflect"
	"time"

	"redisgate/auth"
	"redisgate/config"
	"redisgate/proxy"
	"redisgate/users"
)

// settings are what the server is given of b, at the start and at each reload.
func settings(b *built) proxy.Settings {
	in, up := b.cfg.Listen, b.cfg.Upstream
	s := proxy.Settings{
		Allow:               b.allow,
		Deny:                b.deny,
		Admin:               b.admin,
		Balancers:           b.balancers,
		Dialer:              b.dialer,
		Limits:              b.limits,
		MaxConnections:      in.MaxConnections,
		MaxPerAddress:       b.cfg.Limits.ConnectionsPerAddress,
		MaxShared:           up.MaxShared,
		MaxDedicated:        up.MaxDedicated,
		MaxDedicatedPerUser: up.MaxDedicatedPerUser,
		HandshakeTimeout:    in.HandshakeTimeout.Std(),
		ProveTimeout:        in.AuthTimeout.Std(),
		FailFloor:           proxy.DefaultFailFloor,
		BalancerTimeout:     min(in.ProxyProtocolTimeout.Std(), in.HandshakeTimeout.Std()),
		DrainDelay:          in.DrainDelay.Std(),
		DrainTimeout:        in.DrainTimeout.Std(),
	}
	if b.clients != nil { // a nil *Live in it would be no nil
		s.TLS = b.clients
	}
	return s
}

func throttling(c *config.Config) auth.ThrottleOptions {
	return auth.ThrottleOptions{Free: c.Auth.FreeAttempts, Lockout: c.Auth.Lockout.Std()}
}

// lanes are the goroutines of slow hashes that are more than their permits.
func lanes(slots int, set *users.Set) int { return proving(slots) * (set.Lanes() - 1) }

// sameTLS says that TLS for clients is made of the same files in the same way.
func sameTLS(a, b *built) bool {
	x, y := a.tlsOptions, b.tlsOptions
	x.Now, y.Now = time.Time{}, time.Time{}
	return (a.tls == nil) == (b.tls == nil) && reflect.DeepEqual(x, y)
}

// sameWay says that Redis is reached in the same way: numbers of connections are none.
func sameWay(a, b config.Upstream) bool {
	a.MaxShared, a.MaxDedicated, a.MaxDedicatedPerUser = b.MaxShared, b.MaxDedicated, b.MaxDedicatedPerUser
	return a == b
}
