//go:build portable || !linux

package eventloop

const onEpoll = false

// waiting is the number of bytes that the reading goroutine holds for c.
func waiting(c *Conn) int {
	p := &c.loop.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(c.link.in)
}
