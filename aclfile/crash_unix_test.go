//go:build unix

package aclfile

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/policy"
)

// generation makes a file of so many users that writing it takes a while, all of one
// password, so that a mixture of two shows.
func generation(n int) ([]byte, error) {
	var users []*policy.User
	for i := range 500 {
		u, err := policy.ParseUser(fmt.Sprintf("user%d", i), fmt.Sprintf("on >generation%d ~* +@all", n), policy.Options{})
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return Format(users)
}

const crashEnv = "REDISGATE_TEST_ACLFILE"

// TestMain is also the process that is killed by the test below.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func writeForEver(path string) error {
	texts := make([][]byte, 4)
	for i := range texts {
		var err error
		if texts[i], err = generation(i); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	for i := 0; ; i++ {
		if err := Write(path, texts[i%len(texts)]); err != nil {
			return err
		}
	}
}

// After a crash at any moment there is the old file or the new one, whole.
func TestAFileOutlivesCrashesOfItsWriter(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "users.acl")
	first, err := generation(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, first); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range 15 {
		kill(t, program, path, time.Duration(r.IntN(int(30*time.Millisecond))))
		entries, err := Read(path, nil)
		if err != nil || len(entries) != 500 {
			t.Fatalf("Read() after a crash = %d users, %v; want 500", len(entries), err)
		}
		for _, e := range entries {
			if e.User.Passwords[0] != entries[0].User.Passwords[0] {
				t.Fatal("the file is a mixture of two")
			}
		}
		seen[entries[0].User.Rules()] = true
	}
	if len(seen) < 2 {
		t.Error("the file was never changed; the test kills too early")
	}
	for _, name := range filesOf(t, dir) {
		if name != "users.acl" && !strings.HasPrefix(name, "users.acl.redisgate-tmp-") {
			t.Errorf("a crash has left %s; want a name that says what it is", name)
		}
	}
}

// kill runs writeForEver and ends it, as a crash would, after some time.
func kill(t *testing.T, program, path string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Errorf("the writer says %q, %v; want that it is ready", line, err)
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("the writer has ended by itself: %v", err)
	}
	_ = cmd.Wait()
}
