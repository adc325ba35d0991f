package main

import (
	"errors"
	"time"

	"redisgate/internal/child"
)

// usage is what a target's processes have used between two moments.
type usage struct {
	proxy, redis       time.Duration // processor time
	proxyRSS, redisRSS int64         // the most, bytes
}

// meter reads a target's processes while it is under load.
type meter struct {
	t      *target
	before usage
	most   usage
	err    error
	end    chan struct{}
	done   chan struct{}
}

// sampleEvery is how often memory is read: rarely enough that it costs nothing.
const sampleEvery = 100 * time.Millisecond

func startMeter(t *target) (*meter, error) {
	m := &meter{t: t, end: make(chan struct{}), done: make(chan struct{})}
	var err error
	if m.before, err = t.usage(); err != nil {
		return nil, err
	}
	go m.watch()
	return m, nil
}

// watch keeps the most memory until stop.
func (m *meter) watch() {
	defer close(m.done)
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		u, err := m.t.usage()
		if err != nil {
			m.err = err
			return
		}
		m.most.proxyRSS = max(m.most.proxyRSS, u.proxyRSS)
		m.most.redisRSS = max(m.most.redisRSS, u.redisRSS)
		select {
		case <-m.end:
			return
		case <-tick.C:
		}
	}
}

// stop returns what was used since startMeter.
func (m *meter) stop() (usage, error) {
	after, err := m.t.usage()
	close(m.end)
	<-m.done
	return usage{
		proxy: after.proxy - m.before.proxy, redis: after.redis - m.before.redis,
		proxyRSS: max(m.most.proxyRSS, after.proxyRSS), redisRSS: max(m.most.redisRSS, after.redisRSS),
	}, errors.Join(err, m.err)
}

// usage reads what the target's processes have used so far.
func (t *target) usage() (usage, error) {
	var u usage
	var errs [4]error
	u.redis, errs[0] = child.CPU(t.redis)
	u.redisRSS, errs[1] = child.Resident(t.redis)
	if t.proxy != 0 {
		u.proxy, errs[2] = child.CPU(t.proxy)
		u.proxyRSS, errs[3] = child.Resident(t.proxy)
	}
	return u, errors.Join(errs[:]...)
}
