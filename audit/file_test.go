package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// text is a line of so many bytes that begins with a name.
func text(name string, size int) string { return name + strings.Repeat("-", size-len(name)-1) + "\n" }

// open opens a file for a test.
func open(t testing.TB, path string, maxSize int64, keep int) *file {
	t.Helper()
	f, err := openFile(path, maxSize, keep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// put writes lines, which must succeed.
func put(t testing.TB, f *file, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if n, err := f.Write([]byte(l)); n != len(l) || err != nil {
			t.Fatalf("Write(%.8q) = %d, %v; want %d", l, n, err, len(l))
		}
	}
}

// has fails the test unless these files, and no others, are beside path, with lines of
// these names in this order.
func has(t testing.TB, path string, want map[string]string) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for l := range strings.Lines(string(got)) {
			lines = append(lines, strings.TrimRight(l, "-\n"))
		}
		suffix := strings.TrimPrefix(name, path)
		if had, ok := want[suffix]; !ok || had != strings.Join(lines, " ") {
			t.Errorf("%q has %q; want %q (%v)", filepath.Base(path)+suffix, lines, had, ok)
		}
	}
	if len(names) < len(want) {
		t.Errorf("there are %q; want %d files", names, len(want))
	}
}

// TestTwoThatPutOneFileAside is a hand-over: two processes write one file.
func TestTwoThatPutOneFileAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a, b := open(t, path, 100, 1), open(t, path, 100, 1)
	put(t, a, text("a1", 50))
	put(t, b, text("b1", 40))
	put(t, a, text("a2", 60)) // puts a1 and b1 aside
	has(t, path, map[string]string{"": "a2", ".1": "a1 b1"})
	put(t, b, text("b2", 30)) // finds its file too large, and that it is aside already
	has(t, path, map[string]string{"": "a2 b2", ".1": "a1 b1"})
	put(t, a, text("a3", 20)) // does not fit, because of what b has written
	has(t, path, map[string]string{"": "a3", ".1": "a2 b2"})
}

// TestWhatAnotherHasPutAsideIsNotWrittenOn for long, though it is not large.
func TestWhatAnotherHasPutAsideIsNotWrittenOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	for name, maxSize := range map[string]int64{"by redisgate": 1000, "by somebody else": 0} {
		a := open(t, path, maxSize, 1)
		put(t, a, text("a1", 50))
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		a.looked = time.Time{}
		put(t, a, text("a2", 50)) // nothing else is at its name
		has(t, path, map[string]string{".1": "a1 a2"})
		put(t, open(t, path, maxSize, 1), text("b1", 50))
		a.looked = time.Time{}
		put(t, a, text("a3", 50))
		has(t, path, map[string]string{"": "b1 a3", ".1": "a1 a2"})
		if err := os.Remove(path); err != nil {
			t.Fatal(name, err)
		}
	}
}

// TestNoLineIsLostBetweenTwo has two writers put their file aside all the time.
func TestNoLineIsLostBetweenTwo(t *testing.T) {
	const each = 400
	path := filepath.Join(t.TempDir(), "audit.log")
	failed := make(chan error, 2)
	for _, who := range []string{"a", "b"} {
		f := open(t, path, 300, 10*each)
		go func() {
			for i := range each {
				f.looked = time.Time{}
				if _, err := f.Write([]byte(text(fmt.Sprint(who, i), 50))); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, name := range names {
		all, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(string(all)) {
			got = append(got, strings.TrimRight(l, "-\n"))
		}
	}
	for i := range each {
		want = append(want, fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d lines are in %d files; want %d, each once", len(got), len(names), len(want))
	}
	if len(names) < 2*each*50/300/2 {
		t.Errorf("the file was put aside %d times; want often", len(names)-1)
	}
}

// TestWhatEndedInTheMiddleIsGoneOnWith has a process that was killed while it put the file
// aside.
func TestWhatEndedInTheMiddleIsGoneOnWith(t *testing.T) {
	for name, leave := range map[string]func(path string) error{
		"the next file was there": func(path string) error { return os.WriteFile(path+".new", []byte("?\n"), 0o600) },
		"the file had two names":  func(path string) error { return os.Link(path, path+".0") },
		"it had its number":       func(path string) error { return os.Link(path, path+".1") },
	} {
		path := filepath.Join(t.TempDir(), "audit.log")
		f := open(t, path, 100, 5)
		put(t, f, text("1", 90))
		if err := leave(path); err != nil {
			t.Fatal(err)
		}
		put(t, f, text("2", 90))
		if has(t, path, map[string]string{"": "2", ".1": "1"}); t.Failed() {
			t.Fatalf("after %s", name)
		}
	}
	// Without links path is nobody's for a moment.
	path := filepath.Join(t.TempDir(), "audit.log")
	f := open(t, path, 100, 5)
	put(t, f, text("1", 90))
	if err := os.Rename(path, path+".0"); err != nil {
		t.Fatal(err)
	}
	put(t, f, text("2", 90), text("3", 90))
	has(t, path, map[string]string{"": "3", ".1": "2", ".2": "1"})
}

// TestNamesThatAreFreeAreUsed before an old file goes.
func TestNamesThatAreFreeAreUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f := open(t, path, 100, 3)
	put(t, f, text("1", 90), text("2", 90), text("3", 90), text("4", 90))
	if err := os.Remove(path + ".2"); err != nil {
		t.Fatal(err)
	}
	put(t, f, text("5", 90))
	has(t, path, map[string]string{"": "5", ".1": "4", ".2": "3", ".3": "1"})
}

// TestWhatIsInTheWayCostsNoFile has a file that cannot be renamed.
func TestWhatIsInTheWayCostsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f := open(t, path, 100, 2)
	put(t, f, text("1", 90), text("2", 90))
	if err := os.MkdirAll(filepath.Join(path+".2", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f.later = time.Time{}
		if _, err := f.Write([]byte(text("3", 90))); err == nil {
			t.Error("Write() = nil; want that the file cannot be put aside")
		}
	}
	if err := os.RemoveAll(path + ".2"); err != nil {
		t.Fatal(err)
	}
	has(t, path, map[string]string{"": "2 3 3 3", ".1": "1"})
}
