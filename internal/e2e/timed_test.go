//go:build timed

package e2e

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// door is a way to a Redis: through redisgate, or its own port.
type door struct {
	name string
	dial func() *speaker
}

func doors(t *testing.T, extra string) (gateway, direct door) {
	t.Helper()
	rs := redistest.Start(t, redistest.Options{TCP: true})
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(process.Options{Binary: path, Dir: t.TempDir(), Redis: rs.Socket(), Rules: "~* &* +@all", Extra: extra})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	g := gate{p}
	return door{"redisgate", func() *speaker { return newSpeaker(g.dial(t)).login(t) }},
		door{"Redis", func() *speaker {
			nc, err := net.Dial("tcp", rs.Addr())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { nc.Close() })
			return newSpeaker(nc)
		}}
}

// latencies has a client of its own GET a small value every 500 us until stop.
func latencies(t *testing.T, d door, stop <-chan struct{}) <-chan []time.Duration {
	s := d.dial()
	s.do("SET", "small", "v")
	result := make(chan []time.Duration, 1)
	go func() {
		var all []time.Duration
		for {
			select {
			case <-stop:
				slices.Sort(all)
				result <- all
				return
			default:
			}
			start := time.Now()
			if got, err := s.do("GET", "small"); got != "1 bytes" || err != nil {
				t.Errorf("%s: GET beside the large value = %q, %v", d.name, got, err)
				result <- nil
				return
			}
			all = append(all, time.Since(start))
			time.Sleep(500 * time.Microsecond)
		}
	}()
	return result
}

func report(t *testing.T, name string, all []time.Duration) (p50, p99, most time.Duration) {
	t.Helper()
	if len(all) == 0 {
		t.Fatalf("%s: no latencies", name)
	}
	p50, p99, most = all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
	t.Logf("%-10s %6d GETs: p50 %v, p99 %v, most %v", name, len(all), p50, p99, most)
	return p50, p99, most
}

// TestSmallGetsBesideLargeValues compares the p99 of small GETs while 256 MB go
// in and out, through redisgate and on Redis directly.
func TestSmallGetsBesideLargeValues(t *testing.T) {
	gateway, direct := doors(t, "")
	p99 := map[string]time.Duration{}
	for _, d := range []door{direct, gateway} {
		big := d.dial()
		stop := make(chan struct{})
		result := latencies(t, d, stop)
		for range 3 {
			if got, err := big.set("big", large); got != "+OK" || err != nil {
				t.Fatalf("%s: SET of 256 MB = %q, %v", d.name, got, err)
			}
			if got, err := big.do("GET", "big"); got != fmt.Sprintf("%d bytes", large) || err != nil {
				t.Fatalf("%s: GET of 256 MB = %q, %v", d.name, got, err)
			}
		}
		close(stop)
		_, p99[d.name], _ = report(t, d.name, <-result)
	}
	if over := p99["redisgate"] - p99["Redis"]; over > 20*time.Millisecond {
		t.Errorf("p99 is %v above that beside the same transfers on Redis directly; want at most 20ms", over)
	}
}

// TestClientsThatDoNotRead ask for 256 MB, take nothing, and come again: each is
// cut. Who was behind such a reply waits no longer than what the GET costs others
// on Redis directly, one look at a slow client, 200 ms, and the time in which what
// is left of the reply can be read and dropped; 300 ms are for the machine.
func TestClientsThatDoNotRead(t *testing.T) {
	gateway, direct := doors(t, "[limits]\noutput_timeout = \"1s\"")
	warm := direct.dial()
	warm.set("big", large)
	start := time.Now()
	warm.do("GET", "big")
	transfer := time.Since(start)
	t.Logf("reading 256 MB from Redis takes %v", transfer)
	most := map[string]time.Duration{}
	for _, d := range []door{direct, gateway} {
		stop := make(chan struct{})
		result := latencies(t, d, stop)
		for range 8 {
			s := d.dial()
			s.send("PING")
			s.line()
			s.send("GET", "big")
			time.Sleep(400 * time.Millisecond)
			if d.name == "redisgate" {
				continue // it is redisgate's to cut it
			}
			s.nc.Close()
		}
		time.Sleep(2 * time.Second)
		close(stop)
		_, _, most[d.name] = report(t, d.name, <-result)
	}
	if limit := most["Redis"] + 200*time.Millisecond + transfer + 300*time.Millisecond; most["redisgate"] > limit {
		t.Errorf("somebody else waited %v; want at most %v", most["redisgate"], limit)
	}
}
