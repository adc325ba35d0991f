package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"redisgate/internal/redistest"
)

// The live reply must come out in the form of the committed answers, so that they can be made again.
func TestFetchReadsALiveServer(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	entries, err := fetchCommands("unix:" + s.Socket())
	if err != nil {
		t.Fatalf("fetchCommands = %v; want no error", err)
	}
	var b bytes.Buffer
	if err := writeEntries(&b, entries); err != nil {
		t.Fatal(err)
	}
	var again []entry
	if err := json.Unmarshal(b.Bytes(), &again); err != nil {
		t.Fatalf("the output is no JSON: %v", err)
	}
	if !reflect.DeepEqual(again, entries) {
		t.Errorf("the output reads as something else")
	}
	found := map[string]entry{}
	for _, e := range again {
		found[e.Name] = e
	}
	set, zunionstore, xread := found["set"], found["zunionstore"], found["xread"]
	if set.Arity != -3 || len(set.Keys) != 1 || set.Keys[0].Index != 1 || need(set.Keys[0].Flags) != "Read|Write" {
		t.Errorf("set = %+v; want its key at 1, to read and write", set)
	}
	if len(zunionstore.Keys) != 2 || zunionstore.Keys[1].Keynum == nil || zunionstore.Keys[1].Index != 2 {
		t.Errorf("zunionstore = %+v; want a number of keys at 2", zunionstore)
	}
	if len(xread.Keys) != 1 || xread.Keys[0].Keyword != "STREAMS" || xread.Keys[0].Limit != 2 {
		t.Errorf("xread = %+v; want keys after STREAMS", xread)
	}
	if c := found["config"]; !c.Container || found["config|get"].Name == "" {
		t.Errorf("config = %+v; want a container with subcommands", c)
	}
}
