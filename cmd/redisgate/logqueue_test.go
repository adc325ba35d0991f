package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestLogQueueKeepsOrderAndEndsWhole(t *testing.T) {
	var out bytes.Buffer
	log, end := newLogQueue(&out, textLog)
	for i := range 500 {
		log.Info("line", "i", i)
	}
	end()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 500 {
		t.Fatalf("%d lines are written; want 500", len(lines))
	}
	for i, l := range lines {
		if !strings.HasSuffix(l, fmt.Sprintf("msg=line i=%d", i)) {
			t.Fatalf("line %d is %s", i, l)
		}
	}
}

// A log that nobody reads holds up nothing, and says what is missing when it is read.
func TestLogQueueWaitsForNobody(t *testing.T) { synctest.Test(t, logNobodyReads) }

func logNobodyReads(t *testing.T) {
	r, w := io.Pipe() // a write to it ends when it was read
	log, end := newLogQueue(w, textLog)
	log.Info("line", "i", 0)
	synctest.Wait() // it is being written
	for i := range 3 * logLines {
		log.Info("line", "i", i+1)
	}
	began := time.Now()
	end()
	if d := time.Since(began); d != lastWords {
		t.Errorf("the end waits for %v; want %v", d, lastWords)
	}
	lines := bufio.NewScanner(r)
	for i := range logLines + 1 {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), fmt.Sprintf("msg=line i=%d", i)) {
			t.Fatalf("line %d is %s", i, lines.Text())
		}
	}
	want := fmt.Sprintf("lines=%d", 2*logLines)
	if lines.Scan(); !strings.Contains(lines.Text(), "lines of the log were lost") || !strings.HasSuffix(lines.Text(), want) {
		t.Errorf("then the log says %q; want %s", lines.Text(), want)
	}
	synctest.Wait() // nothing is left that would be written
	w.Close()
	if lines.Scan() {
		t.Errorf("and then %q", lines.Text())
	}
}
