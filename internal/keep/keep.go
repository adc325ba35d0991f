// Package keep pins the modules while the rooms that import them are being built.
package keep

import (
	_ "github.com/BurntSushi/toml"
	_ "github.com/alicebob/miniredis/v2"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/testutil"
	_ "github.com/redis/go-redis/v9"
	_ "github.com/spf13/cobra"
	_ "github.com/tidwall/redcon"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
)
