package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

type listed struct {
	names []string
	err   error
}

func (l listed) Commands(context.Context) ([]string, error) { return l.names, l.err }

func TestCompareCommands(t *testing.T) {
	for _, test := range []struct {
		listed listed
		want   string // in the log; empty: nothing is logged
	}{
		{listed{names: []string{"get", "config|get", "ft.search", "bf.add"}}, "[bf.add ft.search]"},
		{listed{names: []string{"get", "set"}}, ""},
		{listed{err: errors.New("NOPERM")}, "does not list its commands"},
	} {
		var log bytes.Buffer
		compareCommands(test.listed, slog.New(slog.NewTextHandler(&log, nil)))
		if got := log.String(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("compareCommands(%v) logs %q; want %q in it", test.listed, got, test.want)
		}
	}
}

// TestTheTableHasAllCommands of the server that is installed.
func TestTheTableHasAllCommands(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	var names []string
	for _, n := range rs.Do("COMMAND", "LIST").([]any) {
		names = append(names, n.(string))
	}
	if len(names) < 200 {
		t.Fatalf("COMMAND LIST gives %d names", len(names))
	}
	if unknown := unknownCommands(names); len(unknown) > 0 {
		t.Errorf("the table lacks %v", slices.Compact(unknown))
	}
}
