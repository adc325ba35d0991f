package policy

import "testing"

func TestMayHear(t *testing.T) {
	u := mustUser(t, "~app:* %W~log &* +@all (~none) (~other -@all +get)", Options{})
	for _, tt := range []struct {
		channel, message string
		want             bool
	}{
		{"news", "app", true},
		{"__keyspace@0__:app:1", "set", true},
		{"__keyspace@0__:app:__:x", "set", true},
		{"__keyspace@0__:secret", "app:1", false},
		{"__keyspace@0__:log", "set", false},
		{"__keyspace@0__:none", "set", false},
		{"__keyspace@0__:other", "set", true},
		{"__keyspace@0__:", "set", false},
		{"__keyspace@", "set", false},
		{"__keyspace@0__app:1", "app:1", false},
		{"__keyevent@0__:set", "app:1", true},
		{"__keyevent@15__:set", "secret", false},
		{"__keyevent@0__:app:1", "secret", false},
		{"__keyevent@0__:set", "", false},
		{"__KEYSPACE@0__:secret", "set", true},
		{"x__keyspace@0__:secret", "set", true},
	} {
		if got := u.MayHear([]byte(tt.channel), []byte(tt.message)); got != tt.want {
			t.Errorf("MayHear(%q, %q) = %v; want %v", tt.channel, tt.message, got, tt.want)
		}
		for n := range min(len(tt.channel), EventHead) + 1 {
			if !tt.want && !MayTellOfKeys([]byte(tt.channel[:n])) {
				t.Errorf("MayTellOfKeys(%q) = false; want true of what %q begins with", tt.channel[:n], tt.channel)
			}
		}
	}
	if MayTellOfKeys([]byte("__keyspacex")) || MayTellOfKeys([]byte("news")) {
		t.Error("MayTellOfKeys of channels that are no notifications = true; want false")
	}
}
