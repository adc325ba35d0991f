// Package configs holds the example configurations, what other systems need to run and
// watch redisgate, and the full configuration as text for `redisgate init`.
package configs

import _ "embed"

// Full is redisgate.toml: every key with its default and a comment.
//
//go:embed redisgate.toml
var Full string
