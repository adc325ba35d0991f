package audit

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestAFullDisk writes to a device that is always full, and then elsewhere.
func TestAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	o := options(t, Stdout)
	o.Stdout, o.Queue = full, 50
	trail, r := start(t, o)
	r.Record(admin(1))
	eventually(t, "an empty queue", func() bool { return waitingEvents(r) == 0 })
	for i := range 60 {
		r.Record(admin(i + 2))
	}
	if n := trail.Dropped()[Admin]; n != 10 {
		t.Errorf("%d events were dropped; want 10 of 60, since 50 may wait", n)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	o.Path = path
	if err := trail.Reconfigure(o); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all that could wait", func() bool { return slices.Equal(clients(lines(t, path)), upTo(51)) })
}

func TestWhatCannotBeWrittenAtTheEndIsCounted(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	o := options(t, Stdout)
	o.Stdout = full
	trail, r := start(t, o)
	for i := range 7 {
		r.Record(admin(i + 1))
	}
	trail.Close(generous)
	if n := trail.Dropped()[Admin]; n != 7 {
		t.Errorf("%d events are counted as dropped; want 7", n)
	}
}
