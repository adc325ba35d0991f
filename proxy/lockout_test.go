package proxy_test

import (
	"testing"
	"time"

	"redisgate/auth"
	"redisgate/internal/gatetest"
	"redisgate/proxy"
)

// Who guesses has to wait, at that address and for that user; nobody else notices.
func TestLockoutIsOfOneAddressAndUser(t *testing.T) {
	g, _ := gate(t, gatetest.Options{
		Users: map[string]string{"app": "on >secret ~* +@all", "other": "on >secret ~* +@all"},
		Change: func(o *proxy.Options) {
			o.Throttle = auth.NewThrottle(auth.ThrottleOptions{Free: 3, Lockout: time.Hour})
		},
	})
	const wrong, throttled = "-WRONGPASS invalid username-password pair or user is disabled.\r\n", "-ERR redisgate: too many failed attempts to log in; try again later\r\n"
	connect := func(source string) *wire { return secure(t, g, from(t, source, g.TCP)) }

	// A log-in forgives; so much is wrong in all that it would be too often.
	for range 3 {
		w := connect("127.0.0.3")
		w.do(wrong, "AUTH", "app", "wrong")
		w.do(wrong, "AUTH", "app", "wrong")
		w.login()
	}
	w := connect("127.0.0.3")
	for range 3 {
		w.do(wrong, "AUTH", "app", "wrong")
	}
	w.do(throttled, "AUTH", "app", "secret")
	connect("127.0.0.3").do(throttled, "AUTH", "app", "wrong")
	connect("127.0.0.3").do("+OK\r\n", "AUTH", "other", "secret")
	connect("127.0.0.4").login()
	// Whoever does not stop has to come anew.
	w = connect("127.0.0.3")
	for range 16 {
		w.do(throttled, "AUTH", "app", "secret")
	}
	w.closed()
	if s := doors(g); s.Auth["throttled"] != 18 || s.Auth["failed"] != 9 || s.Auth["ok"] != 5 {
		t.Errorf("attempts are %v; want 18 throttled, 9 failed, 5 ok", s.Auth)
	}
}
