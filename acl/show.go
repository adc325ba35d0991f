package acl

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/redcon"

	"redisgate/policy"
	"redisgate/resp"
	"redisgate/users"
)

// sorted gives all users by the bytes of their names, which is the order of Redis's radix tree.
func (r *request) sorted() []*users.User {
	all := slices.Clone(r.Store.Load().All())
	slices.SortFunc(all, func(a, b *users.User) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (r *request) users(dst []byte) []byte {
	all := r.sorted()
	dst = redcon.AppendArray(dst, len(all))
	for _, u := range all {
		dst = redcon.AppendBulkString(dst, u.Name)
	}
	return dst
}

func (r *request) list(dst []byte) []byte {
	all := r.sorted()
	dst = redcon.AppendArray(dst, len(all))
	for _, u := range all {
		dst = redcon.AppendBulkString(dst, "user "+u.Name+" "+u.Rules())
	}
	return dst
}

// getUser tells of one user; its hashes are shown as they are in Redis.
func (r *request) getUser(dst []byte) []byte {
	u := r.Store.Load().Lookup(r.args[2])
	if u == nil {
		return r.appendNull(dst)
	}
	d := u.Describe()
	dst = r.appendMap(dst, 6)
	dst = redcon.AppendBulkString(dst, "flags")
	dst = r.appendSet(dst, len(d.Flags))
	for _, f := range d.Flags {
		dst = redcon.AppendBulkString(dst, f)
	}
	dst = redcon.AppendBulkString(dst, "passwords")
	dst = redcon.AppendArray(dst, len(u.Passwords))
	for _, h := range u.Passwords {
		dst = redcon.AppendBulkString(dst, hex.EncodeToString(h[:]))
	}
	dst = appendSelector(dst, d.Selectors[0])
	dst = redcon.AppendBulkString(dst, "selectors")
	dst = redcon.AppendArray(dst, len(d.Selectors)-1)
	for _, s := range d.Selectors[1:] {
		dst = r.appendMap(dst, 3)
		dst = appendSelector(dst, s)
	}
	return dst
}

// appendSelector appends three pairs.
func appendSelector(dst []byte, s policy.SelectorTexts) []byte {
	dst = appendPair(dst, "commands", s.Commands)
	dst = appendPair(dst, "keys", s.Keys)
	return appendPair(dst, "channels", s.Channels)
}

func (r *request) log(dst []byte) []byte {
	n := int64(10)
	switch {
	case len(r.args) > 3:
		return r.wrongArguments(dst)
	case len(r.args) == 3 && len(r.args[2]) == len("reset") && bytes.EqualFold(r.args[2], []byte("reset")):
		r.Log.Reset()
		return redcon.AppendOK(dst)
	case len(r.args) == 3:
		var ok bool
		if n, ok = integer(r.args[2]); !ok {
			return appendError(dst, textInteger)
		}
	}
	entries := r.Log.Entries(int(min(max(n, 0), math.MaxInt32)))
	dst = redcon.AppendArray(dst, len(entries))
	for _, e := range entries {
		dst = r.appendEntry(dst, e)
	}
	return dst
}

// appendEntry appends ten pairs, in the order of acl.c.
func (r *request) appendEntry(dst []byte, e users.Entry) []byte {
	dst = r.appendMap(dst, 10)
	dst = appendCount(dst, "count", e.Count)
	dst = appendPair(dst, "reason", e.Reason)
	dst = appendPair(dst, "context", e.Context)
	dst = appendPair(dst, "object", e.Object)
	dst = appendPair(dst, "username", e.Username)
	dst = redcon.AppendBulkString(dst, "age-seconds")
	dst = r.appendSeconds(dst, e.Age)
	dst = appendPair(dst, "client-info", e.ClientInfo)
	dst = appendCount(dst, "entry-id", e.ID)
	dst = appendCount(dst, "timestamp-created", e.Created.UnixMilli())
	return appendCount(dst, "timestamp-last-updated", e.Updated.UnixMilli())
}

func appendPair(dst []byte, name, value string) []byte {
	return redcon.AppendBulkString(redcon.AppendBulkString(dst, name), value)
}

func appendCount(dst []byte, name string, value int64) []byte {
	return redcon.AppendInt(redcon.AppendBulkString(dst, name), value)
}

// appendMap begins a map of pairs, which RESP2 has as an array.
func (r *request) appendMap(dst []byte, pairs int) []byte {
	if r.proto == 3 {
		return resp.AppendMap(dst, pairs)
	}
	return redcon.AppendArray(dst, 2*pairs)
}

// appendSet begins a set, which RESP2 has as an array.
func (r *request) appendSet(dst []byte, n int) []byte {
	if r.proto == 3 {
		return resp.AppendSet(dst, n)
	}
	return redcon.AppendArray(dst, n)
}

func (r *request) appendNull(dst []byte) []byte {
	if r.proto == 3 {
		return resp.AppendNull(dst)
	}
	return redcon.AppendNull(dst)
}

// appendSeconds appends d in milliseconds' precision as a double, which RESP2 has as a string.
func (r *request) appendSeconds(dst []byte, d time.Duration) []byte {
	text := strconv.FormatFloat(float64(d.Milliseconds())/1000, 'f', -1, 64)
	if r.proto == 3 {
		return append(append(append(dst, ','), text...), "\r\n"...)
	}
	return redcon.AppendBulkString(dst, text)
}
