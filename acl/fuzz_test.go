package acl

import (
	"bytes"
	"strings"
	"testing"

	"redisgate/resp"
	"redisgate/users"
)

// FuzzACLCommand: any request gives exactly one well-formed reply, and changes nothing for whom it is not. Arguments are
// separated by 0xfe.
func FuzzACLCommand(f *testing.F) {
	for line := range strings.Lines(strings.TrimSpace(script)) {
		f.Add([]byte(strings.ReplaceAll(strings.TrimSpace(line), " ", "\xfe")), false, true)
	}
	for _, line := range []string{"ACL SETUSER new on >\r\n ~\xff", "ACL LOG", "ACL DRYRUN app set k v", "GET k", "", "ACL DELUSER app lister"} {
		f.Add([]byte(strings.ReplaceAll(line, " ", "\xfe")), true, true)
		f.Add([]byte(strings.ReplaceAll(line, " ", "\xfe")), true, false)
	}
	f.Fuzz(func(t *testing.T, request []byte, three, powerful bool) {
		c := newCommand(t, "app on >x ~a* %R~b &c +@all -@dangerous (+get ~\"'\")", "lister ~* &* +@all -flushall +acl|list +acl|log")
		c.Log.Add(users.Event{Reason: users.LogAuth, Context: users.LogMulti, Object: request, Username: request, ClientInfo: string(request)})
		before := c.Store.Load()
		who := before.Lookup([]byte("lister"))
		if powerful {
			who = before.Default()
		}
		proto := 2
		if three {
			proto = 3
		}
		args := bytes.Split(request, []byte{0xfe})
		reply := c.Answer(nil, proto, who, args)
		var frame resp.Framer
		if n, end, err := frame.Next(reply); n != len(reply) || !end || err != nil {
			t.Fatalf("Answer(%q) = %q: %d, %v, %v; want one reply", args, reply, n, end, err)
		}
		if !powerful && c.Store.Load() != before {
			t.Fatalf("Answer(%q) changed users for one who may not", args)
		}
	})
}
