package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// settings judges what would hurt connections that many clients share.
func (j *judge) settings() {
	const others = 2 // redisgate's own look at Redis, and an operator's
	need := int64(j.g.Shared + j.g.Dedicated + others)
	if n, ok := j.setting("maxclients"); ok && n < need {
		j.find(High, "maxclients", fmt.Sprintf("maxclients is %d: redisgate may open up to %d connections (upstream.max_shared and max_dedicated, and %d more), and clients are refused when Redis has no room for them", n, need, others),
			append(j.set("maxclients", strconv.FormatInt(need, 10)), fmt.Sprintf("or redisgate.toml: upstream.max_dedicated of at most %d", max(1, n-int64(j.g.Shared)-others)))...)
	}
	if n, ok := j.setting("timeout"); ok && n != 0 {
		j.find(Medium, "timeout", fmt.Sprintf("timeout is %d: Redis closes connections of redisgate's that were idle for so many seconds, with what clients watch on them", n), j.set("timeout", "0")...)
	}
	if limit, ok := normalLimit(j.f.Settings["client-output-buffer-limit"]); ok && limit != "0 0 0" {
		j.find(High, "client-output-buffer-limit", fmt.Sprintf("client-output-buffer-limit is %q for normal clients: when replies of one client fill it Redis closes the connection for all that share it. redisgate bounds each client by limits.output_buffer", limit), j.set("client-output-buffer-limit", "normal 0 0 0")...)
	}
	if n, ok := j.setting("proto-max-bulk-len"); ok && n < j.g.Argument {
		j.find(High, "proto-max-bulk-len", fmt.Sprintf("proto-max-bulk-len is %d and limits.max_argument_bytes %d: a client that sends a value in between has Redis close the connection for all that share it", n, j.g.Argument),
			append(j.set("proto-max-bulk-len", strconv.FormatInt(j.g.Argument, 10)), fmt.Sprintf("or redisgate.toml: limits.max_argument_bytes = %d", n))...)
	}
	if n, ok := j.setting("client-query-buffer-limit"); ok && n < j.g.Command {
		j.find(Medium, "client-query-buffer-limit", fmt.Sprintf("client-query-buffer-limit is %d and limits.max_command_bytes %d: Redis closes a connection whose request is larger", n, j.g.Command),
			append(j.set("client-query-buffer-limit", strconv.FormatInt(j.g.Command, 10)), fmt.Sprintf("or redisgate.toml: limits.max_command_bytes = %d", n))...)
	}
	if v, ok := j.f.Settings["maxmemory-clients"]; ok && v != "0" && v != "0%" {
		j.find(Medium, "maxmemory-clients", fmt.Sprintf("maxmemory-clients is %q: to save memory Redis closes the connection with the largest buffers, which is one that many clients share", v), j.set("maxmemory-clients", "0")...)
	}
	if n, ok := j.setting("tcp-keepalive"); ok && n == 0 {
		j.find(Low, "tcp-keepalive", "tcp-keepalive is 0: connections whose other end has vanished stay open and count against maxclients", j.set("tcp-keepalive", "300")...)
	}
}

// normalLimit finds the limit of normal clients: hard, soft, seconds.
func normalLimit(all string) (string, bool) {
	words := strings.Fields(all)
	i := slices.Index(words, "normal")
	if i < 0 || len(words) < i+4 {
		return "", false
	}
	return strings.Join(words[i+1:i+4], " "), true
}

// account judges what redisgate's account may do against what it needs.
func (j *judge) account() {
	a := j.f.Account
	if a == nil || len(a.Selectors) == 0 {
		return
	}
	all := j.f.Commands
	if all == nil {
		all = known()
	}
	least := Least(j.g, j.f.Commands)
	need := granted(all, least.Commands)
	may, keys, channels := set{}, []string{}, []string{}
	for _, s := range a.Selectors {
		for name := range granted(all, s.Commands) {
			may[name] = true
		}
		keys, channels = append(keys, s.Keys...), append(channels, s.Channels...)
	}
	var more, less []string
	for _, c := range all {
		if may[c.Name] && !need[c.Name] {
			more = append(more, c.Name)
		}
		if need[c.Name] && !may[c.Name] {
			less = append(less, c.Name)
		}
	}
	slices.Sort(more)
	slices.Sort(less)
	const shown = 6
	fix := "give it the least rights, as below"
	if extra := beyond(keys, least.Keys, "~*"); len(more)+len(extra) > 0 || len(beyond(channels, least.Channels, "&*")) > 0 {
		var parts []string
		if len(more) > 0 {
			parts = append(parts, some(more, shown)+" of the commands")
		}
		if len(extra) > 0 {
			parts = append(parts, "the keys "+some(quoted(extra), shown))
		}
		if extra := beyond(channels, least.Channels, "&*"); len(extra) > 0 {
			parts = append(parts, "the channels "+some(quoted(extra), shown))
		}
		j.find(Medium, "account", fmt.Sprintf("redisgate's account %q has rights that this configuration does not need: %s. Scripts, and whoever steals its password, have them too", j.g.Account, strings.Join(parts, "; ")), fix)
	}
	var parts []string
	if len(less) > 0 {
		parts = append(parts, some(less, shown)+" of the commands")
	}
	if missing := beyond(least.Keys, keys, "~*"); len(missing) > 0 {
		parts = append(parts, "the keys "+some(quoted(missing), shown))
	}
	if missing := beyond(least.Channels, channels, "&*"); len(missing) > 0 {
		parts = append(parts, "the channels "+some(quoted(missing), shown))
	}
	if len(parts) > 0 {
		j.find(Medium, "account-lacks", fmt.Sprintf("redisgate's account %q lacks rights that users of this configuration have: %s. They get NOPERM from Redis", j.g.Account, strings.Join(parts, "; ")), fix)
	}
}

// beyond returns the patterns that others lack, as they are written.
func beyond(patterns, others []string, all string) []string {
	if slices.Contains(others, all) {
		return nil
	}
	var out []string
	for _, p := range distinct(slices.Clone(patterns), all) {
		if !slices.Contains(others, p) {
			out = append(out, p)
		}
	}
	return out
}

func quoted(items []string) []string {
	var out []string
	for _, item := range items {
		out = append(out, strconv.Quote(item))
	}
	return out
}

// some lists the first few.
func some(items []string, n int) string {
	if len(items) <= n {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:n], ", "), len(items)-n)
}
