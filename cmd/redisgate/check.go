package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"redisgate/users"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Build everything that serve would, and list all errors",
		Long: `check reads the configuration and every file that it names, compiles users and
rules, and lists everything that is wrong, each with its place in the file. It
neither listens nor connects. Exit code 0 if serve would start, else 1.`,
		Example: "  redisgate check --config /etc/redisgate/redisgate.toml",
		Args:    none,
	}
	path := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := loadAndBuild(*path, time.Now())
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		for _, n := range append(b.notes, b.remarks...) {
			fmt.Fprintf(out, "note: %s\n", n)
		}
		_, err = fmt.Fprintf(out, "%s: ok; users: %d; clients at %v; Redis at %s\n",
			*path, countUsers(b.users), []string(b.cfg.Listen.Address), b.cfg.Upstream.Address)
		return err
	}
	return cmd
}

// countUsers counts those whom somebody has defined.
func countUsers(s *users.Set) int {
	n := len(s.All())
	if s.Default().Origin == users.Builtin {
		n--
	}
	return n
}
