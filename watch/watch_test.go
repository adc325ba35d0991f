package watch

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func put(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDigestIsOfContent(t *testing.T) {
	dir := t.TempDir()
	a := put(t, filepath.Join(dir, "a"), "one")
	first := Digest([]string{a}, 100)
	if err := os.Chtimes(a, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	put(t, a, "one")
	if Digest([]string{a}, 100) != first {
		t.Error("the same content gives another sum")
	}
	sums := map[Sum]string{first: "one"}
	for name, change := range map[string]func(){
		"other content": func() { put(t, a, "two") },
		"longer":        func() { put(t, a, "onex") },
		"empty":         func() { put(t, a, "") },
		"gone":          func() {},
		"a directory":   func() { os.Mkdir(a, 0o700) },
	} {
		os.RemoveAll(a)
		change()
		sum := Digest([]string{a}, 100)
		if was := sums[sum]; was != "" {
			t.Errorf("%s has the sum of %s", name, was)
		}
		sums[sum] = name
	}
	os.RemoveAll(a)
	b := put(t, filepath.Join(dir, "b"), "one")
	put(t, a, "one")
	if Digest([]string{a}, 100) == Digest([]string{b}, 100) {
		t.Error("two names have one sum")
	}
}

// A pipe is somebody else's to read, and opening it would wait for its writer.
func TestDigestReadsNoPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() { Digest([]string{name}, 100); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for a writer")
	}
}

// Files that come to be named are watched from then on.
func TestFollowTakesOtherFiles(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	var mu sync.Mutex
	file := filepath.Join(one, "a")
	name := func() string { mu.Lock(); defer mu.Unlock(); return file }
	seen := make(chan string, 1000)
	again := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() {
		defer close(done)
		Follow(ctx, Options{
			Files: func() []string { return []string{name()} },
			Look: func(time.Time) {
				text, _ := os.ReadFile(name())
				seen <- string(text)
			},
			Every: time.Hour, Again: again, Log: slog.New(slog.DiscardHandler), // so that only the system can tell
		})
	}()
	wait := func(want string) {
		t.Helper()
		for end := time.After(20 * time.Second); ; {
			select {
			case got := <-seen:
				if got == want {
					return
				}
			case <-end:
				t.Fatalf("nobody sees %q", want)
			}
		}
	}
	wait("")
	put(t, filepath.Join(one, "a"), "first")
	wait("first")
	put(t, filepath.Join(two, "b"), "second")
	mu.Lock()
	file = filepath.Join(two, "b")
	mu.Unlock()
	again <- struct{}{}
	wait("second")
	put(t, filepath.Join(two, "b"), "third")
	wait("third")
	cancel()
	<-done
}
