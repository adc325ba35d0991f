package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// instructions returns the Dockerfile's last stage, by instruction, and the
// text of the stages before.
func instructions(t *testing.T) (last map[string]string, before string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	i := strings.LastIndex(string(data), "\nFROM ")
	last = map[string]string{}
	for line := range strings.Lines(string(data)[i+1:]) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && !strings.HasPrefix(name, "#") {
			last[name] = rest
		}
	}
	return last, string(data)[:i]
}

// execForm reads the form ["program", "argument"], the only one that needs no shell.
func execForm(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out) == 0 {
		t.Fatalf("%q is not in exec form (%v)", text, err)
	}
	return out
}

func TestTheImageRunsAsNobodyAndChecksItself(t *testing.T) {
	last, build := instructions(t)
	user, _, _ := strings.Cut(last["USER"], ":")
	if n, err := strconv.Atoi(user); err != nil || n == 0 {
		t.Errorf("USER %s; want a number that is not 0", last["USER"])
	}
	entry := execForm(t, last["ENTRYPOINT"])
	if !strings.HasSuffix(last["COPY"], " "+entry[0]) {
		t.Errorf("ENTRYPOINT %v is not what COPY %s puts there", entry, last["COPY"])
	}
	_, health, _ := strings.Cut(last["HEALTHCHECK"], "CMD ")
	for name, args := range map[string][]string{
		"HEALTHCHECK": execForm(t, health)[1:],
		"CMD":         execForm(t, last["CMD"]),
	} {
		cmd, rest, err := newRoot().Find(args)
		if err != nil || cmd.Name() != args[0] {
			t.Errorf("%s calls %v, which is no verb (%v)", name, args, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s calls %v: %v", name, args, err)
		}
	}
	if execForm(t, health)[0] != entry[0] {
		t.Errorf("HEALTHCHECK runs %s; want the binary itself, %s", execForm(t, health)[0], entry[0])
	}
	if !strings.Contains(build, "CGO_ENABLED=0") {
		t.Error("the binary is not built static: CGO_ENABLED=0 is missing")
	}
}

// recipe returns the lines of the Dockerfile's comment that are to be pasted.
func recipe(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(data), "\nFROM ")
	var lines []string
	for line := range strings.Lines(comment) {
		if command, ok := strings.CutPrefix(line, "#   "); ok {
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	return lines
}

// TestTheDockerfilesRecipeFits does what can be done without Docker: init and the
// change of its configuration, in another directory. The rest must agree with the
// image and with each other.
func TestTheDockerfilesRecipeFits(t *testing.T) {
	last, _ := instructions(t)
	config := execForm(t, last["CMD"])[2]
	mount := `-v "$PWD/gate:` + filepath.Dir(config)
	lines := recipe(t)
	t.Chdir(t.TempDir())
	ran := map[string]bool{}
	for _, line := range lines {
		owner := "chown " + last["USER"] + " gate"
		image, args, isRun := strings.Cut(line, " redisgate ")
		switch {
		case strings.Contains(line, "chown") && !strings.Contains(line, owner):
			t.Errorf("%s\nwant %s, whom the image runs as", line, owner)
		case strings.HasPrefix(line, "docker run ") && !strings.Contains(line, mount):
			t.Errorf("%s\nwant %s, where the image looks", line, mount)
		case strings.HasPrefix(line, "docker run ") && isRun:
			ran["init"] = true
			words := strings.Fields(strings.ReplaceAll(args, `"$(hostname)"`, "gate.example"))
			if words[len(words)-1] != filepath.Dir(config) || !strings.Contains(image, "--rm") {
				t.Errorf("%s\nwant init of %s, in a container that goes away", line, filepath.Dir(config))
			}
			words[len(words)-1] = "gate"
			if r := invoke(t, "", words...); r.code != 0 {
				t.Fatalf("%v = %d, %s; want 0", words, r.code, r.stderr)
			}
		case strings.Contains(line, "redis-server"):
			ran["redis"] = true
			if !strings.Contains(line, "--user "+last["USER"]+" ") || !strings.HasSuffix(line, "redis-server "+filepath.Dir(config)+"/redis.conf") {
				t.Errorf("%s\nwant Redis as %s with init's redis.conf", line, last["USER"])
			}
		case strings.Contains(line, "sed -i"):
			ran["sed"] = true
			pasted(t, strings.TrimPrefix(line, "sudo "))
		}
	}
	if len(ran) != 3 {
		t.Fatalf("the recipe has %v; want init, a change of the configuration and Redis", ran)
	}
	b, err := loadAndBuild("gate/redisgate.toml", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got := b.cfg.Listen.Address[0]; got != "0.0.0.0:6380" {
		t.Errorf("the recipe listens on %s; want 0.0.0.0:6380", got)
	}
	for _, from := range []string{"127.0.0.1", "172.17.0.1", "172.31.0.9"} {
		if !b.allow.Contains(netip.MustParseAddr(from)) {
			t.Errorf("the recipe does not admit %s", from)
		}
	}
	if b.allow.Contains(netip.MustParseAddr("203.0.113.1")) {
		t.Error("the recipe admits everybody")
	}
}

func TestTheImageIsBuiltWithTheGoOfTheModule(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))
	_, build := instructions(t)
	if version == nil || !strings.Contains(build, "FROM golang:"+version[1]+"-") {
		t.Errorf("the Dockerfile does not build with Go %v of go.mod", version)
	}
}
