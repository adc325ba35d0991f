//go:build linux && !portable

package eventloop

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// askerEnvironment makes the test binary the peer of the latency test, so that the peer does not take part in the scheduling
// that is measured.
const askerEnvironment = "EVENTLOOP_TEST_ASKER"

func TestMain(m *testing.M) {
	if os.Getenv(askerEnvironment) != "" {
		if err := ask(3, 300); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ask sends a byte over a blocking socket and waits for its echo, so often, and prints how long each took.
func ask(fd, count int) error {
	b := make([]byte, 1)
	var took []time.Duration
	for range count {
		time.Sleep(500 * time.Microsecond) // the loop parks meanwhile
		start := time.Now()
		if _, err := unix.Write(fd, b); err != nil {
			return err
		}
		if n, err := unix.Read(fd, b); n != 1 || err != nil {
			return fmt.Errorf("read: %d, %v", n, err)
		}
		took = append(took, time.Since(start))
	}
	return json.NewEncoder(os.Stdout).Encode(took)
}

// Go's poller is looked at only by an idle P, or every 10 ms. So a process that has slots for slow work needs one P more than loops and
// slots together; then a parked loop wakes in time though every slot burns a CPU. The kernel shares the cores, which may be fewer.
func TestWakeUpLatencyBesideBusySlots(t *testing.T) {
	const loops, slots = 1, 2
	for _, busy := range []int{0, slots, slots + 1} { // none, all slots, and every P but one
		took := wakeUps(t, loops+slots+1, busy)
		slices.Sort(took)
		t.Logf("%d busy goroutines, GOMAXPROCS %d, %d CPUs: p50 %v, p90 %v, p99 %v, max %v", busy, loops+slots+1, runtime.NumCPU(),
			took[len(took)/2], took[len(took)*9/10], took[len(took)*99/100], took[len(took)-1])
		// Starved, every wake-up waits 10 ms for the poller and up to 10 ms for each P. Only a machine that is itself overloaded
		// comes near this bound.
		if p50 := took[len(took)/2]; p50 > 250*time.Millisecond {
			t.Errorf("median wake-up beside %d busy goroutines = %v; want far less than 250ms", busy, p50)
		}
	}
}

func wakeUps(t *testing.T, procs, busy int) (took []time.Duration) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "peer")
	defer theirs.Close()
	ours := os.NewFile(uintptr(fds[0]), "ours")
	nc, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, Options{})
	r.attach(nc, echo())

	var stop atomic.Bool
	defer stop.Store(true)
	for range busy {
		go func() {
			for n := 0; !stop.Load(); n++ {
				_ = n * n
			}
		}()
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), askerEnvironment+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the peer: %v %s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &took); err != nil || len(took) == 0 {
		t.Fatalf("the peer said %q: %v", out, err)
	}
	return took
}
