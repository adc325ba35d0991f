package e2e

import (
	"io"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// TestASlowSubscriberIsCut: one that reads nothing is cut by Redis's limit for
// subscribers, and costs neither the publisher, nor another subscriber, nor much
// memory here.
func TestASlowSubscriberIsCut(t *testing.T) {
	const each, messages = 64 << 10, 1500 // 94 MB: beyond what sockets, redisgate and Redis hold
	rs := redistest.Start(t, redistest.Options{Args: []string{"--client-output-buffer-limit", "pubsub 32mb 8mb 60"}})
	g := start(t, rs.Socket(), "~* &* +@all")
	open := func() *part {
		p := newPart(g.dial(t))
		p.do(t, "AUTH", "app", "secret")
		return p
	}
	slow, good, publisher := open(), open(), open()
	slow.do(t, "SUBSCRIBE", "channel")
	good.do(t, "SUBSCRIBE", "channel")
	before := g.resident(t)
	text := strings.Repeat("x", each)
	least := "2"
	for range messages {
		if v := publisher.do(t, "PUBLISH", "channel", text); v.text != least {
			if v.text != "1" || least != "2" {
				t.Fatalf("PUBLISH = %s after %s; want 2 receivers, then 1", v.text, least)
			}
			least = "1"
		}
		if v, what, closed := good.read(); closed || len(v.parts) != 3 || v.parts[2].text != text {
			t.Fatalf("a subscriber that reads has got %.100s", what)
		}
	}
	if least != "1" {
		t.Error("a subscriber that reads nothing was not cut")
	}
	if grown := g.resident(t) - before; grown > 32<<20 {
		t.Errorf("resident memory has grown by %d MB; want at most 32", grown>>20)
	}
	slow.nc.SetReadDeadline(time.Now().Add(patience))
	if n, err := io.Copy(io.Discard, slow.r); err != nil && !strings.Contains(err.Error(), "reset") && err != io.ErrUnexpectedEOF {
		t.Errorf("the slow one has read %d bytes and then %v; want the end", n, err)
	}
}
