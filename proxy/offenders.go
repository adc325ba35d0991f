package proxy

import (
	"net/netip"
	"time"
)

// offender is a user at an address, whose client did not take a large reply
// while others waited behind it.
type offender struct {
	addr netip.Addr
	user int // users.User.Index
}

// offenders remembers them for a while: their next sessions work on connections
// of their own from the start, or coming again would be a way to hold up the
// others again. It belongs to one worker. The zero value is ready.
type offenders struct {
	until map[offender]int64
}

const (
	offenceTime  = int64(30 * time.Second)
	mostOffences = 1024
)

func (o *offenders) add(who offender, now int64) {
	if o.until == nil {
		o.until = map[offender]int64{}
	}
	if len(o.until) >= mostOffences {
		for w, t := range o.until {
			if t <= now {
				delete(o.until, w)
			}
		}
	}
	if len(o.until) < mostOffences {
		o.until[who] = now + offenceTime
	}
}

func (o *offenders) has(who offender, now int64) bool {
	t, ok := o.until[who]
	if ok && t <= now {
		delete(o.until, who)
		return false
	}
	return ok
}
