package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// compare reads of the gate what has come from Redis.
func (h *theatre) compare(p *player) string {
	want, err := p.come()
	if err != nil {
		return err.Error()
	}
	got := make([]value, 0, len(want))
	for range want {
		v, text, closed := p.gated.read()
		if closed {
			return fmt.Sprintf("redisgate: %s after %s\nRedis:     %s", text, texts(got), texts(want))
		}
		got = append(got, v)
	}
	inAnyOrder(want)
	inAnyOrder(got)
	if g, w := texts(got), texts(want); g != w {
		return fmt.Sprintf("redisgate: %s\nRedis:     %s", g, w)
	}
	for _, v := range want {
		p.quiet = p.quiet && v.text != "RESET"
	}
	if p.gone {
		if _, got, _ := p.gated.read(); got != "(closed)" {
			return fmt.Sprintf("redisgate: %s\nRedis:     (closed)", got)
		}
	}
	return ""
}

func texts(values []value) string {
	var out []string
	for _, v := range values {
		always(&v)
		out = append(out, v.String())
	}
	return strings.Join(out, " ")
}

// inAnyOrder sorts the names that one UNSUBSCRIBE of all has ended, and the patterns
// that one message matches: each server has an order of its own.
func inAnyOrder(values []value) {
	alike := func(v, first value) bool {
		switch {
		case len(v.parts) == 3 && len(first.parts) == 3:
			return strings.HasSuffix(v.parts[0].text, "unsubscribe")
		case len(v.parts) == 4 && len(first.parts) == 4:
			return v.parts[0].text == "pmessage" && v.parts[2].text == first.parts[2].text && v.parts[3].text == first.parts[3].text
		}
		return false
	}
	for i := 0; i < len(values); i++ {
		from := i
		for i < len(values) && alike(values[i], values[from]) {
			i++
		}
		var names []value
		for _, v := range values[from:i] {
			names = append(names, v.parts[1])
		}
		slices.SortFunc(names, byText)
		for j, name := range names {
			values[from+j].parts[1] = name
		}
		i = max(from, i-1)
	}
}

// counted are commands that redisgate never sends on its own account: as many of
// them must have run in both.
var counted = strings.Fields(`get set incr append del getdel exists lrange llen ttl mget mset strlen type echo lpop copy move getrange lpush rpush zadd xadd
	blpop brpop blmove bzpopmin blmpop xread brpoplpush publish spublish eval swapdb flushdb flushall dbsize`)

// settle waits until the other Redis has run as many commands, and has as many
// clients that wait.
func (h *theatre) settle() string {
	want := ran(h.oracle.do(h.t, "INFO", "commandstats", "clients").text)
	for deadline := time.Now().Add(patience); ; {
		got := ran(h.shade.do(h.t, "INFO", "commandstats", "clients").text)
		if got == want {
			return ""
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("behind redisgate: %s\nRedis:            %s", got, want)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

func ran(info string) string {
	var out []string
	for _, line := range strings.Split(info, "\r\n") {
		if n, ok := strings.CutPrefix(line, "blocked_clients:"); ok {
			out = append(out, "blocked:"+n)
		}
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		n, _, _ := strings.Cut(rest, ",")
		if slices.Contains(counted, name) && n != "0" {
			out = append(out, name+":"+n)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
