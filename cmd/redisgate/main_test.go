package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"redisgate/auth"
)

// result is what a run of the program left.
type result struct {
	code           int
	stdout, stderr string
}

// invoke runs the program to its end.
func invoke(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// background is a run of the program in a goroutine.
type background struct {
	cancel         context.CancelFunc
	done           chan int
	stdout, stderr *syncBuffer
}

// start runs the program until stop or the end of the test.
func start(t *testing.T, args ...string) *background {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b := &background{cancel: cancel, done: make(chan int, 1), stdout: newSyncBuffer(), stderr: newSyncBuffer()}
	go func() { b.done <- run(ctx, args, strings.NewReader(""), b.stdout, b.stderr) }()
	t.Cleanup(func() { b.stop() })
	return b
}

// stop is what SIGTERM does. It returns the exit code.
func (b *background) stop() int {
	b.cancel()
	code := <-b.done
	b.done <- code
	return code
}

// syncBuffer can be waited on for a text.
type syncBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{}
}

func newSyncBuffer() *syncBuffer { return &syncBuffer{changed: make(chan struct{})} }

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// waitFor returns all that was written once it contains text.
func (b *background) waitFor(t *testing.T, s *syncBuffer, text string) string {
	t.Helper()
	for {
		s.mu.Lock()
		got, changed := s.b.String(), s.changed
		s.mu.Unlock()
		if strings.Contains(got, text) {
			return got
		}
		select {
		case <-changed:
		case code := <-b.done:
			b.done <- code
			t.Fatalf("the program ended with %d before it wrote %q:\n%s%s", code, text, b.stdout, b.stderr)
		case <-t.Context().Done():
			t.Fatalf("the program did not write %q", text)
		}
	}
}

func TestHelpShowsExamplesOfEveryVerb(t *testing.T) {
	root := newRoot()
	for _, verb := range []string{"demo", "init", "serve", "check", "explain", "doctor", "firewall", "hash-password", "health", "version"} {
		cmd, _, err := root.Find([]string{verb})
		if err != nil || cmd == root {
			t.Errorf("there is no verb %s (%v)", verb, err)
		}
	}
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		if !strings.Contains(cmd.Example, "redisgate ") {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if r := invoke(t, "", args...); r.code != 0 || !strings.Contains(r.stdout, "Examples:") {
			t.Errorf("%v = %d, %q; want 0 and examples", args, r.code, r.stdout)
		}
	}
	if r := invoke(t, ""); r.code != 0 || !strings.Contains(r.stdout, "Examples:") {
		t.Errorf("redisgate alone = %d, %q; want 0 and its help", r.code, r.stdout)
	}
}

