package proxy

import (
	"sync"
	"sync/atomic"
)

// perUser counts the dedicated connections of each user, by users.User.Index.
type perUser struct {
	count sync.Map // int to *atomic.Int64; users come and go while it runs
}

func (p *perUser) of(user int) *atomic.Int64 {
	if n, ok := p.count.Load(user); ok {
		return n.(*atomic.Int64)
	}
	n, _ := p.count.LoadOrStore(user, new(atomic.Int64))
	return n.(*atomic.Int64)
}

func (p *perUser) take(user, most int) bool {
	n := p.of(user)
	if n.Add(1) > int64(most) {
		n.Add(-1)
		return false
	}
	return true
}

func (p *perUser) give(user int) { p.of(user).Add(-1) }
