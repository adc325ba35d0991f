package eventloop

// slots numbers the connections of a loop. An event carries the number and the slot's generation, so an event of a connection
// that is gone finds nobody, though its number and its descriptor have been given to another.
type slots struct {
	entries []slot
	free    []uint32
}

type slot struct {
	conn       *Conn
	generation uint32
}

func (s *slots) add(c *Conn) {
	if n := len(s.free); n > 0 {
		c.slot = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		c.slot = uint32(len(s.entries))
		s.entries = append(s.entries, slot{})
	}
	e := &s.entries[c.slot]
	e.conn = c
	c.generation = e.generation
}

func (s *slots) remove(c *Conn) {
	e := &s.entries[c.slot]
	e.conn = nil
	e.generation++
	s.free = append(s.free, c.slot)
}

// get is the connection that an event belongs to, or nil.
func (s *slots) get(number, generation uint32) *Conn {
	if int64(number) >= int64(len(s.entries)) || s.entries[number].generation != generation {
		return nil
	}
	return s.entries[number].conn
}

func (s *slots) each(f func(*Conn)) {
	for i := range s.entries {
		if c := s.entries[i].conn; c != nil {
			f(c)
		}
	}
}
