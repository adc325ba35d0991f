package policy

import "testing"

func TestSubscriptionsAfterAChange(t *testing.T) {
	for _, tt := range []struct {
		old, changed string
		keeps        bool   // all channels, without a look
		name         string // a channel, or a pattern if it begins with p:
		stays        bool
	}{
		{"&a &b", "&a &b &c", true, "a", true},
		{"&a", "&b", false, "a", false},
		{"&a", "(&a)", true, "a", true},
		{"&a", "&b (&*)", true, "a", true},
		{"&*", "&a &b*", false, "a", true},
		{"&*", "&a &b*", false, "bcd", true},
		{"&*", "&a &b*", false, "c", false},
		{"&*", "&a &b*", false, "p:b*", true},
		{"&*", "&a &b*", false, "p:bc*", false},
		{"&*", "&*", true, "p:x*", true},
		{"&a*", "resetchannels", false, "a", false},
		{"(&a) (&b)", "&b &a", true, "b", true},
	} {
		old, changed := mustUser(t, tt.old, Options{}), mustUser(t, tt.changed, Options{})
		if got := changed.KeepsChannels(old); got != tt.keeps {
			t.Errorf("%q after %q keeps all channels = %v; want %v", tt.changed, tt.old, got, tt.keeps)
		}
		name, isPattern := []byte(tt.name), false
		if len(name) > 2 && name[1] == ':' {
			name, isPattern = name[2:], true
		}
		if got := changed.KeepsSubscription(name, isPattern); got != tt.stays {
			t.Errorf("%q keeps the subscription to %q = %v; want %v", tt.changed, tt.name, got, tt.stays)
		}
	}
	everywhere := mustUser(t, "&*", Options{})
	five := mustUser(t, "&*", Options{Databases: []int{5}})
	if five.KeepsChannels(everywhere) || five.KeepsSubscription([]byte("__keyspace@0__:*"), true) || !five.KeepsSubscription([]byte("__keyspace@5__:*"), true) {
		t.Error("a user of database 5 alone may stay subscribed to others' events, or not to its own")
	}
}
