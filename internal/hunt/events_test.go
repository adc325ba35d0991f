package hunt_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// notices hears, on the server itself, what is touched.
type notices struct {
	sub   *redis.PubSub
	marks int
}

// notice is one event.
type notice struct {
	place
	event string
}

func listen(t *testing.T, client *redis.Client) *notices {
	t.Helper()
	sub := client.PSubscribe(context.Background(), "__keyevent@*__:*", "mark")
	t.Cleanup(func() { _ = sub.Close() })
	for range 2 { // the answers to both patterns: they are in force
		if _, err := sub.Receive(context.Background()); err != nil {
			t.Fatalf("PSUBSCRIBE = %v; want an answer", err)
		}
	}
	return &notices{sub: sub}
}

// until returns what has happened up to now.
func (n *notices) until(client *redis.Client) ([]notice, error) {
	ctx := context.Background()
	n.marks++
	mark := strconv.Itoa(n.marks)
	if err := client.Publish(ctx, "mark", mark).Err(); err != nil {
		return nil, err
	}
	var out []notice
	for {
		m, err := n.sub.ReceiveMessage(ctx)
		if err != nil {
			return nil, err
		}
		if m.Channel == "mark" {
			if m.Payload != mark {
				return nil, fmt.Errorf("mark %q came; want %q", m.Payload, mark)
			}
			return out, nil
		}
		// __keyevent@0__:set
		digits, event, _ := strings.Cut(strings.TrimPrefix(m.Channel, "__keyevent@"), "__:")
		db, err := strconv.Atoi(digits)
		if err != nil {
			return nil, fmt.Errorf("an event on channel %q", m.Channel)
		}
		out = append(out, notice{place{db, m.Payload}, event})
	}
}

// harmless are events that need no right to write: a read that finds nothing, one that finds the key expired, and the
// consumer that XREADGROUP makes by itself.
var harmless = []string{"keymiss", "expired", "xgroup-createconsumer"}

// touched judges events that only the user can have caused, and those of the noise.
func (p *prey) touched(events []notice) ([]finding, error) {
	var out []finding
	for _, e := range events {
		if slices.Contains(p.noise, e.place) {
			continue
		}
		r, err := p.u.rights(e.place)
		if err != nil {
			return nil, err
		}
		if !r.write && !(r.any && slices.Contains(harmless, e.event)) {
			out = append(out, finding{"touched", fmt.Sprintf("%s of %q in database %d", e.event, e.key, e.db)})
		}
	}
	return out, nil
}
