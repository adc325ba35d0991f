package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// fetchCommands asks a running server. address is host:port or unix:/path.
func fetchCommands(address string) ([]entry, error) {
	opt := &redis.Options{Addr: address, Protocol: 2, DisableIdentity: true}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		opt.Network, opt.Addr = "unix", path
	}
	client := redis.NewClient(opt)
	defer client.Close()
	reply, err := client.Do(context.Background(), "COMMAND").Slice()
	if err != nil {
		return nil, fmt.Errorf("asking %s for COMMAND: %w", address, err)
	}
	return parseCommands(reply)
}

// parseCommands reads the reply of COMMAND: name, arity, flags, first key, last key, step, categories, tips,
// key specifications, subcommands (the last two since Redis 7.0).
func parseCommands(reply []any) ([]entry, error) {
	var out []entry
	for _, item := range reply {
		f, ok := item.([]any)
		if !ok || len(f) < 10 {
			return nil, fmt.Errorf("unexpected entry in COMMAND: %.100v", item)
		}
		name, _ := f[0].(string)
		arity, _ := f[1].(int64)
		e := entry{Name: strings.ToLower(name), Arity: int(arity), Flags: words(f[2], ""), Categories: words(f[6], "@")}
		specs, _ := f[8].([]any)
		for _, s := range specs {
			e.Keys = append(e.Keys, parseSpec(pairs(s)))
		}
		subs, _ := f[9].([]any)
		e.Container = len(subs) > 0
		out = append(out, e)
		children, err := parseCommands(subs)
		if err != nil {
			return nil, err
		}
		out = append(out, children...)
	}
	return out, nil
}

func parseSpec(m map[string]any) spec {
	k := spec{}
	for _, f := range words(m["flags"], "") {
		switch f {
		case "RO", "RW", "OW", "RM":
			k.Flags = append(k.Flags, f)
		default:
			k.Flags = append(k.Flags, strings.ToLower(f))
		}
	}
	begin, find := pairs(m["begin_search"]), pairs(m["find_keys"])
	at, how := pairs(begin["spec"]), pairs(find["spec"])
	switch begin["type"] {
	case "index":
		k.Index = number(at["index"])
	case "keyword":
		k.Keyword, _ = at["keyword"].(string)
		k.From = number(at["startfrom"])
	default:
		k.Unknown = true
	}
	switch find["type"] {
	case "range":
		k.Last, k.Step, k.Limit = number(how["lastkey"]), number(how["keystep"]), number(how["limit"])
	case "keynum":
		n := number(how["keynumidx"])
		k.Keynum, k.First, k.Step = &n, number(how["firstkey"]), number(how["keystep"])
	default:
		k.Unknown = true
	}
	return k
}

// pairs reads a RESP2 map: keys and values in turn.
func pairs(v any) map[string]any {
	list, _ := v.([]any)
	m := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		key, _ := list[i].(string)
		m[key] = list[i+1]
	}
	return m
}

func words(v any, cut string) []string {
	list, _ := v.([]any)
	out := []string{}
	for _, w := range list {
		s, _ := w.(string)
		out = append(out, strings.TrimPrefix(s, cut))
	}
	return out
}

func number(v any) int {
	n, _ := v.(int64)
	return int(n)
}
