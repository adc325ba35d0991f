package e2e

import (
	"strings"
	"testing"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
)

// TestRedirections: what a node of a cluster says of keys that are elsewhere reaches
// the client as it is, though redisgate stands before one Redis only.
func TestRedirections(t *testing.T) {
	cluster := redistest.Options{TCP: true, Args: []string{"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"}}
	here, there := redistest.Start(t, cluster), redistest.Start(t, cluster)
	host, port, _ := strings.Cut(there.Addr(), ":")
	here.Do("CLUSTER", "MEET", host, port)
	here.Do("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
	there.Do("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
	waitUntil(t, "the nodes make a cluster", func() bool {
		return strings.Contains(here.Do("CLUSTER", "INFO").(string), "cluster_state:ok") && strings.Contains(here.Do("CLUSTER", "INFO").(string), "cluster_slots_assigned:16384")
	})
	id := there.Do("CLUSTER", "MYID").(string)
	here.Do("CLUSTER", "SETSLOT", "5061", "MIGRATING", id) // of the key "bar"

	g := gatetest.Start(t, gatetest.Options{Upstream: here.Socket()})
	direct, gated := newPart(dialTCP(t, here.Addr())), newPart(g.Dial(t))
	gated.do(t, "AUTH", "app", "secret")
	for _, test := range []struct {
		kind  string
		words []string
	}{
		{"-\"MOVED 12182 ", []string{"GET", "foo"}},
		{"-\"MOVED 12182 ", []string{"SET", "foo", "x"}},
		{"-\"ASK 5061 ", []string{"GET", "bar"}},
		{"-\"ASK 5061 ", []string{"BLPOP", "bar", "1"}},
		{"-\"CROSSSLOT ", []string{"MGET", "foo", "bar"}},
		{"$-1", []string{"GET", "hello"}},
	} {
		direct.send(test.words...)
		gated.send(test.words...)
		_, want, _ := direct.read()
		_, got, _ := gated.read()
		if got != want || !strings.HasPrefix(want, test.kind) {
			t.Errorf("%q = %s; want %s, as Redis says, which begins with %s", test.words, got, want, test.kind)
		}
	}
}
