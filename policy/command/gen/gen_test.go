package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTableIsWhatTheGeneratorWrites(t *testing.T) {
	out := filepath.Join(t.TempDir(), "table.go")
	if err := run(out, ""); err != nil {
		t.Fatalf("run = %v; want no error", err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("table.go is not what the generator writes; want `go generate ./policy/command` run")
	}
}

func TestMergeTakesTheMostPermissiveArity(t *testing.T) {
	for _, tt := range []struct{ a, b, want int }{{3, -3, -3}, {-3, -4, -3}, {2, 3, -2}, {2, 2, 2}} {
		r := row{entry: entry{Name: "x", Arity: tt.a}}
		if err := r.add(entry{Name: "x", Arity: tt.b}, "older"); err != nil || r.Arity != tt.want {
			t.Errorf("arity of %d and %d = %d, %v; want %d", tt.a, tt.b, r.Arity, err, tt.want)
		}
	}
}

func TestMergeRefusesKeysThatMove(t *testing.T) {
	r := row{entry: entry{Name: "x", Keys: []spec{{Index: 1, Step: 1}}}}
	if err := r.add(entry{Name: "x", Keys: []spec{{Index: 2, Step: 1}}}, "older"); err == nil {
		t.Errorf("add of keys in another place = no error; want one")
	}
}
