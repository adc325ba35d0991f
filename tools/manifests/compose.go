package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads the file as docker compose does, by its schema, and looks whether what
// services refer to is there.
func compose(name string, text []byte) error {
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return err
	}
	p, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: name, Content: text}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SetProjectName("redisgate", true)
		o.Profiles = []string{"*"}
	})
	if err != nil {
		return err
	}
	if len(p.Services) == 0 {
		return fmt.Errorf("has no service")
	}
	return nil
}
