package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"redisgate/auth"
)

// maxPassword bounds what is read: a password, not a file given by mistake.
const maxPassword = 64 << 10

func newHashPassword() *cobra.Command {
	argon2id := false
	cmd := &cobra.Command{
		Use:   "hash-password",
		Short: "Turn a password into a hash for a user",
		Long: `hash-password reads a password from the terminal, without showing it, or from
standard input, where one line ending at the end is not part of it. It prints
#<sha256 hex> for a user's acl, which is what Redis takes: good for a long random
password. With --argon2id it prints a PHC string for a user's password, a hash that
is slow to try: for passwords that people have chosen.`,
		Example: `  redisgate hash-password
  redisgate hash-password --argon2id
  openssl rand -hex 24 | tee password.txt | redisgate hash-password`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // which is not repeated: it is a password
				return hinted("run it without: it asks for the password, or reads standard input; everybody on this machine can see what a program is called with",
					"hash-password takes no argument")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			hash := auth.Rule(auth.Hash(password))
			if argon2id {
				hash = auth.NewArgon2id(password)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), hash)
			return err
		},
	}
	cmd.Flags().BoolVar(&argon2id, "argon2id", false, "print an argon2id hash for the key password of [[user]]")
	return cmd
}

var errNoPassword = hinted("type one when asked, or give one line on standard input; in an acl, nopass is what needs none", "the password is empty")

func readPassword(ctx context.Context, stdin io.Reader, prompt io.Writer) ([]byte, error) {
	if f, ok := stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return askPassword(ctx, int(f.Fd()), prompt)
	}
	data, err := io.ReadAll(io.LimitReader(stdin, maxPassword+1))
	if err != nil {
		return nil, fmt.Errorf("reading the password: %w", err)
	}
	if len(data) > maxPassword {
		return nil, hinted("is that a file given by mistake?", "the password is longer than 64KB")
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case text == "":
		return nil, errNoPassword
	case strings.ContainsAny(text, "\r\n"):
		return nil, hinted("give one password on one line", "there is more than one line on standard input")
	}
	return []byte(text), nil
}

// asking lets ask put questions on a terminal that does not show the answers.
func asking(ctx context.Context, fd int, prompt io.Writer, use func(ask func(text string) ([]byte, error)) error) error {
	state, err := term.GetState(fd)
	if err != nil {
		return fmt.Errorf("asking the terminal: %w", err)
	}
	// Without this an interrupt would leave a terminal that shows nothing.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, func() {
		_ = term.Restore(fd, state)
		fmt.Fprintln(prompt)
		os.Exit(130) // as shells do for an interrupt; the read cannot be cut short
	})()
	return use(func(text string) ([]byte, error) {
		fmt.Fprint(prompt, text)
		defer fmt.Fprintln(prompt)
		answer, err := term.ReadPassword(fd)
		if err != nil {
			return nil, fmt.Errorf("reading the password: %w", err)
		}
		return answer, nil
	})
}

// askPassword asks twice, since nobody sees what they type.
func askPassword(ctx context.Context, fd int, prompt io.Writer) (password []byte, err error) {
	err = asking(ctx, fd, prompt, func(ask func(string) ([]byte, error)) error {
		if password, err = ask("Password: "); err != nil {
			return err
		}
		if len(password) == 0 {
			return errNoPassword
		}
		second, err := ask("Once more: ")
		if err == nil && string(password) != string(second) {
			return hinted("run it again", "the two passwords differ")
		}
		return err
	})
	return password, err
}
