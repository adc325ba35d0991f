// Gen writes table.go: every command of Redis 7.0 to 8 and Valkey 8, merged from what servers answered to COMMAND
// (data/*.json), from what is documented of later versions (data/later.json) and from the classes in classify.go.
//
//	go run ./gen                          writes table.go
//	go run ./gen -fetch unix:/run/r.sock  prints a running server's COMMAND in the form of data/*.json
//	go run ./gen -fetch 127.0.0.1:6379
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

//go:embed data/*.json
var data embed.FS

// Newest first: flags and categories are those of the first file that has the command.
var sources = []string{"redis-8.0-unstable", "valkey-8-unstable", "redis-7.0.15", "later"}

// entry is one command or subcommand as a server reports it.
type entry struct {
	Name       string   `json:"name"`
	Arity      int      `json:"arity"`
	Container  bool     `json:"container,omitempty"`
	Flags      []string `json:"flags"`
	Categories []string `json:"categories"`
	Keys       []spec   `json:"keys,omitempty"`
	Since      string   `json:"since,omitempty"`
}

// spec is one key specification: where to begin (an index, or after a keyword) and what to take from there.
type spec struct {
	Flags   []string `json:"flags"`
	Index   int      `json:"index,omitempty"`
	Keyword string   `json:"keyword,omitempty"`
	From    int      `json:"from,omitempty"`
	Keynum  *int     `json:"keynum,omitempty"`
	First   int      `json:"first,omitempty"`
	Last    int      `json:"last,omitempty"`
	Step    int      `json:"step,omitempty"`
	Limit   int      `json:"limit,omitempty"`
	Unknown bool     `json:"unknown,omitempty"`
}

func main() {
	out := flag.String("out", "table.go", "file to write")
	fetch := flag.String("fetch", "", "address of a server whose COMMAND is printed instead")
	flag.Parse()
	if err := run(*out, *fetch); err != nil {
		fmt.Fprintln(os.Stderr, "gen: error:", err)
		os.Exit(1)
	}
}

func run(out, address string) error {
	if address != "" {
		entries, err := fetchCommands(address)
		if err != nil {
			return err
		}
		return writeEntries(os.Stdout, entries)
	}
	var tables [][]entry
	for _, name := range sources {
		text, err := data.ReadFile("data/" + name + ".json")
		if err != nil {
			return err
		}
		var entries []entry
		if err := json.Unmarshal(text, &entries); err != nil {
			return fmt.Errorf("reading %s.json: %w", name, err)
		}
		tables = append(tables, entries)
	}
	rows, err := merge(tables)
	if err != nil {
		return err
	}
	text, err := render(rows)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}
