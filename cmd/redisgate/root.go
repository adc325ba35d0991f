package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"redisgate/config"
)

// exitCode is an error that says nothing: what there was to say is printed.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// run is the whole program. It returns the exit code: 0 for success, 1 for an
// error, or what an exitCode says.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		var code exitCode
		if errors.As(err, &code) {
			return int(code)
		}
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
  redisgate serve --config redisgate.toml          run it
  redisgate explain --config redisgate.toml --user app -- GET app:1   say why, or why not`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionLine(),
		Args:          verb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if words := cmd.Flags().Args(); !cmd.HasParent() && len(words) > 0 {
			return verb(cmd, words) // its flags are not the first thing that is wrong
		}
		hint := "`" + cmd.CommandPath() + " --help` lists the flags"
		if unknown, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
			if near := guess(unknown, flagNames(cmd)); near != "" {
				hint = "did you mean --" + near + "?"
			}
		}
		if one, ok := strings.CutPrefix(err.Error(), "unknown shorthand flag: "); ok {
			if _, word, found := strings.Cut(one, " in -"); found && len(word) > 1 {
				hint = "words take two dashes: --" + word
			}
		}
		return hinted(hint, "%w", err)
	})
	root.AddCommand(newDemo(), newInit(), newServe(), newCheck(), newExplain(), newDoctor(), newFirewall(), newHashPassword(), newHealth(), newVersion())
	root.SetHelpCommand(newHelp())
	for _, cmd := range root.Commands() {
		completeNothing(cmd)
	}
	completion(root)
	return root
}

// completeNothing keeps shells from offering files where none can stand.
func completeNothing(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, name := range flagNames(cmd) {
		if f := cmd.Flags().Lookup(name); f != nil && !strings.Contains(f.Usage, "`FILE`") && f.Value.Type() != "bool" {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions) // it has none
		}
	}
}

var flagName = regexp.MustCompile(`(?m)^ +(?:-\w, |    )--([a-z0-9-]+)`)

// flagNames reads the names from the help: cobra's own type of a flag is of
// another module.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	for _, m := range flagName.FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
		names = append(names, m[1])
	}
	return names
}

// guess is the name that was probably meant: the nearest, or else the only one that begins
// so. It may be "".
func guess(word string, names []string) (one string) {
	if near := config.Nearest(word, names); near != "" || word == "" {
		return near
	}
	for _, n := range names {
		if !strings.HasPrefix(n, word) {
			continue
		}
		if one != "" {
			return ""
		}
		one = n
	}
	return one
}

// newHelp is cobra's verb, which takes a verb that does not exist for none.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [VERB]",
		Short:   "Show what a verb does, as --help does",
		Example: "  redisgate help serve",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return verb(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() && strings.HasPrefix(c.Name(), begun) {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// completion adds cobra's verb, which takes a shell that it does not know for
// none.
func completion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil || cmd == root {
		return
	}
	cmd.Example = `  source <(redisgate completion bash)
  redisgate completion bash --help`
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return hinted("it knows bash, fish, powershell and zsh", "there is no completion for %q", args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range cmd.Commands() {
		shell.Args = none
	}
}

// verb refuses what is left after the verbs that exist.
func verb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "`redisgate --help` lists the verbs"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return hinted(hint, "unknown verb %q", args[0])
}

// none is cobra.NoArgs with a hint.
func none(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "`" + cmd.CommandPath() + " --help` shows what it takes"
	if f := cmd.Flags().Lookup("config"); f != nil && !f.Changed {
		hint = "did you mean `" + cmd.CommandPath() + " --config " + quote(args[0]) + "`?"
	}
	return hinted(hint, "%s takes no argument %q", cmd.CommandPath(), args[0])
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
	cfg, err := config.Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := "`redisgate init DIR` writes one"
		if near := besides(path); near != "" {
			hint = "did you mean " + quote(near) + "?"
		}
		return nil, hinted(hint, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, hinted("the user that runs redisgate must be able to read it", "%w", err)
	case errors.Is(err, syscall.EISDIR):
		return nil, hinted("name the file: "+quote(filepath.Join(path, "redisgate.toml")), "%w", err)
	}
	return cfg, err
}

// besides is a configuration in the same directory that was probably meant, or "".
func besides(path string) string {
	entries, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.toml"))
	if err != nil {
		return "" // the directory's name has a '[' in it, say
	}
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Base(e))
	}
	near := guess(filepath.Base(path), names)
	if near == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(path), near)
}
