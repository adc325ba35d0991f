// Command manifests decodes what redisgate ships for other systems strictly against
// those systems' own types: Kubernetes manifests, files of docker compose, dashboards of
// Grafana. It is a module of its own, so that nothing of theirs reaches the product.
//
//	manifests FILE...
//
// prints what is wrong, one problem a line, and ends with 1 if there is any.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	failed := len(os.Args) < 2
	for _, name := range os.Args[1:] {
		if err := check(name); err != nil {
			failed = true
			for line := range strings.Lines(err.Error()) {
				fmt.Printf("%s: %s\n", name, strings.TrimRight(line, "\n"))
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	base := filepath.Base(name)
	switch {
	case strings.HasSuffix(base, ".json"):
		return dashboard(text)
	case strings.HasPrefix(base, "compose"):
		return compose(name, text)
	case strings.HasSuffix(base, ".yaml"):
		return kubernetes(text)
	}
	return errors.New("of no kind that this knows")
}
