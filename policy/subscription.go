package policy

import "slices"

// KeepsChannels reports whether every channel that old's rules allow is certainly allowed by u's, so that subscriptions
// need not be looked at one by one (acl.c, ACLKillPubsubClientsIfNeeded).
func (u *User) KeepsChannels(old *User) bool {
	if len(u.Databases) > 0 && !slices.Equal(u.Databases, old.Databases) {
		return false
	}
	for _, s := range u.selectors {
		if s.allChannels {
			return true
		}
	}
	for _, s := range old.selectors {
		if s.allChannels {
			return false
		}
		for i := range s.channels {
			if !u.hearsAny([]byte(s.channels[i].text), true) {
				return false
			}
		}
	}
	return true
}

// KeepsSubscription reports whether the user may stay subscribed to a channel, or to a pattern, that another version of
// the user's rules has allowed. As in Redis it is enough that any selector has the channel.
func (u *User) KeepsSubscription(name []byte, isPattern bool) bool {
	return u.hearsAny(name, isPattern) && (len(u.Databases) == 0 || u.mayHearKeyspace(name, isPattern))
}

func (u *User) hearsAny(name []byte, isPattern bool) bool {
	for _, s := range u.selectors {
		if s.allChannels || s.hears(name, isPattern) {
			return true
		}
	}
	return false
}
