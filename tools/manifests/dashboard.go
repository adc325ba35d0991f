package main

import (
	"errors"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// dashboard decodes against the types that Grafana generates from its own schema, those
// of panels and queries included.
func dashboard(text []byte) error {
	plugins.RegisterDefaultPlugins()
	var d grafana.Dashboard
	if err := actual(d.UnmarshalJSONStrict(text)); err != nil {
		return err
	}
	if len(d.Panels) == 0 {
		return errors.New("has no panel")
	}
	return actual(d.Validate())
}

// actual returns nil for the empty list of errors, which the library takes for an error.
func actual(err error) error {
	var list cog.BuildErrors
	if errors.As(err, &list) && len(list) == 0 {
		return nil
	}
	return err
}
