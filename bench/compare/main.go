// Command compare measures redisgate against Redis's own TLS, HAProxy and other
// tunnels on this machine. It starts them all in front of one Redis, puts the same
// loads on them in interleaved rounds of one run, and reads from /proc what each
// has used. It prints tables and stores them, with every single run and charts.
//
// It must have the machine for itself: figures of different runs, or of a busy
// machine, cannot be compared; ratios within a round can.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	rounds             int
	seconds            float64
	requests           int
	scenarios, targets string
	out, baseline      string
	list               bool
	args               []string // as they were given
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := options{args: args}
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.rounds, "rounds", 5, "how often each target has its turn")
	f.Float64Var(&o.seconds, "seconds", 2, "how long a run takes, about")
	f.IntVar(&o.requests, "requests", 0, "commands of a run, instead of -seconds")
	f.StringVar(&o.scenarios, "scenarios", "", "`regexp` of the scenarios to run; -list shows them (default the usual ones)")
	f.StringVar(&o.targets, "targets", "", "`regexp` of the targets to run (default what each scenario is worth)")
	f.StringVar(&o.out, "out", "", "`directory` for the results; nothing is stored without")
	f.StringVar(&o.baseline, "baseline", "", "another redisgate `binary`, to be a target too")
	f.BoolVar(&o.list, "list", false, "list scenarios and targets and end")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if f.NArg() > 0 || o.rounds < 1 || o.seconds <= 0 || o.requests < 0 {
		fmt.Fprintln(stderr, "compare: -rounds and -seconds must be positive, and there are no arguments")
		return 2
	}
	if o.list {
		list(stdout)
		return 0
	}
	allowFiles()
	r, err := compare(ctx, o, stdout, stderr)
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "compare: interrupted; nothing is stored")
		return 1
	}
	if err != nil {
		fmt.Fprintln(stderr, "compare:", err)
		return 1
	}
	if o.out != "" && len(r.Sections) > 0 {
		path, err := store(o.out, r)
		if err != nil {
			fmt.Fprintln(stderr, "compare: storing the results:", err)
			return 1
		}
		fmt.Fprintln(stdout, "stored:", path)
	}
	if len(r.Failures) > 0 {
		fmt.Fprintf(stderr, "compare: %d failures, see above\n", len(r.Failures))
		return 1
	}
	return 0
}

// list prints all scenarios and targets. Those marked * run unless others are asked for.
func list(w io.Writer) {
	for _, j := range jobs() {
		mark := " "
		if j.usual {
			mark = "*"
		}
		fmt.Fprintf(w, "scenario %s %-24s %s\n", mark, j.name, j.title)
	}
	for _, k := range kinds() {
		fmt.Fprintf(w, "target     %-24s %s\n", k.name, k.about)
	}
}

// compare measures what o asks for and prints each section as it is ready.
func compare(ctx context.Context, o options, stdout, stderr io.Writer) (report, error) {
	here := func(name string) bool {
		k := kindNamed(name)
		return k.here == nil || k.here(o.baseline)
	}
	chosen, err := choose(o.scenarios, o.targets, here)
	if err != nil {
		return report{}, err
	}
	if len(chosen) == 0 {
		return report{}, errors.New("no scenario with a target matches; -list shows all")
	}
	length := time.Duration(o.seconds * float64(time.Second))
	if o.requests == 0 {
		fmt.Fprintf(stderr, "%d scenarios; this takes about %s\n", len(chosen), estimate(chosen, o.rounds, length).Round(time.Second))
	}
	if o.baseline != "" {
		if o.baseline, err = filepath.Abs(o.baseline); err != nil {
			return report{}, err
		}
	}
	out := report{
		Date: time.Now().UTC().Format(time.DateTime), Machine: inspect(), Command: append([]string{"compare"}, o.args...),
		Rounds: o.rounds, Seconds: o.seconds,
	}
	bed, err := newBed(ctx, "", o.baseline)
	if err != nil {
		return report{}, err
	}
	defer bed.close()
	unfit := bed.unfit(ctx, targetsOf(chosen))
	for _, name := range slices.Sorted(maps.Keys(unfit)) {
		out.Failures = append(out.Failures, fmt.Sprintf("%s: %v", name, unfit[name]))
		fmt.Fprintf(stderr, "compare: %s is left out: %v\n", name, unfit[name])
	}
	chosen = without(chosen, unfit)
	r := &runner{bed: bed, rounds: o.rounds, length: length, requests: o.requests, look: 500 * time.Millisecond, progress: stderr}
	fmt.Fprintf(stdout, "%s\n", out.Machine.markdown())
	for _, j := range chosen {
		before := readTimes(fileText("/proc/stat"))
		made, err := j.run(ctx, r, j.targets)
		if ctx.Err() != nil {
			return report{}, context.Cause(ctx)
		}
		if err != nil {
			// What the others measure is not lost.
			out.Failures = append(out.Failures, fmt.Sprintf("%s: %v", j.name, err))
			fmt.Fprintln(stderr, "compare:", err)
			continue
		}
		made.Name, made.Title = j.name, j.title
		made.Stolen = stolen(before, readTimes(fileText("/proc/stat")))
		out.Sections = append(out.Sections, made)
		fmt.Fprintf(stdout, "%s\n", made.markdown(nil))
	}
	return out, nil
}
