package hunt_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/gatetest"
	"redisgate/internal/hunt"
	"redisgate/internal/redistest"
	"redisgate/policy"
	"redisgate/resp"
	"redisgate/users"
)

// lane is a server, a gate in front of it and one user at a time, so that all that happens is that user's doing.
type lane struct {
	g         *hunt.Generator
	direct    [databases]*redis.Client // past the gate, one a database
	notices   *notices
	gate      *gatetest.Gate
	works     [2]*wire // where commands are sent: RESP2 and RESP3
	listeners [2]*wire // which are subscribed to what there is
	counts    counts
}

// counts say what a run was made of.
type counts struct {
	users, commands, good, denied, events, heard, lost int
}

func (c *counts) add(d counts) {
	c.users += d.users
	c.commands += d.commands
	c.good += d.good
	c.denied += d.denied
	c.events += d.events
	c.heard += d.heard
	c.lost += d.lost
}

// finding is something that the user must not have touched or seen.
type finding struct{ kind, text string }

func newLane(t *testing.T, rng *rand.Rand) *lane {
	t.Helper()
	rs := redistest.Start(t, redistest.Options{Args: []string{
		"--databases", fmt.Sprint(databases), "--notify-keyspace-events", "KEAnm",
		"--hz", "500", // how soon short waits end
		"--rdbcompression", "no", // what DUMP shows is readable
		"--slowlog-log-slower-than", "-1", // it may show what the test itself does to a user whom the rules let read it
	}})
	l := &lane{}
	for db := range l.direct {
		l.direct[db] = redistest.NewClient(t, &redis.Options{Network: "unix", Addr: rs.Socket(), DB: db})
	}
	names, err := l.direct[0].Do(t.Context(), "COMMAND", "LIST").StringSlice()
	if err != nil {
		t.Fatalf("COMMAND LIST = %v; want names", err)
	}
	if l.g, err = hunt.New(rng, names); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.g.Templates = append(l.g.Templates, about...)
	}
	l.notices = listen(t, l.direct[0])
	l.gate = gatetest.Start(t, gatetest.Options{Upstream: rs.Socket(), Users: map[string]string{"hunter": strings.Join(ensured, " ")}})
	for i := range l.works {
		l.works[i] = &wire{gate: l.gate, proto: 2 + i, tls: i == 1}
		l.listeners[i] = &wire{gate: l.gate, proto: 3 - i}
		t.Cleanup(l.works[i].close)
		t.Cleanup(l.listeners[i].close)
	}
	return l
}

// length is how many commands a pipeline has, and pipelines how many a user sends.
const (
	length    = 300
	pipelines = 6
)

// round lets a user loose on new prey. as is whose rules the gate has for him: his own, unless a test wants findings.
func (l *lane) round(u *user, as *policy.User) ([]finding, error) {
	p, err := l.lay(u)
	if err != nil {
		return nil, err
	}
	for _, w := range l.listeners { // a change of the rules ends sessions whose subscriptions they do not allow
		if _, err := w.do(w.fresh(nil), nil); err != nil {
			return nil, fmt.Errorf("a listener, after its round: %w", err)
		}
	}
	set, err := users.NewSet([]users.Definition{{User: as}}, l.gate.Store.Load())
	if err != nil {
		return nil, err
	}
	l.gate.Store.Swap(set)
	for _, w := range slices.Concat(l.listeners[:], l.works[:]) { // who is in a database that is not the user's any more has lost it
		if _, err := w.do(w.fresh(nil), nil); err != nil {
			return nil, fmt.Errorf("after the change of the rules: %w", err)
		}
	}
	if err := l.subscribe(); err != nil {
		return nil, err
	}
	if _, err := l.notices.until(l.direct[0]); err != nil { // of laying the keys
		return nil, err
	}
	var findings []finding
	sender := *u
	sender.User = as
	for i := range pipelines {
		pipe := l.newPipeline(l.works[i%len(l.works)], &sender, length)
		found, err := l.run(p, pipe)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
		if len(found) > 0 {
			findings = append(findings, finding{"pipeline", pipe.String()})
		}
		if len(findings) > 100 {
			break
		}
	}
	found, err := l.changed(p)
	l.counts.users++
	return append(findings, found...), err
}

// subscribe makes the listeners hear whatever the user's rules let him subscribe to.
func (l *lane) subscribe() error {
	for _, w := range l.listeners {
		b := w.fresh(nil)
		for _, pattern := range []string{"*", "__key*", "__keyspace@*__:*", "__keyevent@0__:*"} {
			b = resp.AppendCommand(b, "PSUBSCRIBE", pattern)
		}
		for db := range databases {
			b = resp.AppendCommand(b, "SUBSCRIBE", fmt.Sprintf("__keyevent@%d__:set", db))
		}
		if a, err := w.do(b, nil); err != nil || a.lost {
			return fmt.Errorf("subscribing: %w", err)
		}
	}
	return nil
}

// run sends a pipeline, and looks at all that comes of it.
func (l *lane) run(p *prey, pipe *pipeline) ([]finding, error) {
	a, err := pipe.w.do(pipe.bytes, func() error { return l.stir(p) })
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, pipe)
	}
	if a.lost {
		l.counts.lost++
	} else {
		l.counts.commands += len(pipe.requests)
	}
	l.counts.good += a.good
	l.counts.denied += a.denied
	findings := a.seen("seen")
	for _, w := range l.listeners {
		a, err := w.do(nil, nil)
		if err == nil && a.lost {
			err = fmt.Errorf("a listener has lost its connection")
		}
		if err != nil {
			return nil, fmt.Errorf("a listener: %w", err)
		}
		l.counts.heard += len(a.replies)
		findings = append(findings, a.seen("heard")...)
	}
	events, err := l.notices.until(l.direct[0])
	if err != nil {
		return nil, err
	}
	l.counts.events += len(events)
	found, err := p.touched(events)
	return append(findings, found...), err
}
