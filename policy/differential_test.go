package policy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

// differentialSize is how many requests are compared: normal, or what REDISGATE_DIFFERENTIAL says, then from a new seed.
func differentialSize(t *testing.T, normal int) (size int, rng *rand.Rand) {
	t.Helper()
	seed := uint64(1)
	size = normal
	if n, err := strconv.Atoi(os.Getenv("REDISGATE_DIFFERENTIAL")); err == nil {
		size, seed = n, rand.Uint64()
	}
	t.Logf("%d requests from seed %d", size, seed)
	return size, rand.New(rand.NewPCG(seed, 0))
}

// TestVerdictsAgreeWithServer compares verdicts with ACL DRYRUN: where redisgate allows, the server must; where only the
// server does, stricter must know why; where both refuse a command, a key or a channel, they must name the same one.
func TestVerdictsAgreeWithServer(t *testing.T) {
	t.Parallel()
	size, rng := differentialSize(t, 200000)
	client := redistest.Start(t, redistest.Options{}).Client()
	g := newGenerator(t, rng, client)
	counts := map[string]int{}
	const each = 150
	for range (size + each - 1) / each {
		u, rules := g.user(t, client)
		requests := make([][][]byte, each)
		for i := range requests {
			requests[i] = g.request()
		}
		for i, answer := range dryRun(t, client, requests) {
			counts[compare(t, u, rules, requests[i], answer)]++
		}
		if t.Failed() {
			break // one user's disagreements are enough to read
		}
	}
	t.Logf("outcomes: %v", counts)
	for _, want := range []string{"both allow", "both refuse", "unpermissive: one key of PFMERGE"} {
		if counts[want] == 0 && size >= 20000 {
			t.Errorf("outcome %q never came up; the generator misses it", want)
		}
	}
}

// answer is what ACL DRYRUN says: OK, the text of a refusal, or an error.
type answer struct {
	text string
	err  error
}

func dryRun(t *testing.T, client *redis.Client, requests [][][]byte) []answer {
	t.Helper()
	ctx := context.Background()
	pipe := client.Pipeline()
	cmds := make([]*redis.Cmd, len(requests))
	for i, args := range requests {
		line := []any{"ACL", "DRYRUN", "app"}
		for _, a := range args {
			line = append(line, a)
		}
		cmds[i] = pipe.Do(ctx, line...)
	}
	_, _ = pipe.Exec(ctx)
	out := make([]answer, len(cmds))
	for i, c := range cmds {
		text, err := c.Text()
		if err != nil && !isReplyError(err) {
			t.Fatalf("ACL DRYRUN %q = %v; want an answer", requests[i], err)
		}
		out[i] = answer{text, err}
	}
	return out
}

func isReplyError(err error) bool {
	_, ok := err.(redis.Error)
	return ok
}

// compare reports any disagreement and returns the name of the outcome.
func compare(t *testing.T, u *User, rules []string, args [][]byte, a answer) string {
	t.Helper()
	cmd, failure := command.Lookup(args)
	if a.err != nil {
		// The server refuses the number of arguments, which newer ones take for some commands.
		if failure == command.Found && !strings.Contains(a.err.Error(), "wrong number of arguments") {
			t.Errorf("DRYRUN %q = %v; Lookup finds %s", args, a.err, cmd.Name)
		}
		return "no verdict"
	}
	if failure != command.Found {
		t.Errorf("Lookup(%q) = failure %d; the server knows it", args, failure)
		return "unknown here"
	}
	var uses command.Uses
	d := u.Authorise(0, cmd, args, &uses)
	serverAllows := a.text == "OK"
	switch {
	case d.Allowed() && !serverAllows:
		t.Errorf("user %q: %q is allowed; the server says %q", rules, args, a.text)
		return "permissive"
	case d.Allowed():
		return "both allow"
	case serverAllows:
		why := stricter(u, cmd, args, d, &uses)
		if why == "" {
			t.Errorf("user %q: %q = %v (%v); the server allows it", rules, args, d.Reason, d.Err)
		}
		return "unpermissive: " + why
	}
	if want := object(cmd, args, d); sameRank(u, cmd, args, &uses) && !strings.Contains(a.text, want) {
		t.Errorf("user %q: %q = %v of argument %d; the server says %q", rules, args, d.Reason, d.Arg, a.text)
	}
	return "both refuse"
}

// stricter is the list of reasons to refuse what Redis allows; "" is none.
func stricter(u *User, cmd *command.Command, args [][]byte, d Decision, uses *command.Uses) string {
	switch {
	case d.Reason == ReasonSyntax:
		return "arguments that do not parse, for which Redis has no keys to check"
	case d.Reason == ReasonKeyless:
		return "reaches all keys"
	case cmd.Flags.Has(command.FlagReserved): // some selector allows it there by category
		return "reserved"
	case d.Reason == ReasonCommand && cmd.Flags&aboutUsers != 0: // some selector allows it there by category
		return "about the users"
	case d.Reason == ReasonScript:
		return "script"
	case uses.SortBy || uses.SortGet:
		return "SORT BY and GET, which DRYRUN does not look at"
	case d.Reason == ReasonKey && cmd.Name == "pfmerge" && len(args) == 2:
		return "one key of PFMERGE"
	case d.Reason == ReasonKey && cmd.Name == "set" && slices.ContainsFunc(args[3:], isCondition):
		return "SET with a condition tells the old value; servers before it see no need to read"
	case cutFirstArg(u, cmd, args):
		return "a first argument that Redis compares up to a NUL"
	case d.Reason == ReasonChannel && cmd.Name == "psubscribe" && strings.Contains(string(args[d.Arg]), "\x00"):
		return "a pattern that Redis compares up to a NUL"
	}
	return ""
}

// sameRank says that selectors fail for the same reasons here and there, so that the same failure is reported.
func sameRank(u *User, cmd *command.Command, args [][]byte, uses *command.Uses) bool {
	cut := slices.ContainsFunc(uses.Channels, func(c command.Channel) bool {
		return c.Pattern && strings.Contains(string(args[c.Arg]), "\x00")
	})
	return !cut && !cutFirstArg(u, cmd, args) && !uses.SortBy && !uses.SortGet && !cmd.Flags.Has(command.FlagReserved)
}

// cutFirstArg says that Redis may take args[1] for the first argument of a rule because of a NUL in it.
func cutFirstArg(u *User, cmd *command.Command, args [][]byte) bool {
	return len(args) > 1 && strings.Contains(string(args[1]), "\x00") && slices.ContainsFunc(u.selectors, func(s *selector) bool {
		return slices.ContainsFunc(s.firstArgs, func(f firstArg) bool { return f.id == cmd.ID })
	})
}

func isCondition(arg []byte) bool {
	return slices.Contains([]string{"ifeq", "ifne", "ifdeq", "ifdne"}, asciiLower(string(arg)))
}

// object is what DRYRUN calls the thing that is refused; it prints arguments up to a NUL.
func object(cmd *command.Command, args [][]byte, d Decision) string {
	name, _, _ := strings.Cut(string(args[d.Arg]), "\x00")
	switch d.Reason {
	case ReasonCommand:
		return fmt.Sprintf("run the '%s' command", cmd.Name)
	case ReasonKey:
		return fmt.Sprintf("access the '%s' key", name)
	case ReasonChannel:
		return fmt.Sprintf("access the '%s' channel", name)
	}
	return ""
}