func TestWrongUseIsAnErrorWithAHint(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.toml")
	there := t.TempDir()
	if err := os.WriteFile(filepath.Join(there, "redisgate.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args      string
		err, hint string
	}{
		{"serv", `unknown verb "serv"`, "did you mean serve?"},
		{"chek --config x", `unknown verb "chek"`, "did you mean check?"},
		{"serve -config x", "unknown shorthand flag", "words take two dashes: --config"},
		{"frobnicate", `unknown verb "frobnicate"`, "`redisgate --help` lists the verbs"},
		{"--frob", "unknown flag: --frob", "`redisgate --help` lists the flags"},
		{"serve --file x", "unknown flag: --file", "`redisgate serve --help` lists the flags"},
		{"serve --confg x", "unknown flag: --confg", "did you mean --config?"},
		{"serve --conf x", "unknown flag: --conf", "did you mean --config?"},
		{"check r.toml", `redisgate check takes no argument "r.toml"`, "did you mean `redisgate check --config r.toml`?"},
		{"check --config " + dir, "is a directory", "name the file: " + dir + "/redisgate.toml"},
		{"help serv", `unknown verb "serv"`, "did you mean serve?"},
		{"completion csh", `there is no completion for "csh"`, "it knows bash, fish, powershell and zsh"},
		{"completion bash now", `takes no argument "now"`, "`redisgate completion bash --help` shows what it takes"},
		{"serve", "--config FILE is missing", "`redisgate init DIR` writes one"},
		{"check", "--config FILE is missing", "`redisgate init DIR` writes one"},
		{"check --config " + missing, "no such file", "`redisgate init DIR` writes one"},
		{"check --config " + there + "/redisgate.tml", "no such file", "did you mean " + there + "/redisgate.toml?"},
		{"check --config " + there + "/redisgate", "no such file", "did you mean " + there + "/redisgate.toml?"},
		{"check --config " + there + "/other.toml", "no such file", "`redisgate init DIR` writes one"},
		{"version now", `redisgate version takes no argument "now"`, "`redisgate version --help` shows what it takes"},
		{"init", "init takes one directory", "for example `redisgate init ./redisgate`"},
		{"init a b", "init takes one directory", "for example `redisgate init ./redisgate`"},
		{"health", "--config FILE is missing", "`redisgate init DIR` writes one"},
		{"health --address x", `"x" is not an address`, `write it as "127.0.0.1:9121"`},
	} {
		r := invoke(t, "", strings.Fields(tc.args)...)
		first, rest, _ := strings.Cut(r.stderr, "\n")
		wantRest := ""
		if tc.hint != "" {
			wantRest = "hint: " + tc.hint + "\n"
		}
		if r.code != 1 || !strings.HasPrefix(first, "redisgate: error: ") || !strings.Contains(first, tc.err) || rest != wantRest {
			t.Errorf("redisgate %s = %d, %q; want 1, an error %q and a hint %q", tc.args, r.code, r.stderr, tc.err, tc.hint)
		}
		if r.stdout != "" {
			t.Errorf("redisgate %s wrote %q to standard output; want nothing", tc.args, r.stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	r := invoke(t, "", "version")
	if r.code != 0 || !strings.HasPrefix(r.stdout, "redisgate ") || !strings.Contains(r.stdout, " commit ") || !strings.Contains(r.stdout, " go1.") {
		t.Errorf("version = %d, %q; want version, commit and Go version", r.code, r.stdout)
	}
	if flag := invoke(t, "", "--version"); flag != r {
		t.Errorf("--version = %+v; want what version says, %+v", flag, r)
	}
	b := describe(&debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}},
	})
	if b.Version != "v1.2.3" || b.Revision != "0123456789ab+changes" {
		t.Errorf("describe = %+v; want v1.2.3 and 0123456789ab+changes", b)
	}
	if b := describe(nil); b.Version != "devel" || b.Revision != "unknown" || b.GoVersion == "" {
		t.Errorf("describe(nil) = %+v; want devel, unknown and a Go version", b)
	}
}

func TestHashPassword(t *testing.T) {
	const hash = "#2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90\n"
	want := auth.Rule(auth.Hash([]byte("secret"))) + "\n"
	for _, stdin := range []string{"secret", "secret\n", "secret\r\n"} {
		if r := invoke(t, stdin, "hash-password"); r.code != 0 || r.stdout != want {
			t.Errorf("hash-password of %q = %d, %q; want %q", stdin, r.code, r.stdout, want)
		}
	}
	if r := invoke(t, "alice", "hash-password"); r.stdout != hash {
		t.Errorf("hash-password of \"alice\" = %q; want %q", r.stdout, hash)
	}
	for _, stdin := range []string{"", "\n", "one\ntwo\n", strings.Repeat("x", maxPassword+1)} {
		r := invoke(t, stdin, "hash-password")
		if r.code != 1 || r.stdout != "" || !strings.HasPrefix(r.stderr, "redisgate: error: ") || !strings.Contains(r.stderr, "\nhint: ") {
			t.Errorf("hash-password of %.20q = %d, %q, %q; want an error and a hint", stdin, r.code, r.stdout, r.stderr)
		}
		if strings.Contains(r.stderr, "two") {
			t.Errorf("hash-password shows the password: %q", r.stderr)
		}
	}
	r := invoke(t, "correct horse\n", "hash-password", "--argon2id")
	if h, err := auth.ParseSlow(strings.TrimSpace(r.stdout)); r.code != 0 || err != nil || !h.Fits([]byte("correct horse")) {
		t.Errorf("hash-password --argon2id = %d, %q; want a hash that fits, not %v", r.code, r.stdout, err)
	}
	r = invoke(t, "", "hash-password", "hunter2")
	if r.code != 1 || !strings.Contains(r.stderr, "\nhint: ") || strings.Contains(r.stderr, "hunter2") {
		t.Errorf("hash-password with an argument = %d, %q; want 1, a hint and not the password", r.code, r.stderr)
	}
}

func TestHelpIsThatOfTheVerb(t *testing.T) {
	for _, verb := range []string{"serve", "completion bash", "help"} {
		args := strings.Fields(verb)
		help, flag := invoke(t, "", append([]string{"help"}, args...)...), invoke(t, "", append(args, "--help")...)
		if help.code != 0 || help != flag || !strings.Contains(help.stdout, "redisgate "+verb) {
			t.Errorf("help %s = %+v; want what --help says, %+v", verb, help, flag)
		}
	}
}

func TestCompletionOffersWhatFits(t *testing.T) {
	const files, nothing, directories = ":0", ":4", ":16"
	for _, tc := range []struct {
		args []string
		want string // the first line
		kind string // the last one
	}{
		{[]string{"se"}, "serve\tRun the proxy", nothing},
		{[]string{"help", "se"}, "serve\tRun the proxy", nothing},
		{[]string{"check", "--config", ""}, "toml", ":8"},
		{[]string{"check", ""}, nothing, nothing},
		{[]string{"firewall", "--format", ""}, "nftables", nothing},
		{[]string{"doctor", "--password-file", ""}, files, files},
		{[]string{"init", ""}, directories, directories},
		{[]string{"init", "a", ""}, nothing, nothing},
		{[]string{"health", "--address", ""}, nothing, nothing},
		{[]string{"demo", "--redis", ""}, nothing, nothing},
		{[]string{"demo", "--redis-password-file", ""}, files, files},
	} {
		r := invoke(t, "", append([]string{"__complete"}, tc.args...)...)
		lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
		if r.code != 0 || !strings.HasPrefix(lines[0], tc.want) || lines[len(lines)-1] != tc.kind {
			t.Errorf("completion of %q = %d, %q; want %q and %s", tc.args, r.code, r.stdout, tc.want, tc.kind)
		}
	}
}

// replace changes a file that init wrote.
func replace(t *testing.T, path, old, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), old) != 1 {
		t.Fatalf("%s has not exactly one %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, text, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
