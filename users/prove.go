package users

import "redisgate/auth"

// Slow says whether some user has a password whose hash is slow to try. Then whatever
// is not right by itself has to be proved first, an unknown name's password too.
func (s *Set) Slow() bool { return len(s.slow) > 0 }

// Lanes is the most goroutines that Prove works on at once.
func (s *Set) Lanes() int {
	n := 1
	for _, u := range s.all {
		for i := range u.Slow {
			n = max(n, u.Slow[i].Lanes())
		}
	}
	return n
}

// Prove finds which of the user's slow hashes the password fits, and gives it for
// AuthenticateProved; it is empty if there is none. It takes as long whether or not one
// fits, and for users who have none, or are not there, about as long as for who has most.
// It is not for an event loop.
func (s *Set) Prove(name, password []byte) (proved auth.Secret) {
	return s.prove(name, func(hash *auth.Slow) bool { return hash.Fits(password) })
}

func (s *Set) prove(name []byte, fits func(*auth.Slow) bool) (proved auth.Secret) {
	var own []auth.Slow
	if u := s.Lookup(name); u != nil {
		own = u.Slow
	}
	for i := range own {
		if fits(&own[i]) {
			proved = own[i].Text()
		}
	}
	for i := len(own); i < len(s.slow); i++ {
		fits(&s.slow[i])
	}
	return proved
}

func cost(list []auth.Slow) (n int64) {
	for i := range list {
		n += list[i].Cost()
	}
	return n
}
