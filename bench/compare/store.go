package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// store writes a report into dir: NAME.md, NAME.json and a directory NAME with the
// charts, where NAME is the date and the time. It returns the path of the Markdown.
func store(dir string, r report) (string, error) {
	name := strings.NewReplacer(" ", "-", ":", "").Replace(r.Date)
	charts := filepath.Join(dir, name)
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return "", err
	}
	file := func(s section, f figure) string {
		return strings.NewReplacer(" ", "-", ",", "").Replace(s.Name + "-" + f.name + ".svg")
	}
	for _, s := range r.Sections {
		for _, f := range s.Charts {
			if err := os.WriteFile(filepath.Join(charts, file(s, f)), []byte(f.svg), 0o644); err != nil {
				return "", err
			}
		}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, name+".json"), append(data, '\n'), 0o644); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".md")
	text := r.markdown(func(s section, f figure) string { return name + "/" + file(s, f) })
	return path, os.WriteFile(path, []byte(text), 0o644)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
