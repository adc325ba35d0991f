package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redisgate/config"
)

// run is the whole program. It returns the exit code: 0 for success, 1 for an
// error.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		printError(stderr, err)
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "redisgate",
		Short: "An authenticating TLS proxy in front of Redis",
		Long: `redisgate stands in front of a Redis that listens on loopback or a unix socket
only. It admits clients by address, speaks TLS with them, knows their users, and
lets through what each user's Redis ACL rules permit.`,
		Example: `  redisgate demo                                   try it, with nothing installed
  redisgate init ./redisgate                       write a working set-up
  redisgate check --config redisgate.toml          list all that is wrong with it
  redisgate serve --config redisgate.toml          run it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "`redisgate --help` lists the verbs"
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return hinted(hint, "unknown verb %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted("`"+cmd.CommandPath()+" --help` lists the flags", "%w", err)
	})
	root.AddCommand(newDemo(), newInit(), newServe(), newCheck(), newHashPassword(), newHealth(), newVersion())
	return root
}

// none is cobra.NoArgs with a hint.
func none(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return hinted("`"+cmd.CommandPath()+" --help` shows what it takes", "%s takes no argument %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// hintError is an error with advice.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

func hinted(hint, format string, args ...any) error {
	return &hintError{fmt.Errorf(format, args...), hint}
}

// printError writes each problem as a line "redisgate: error: ..." with its
// hint below, unless it was logged.
func printError(w io.Writer, err error) {
	if errors.As(err, new(loggedError)) {
		return
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			printOne(w, p.Error(), p.Hint)
		}
		return
	}
	var h *hintError
	if errors.As(err, &h) {
		printOne(w, err.Error(), h.hint)
		return
	}
	printOne(w, err.Error(), "")
}

func printOne(w io.Writer, text, hint string) {
	fmt.Fprintf(w, "redisgate: error: %s\n", text)
	if hint != "" {
		fmt.Fprintf(w, "hint: %s\n", hint)
	}
}

// configFlag adds the --config flag, which most verbs need.
func configFlag(cmd *cobra.Command) *string {
	path := cmd.Flags().String("config", "", "the configuration `FILE`")
	_ = cmd.MarkFlagFilename("config", "toml") // for shell completion; the flag exists
	return path
}

// loadConfig reads the file that --config names.
func loadConfig(path string) (*config.Config, error) {
	if path == "" {
		return nil, hinted("`redisgate init DIR` writes one", "--config FILE is missing")
	}
	return config.Load(path)
}
