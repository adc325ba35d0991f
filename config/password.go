package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// maxPasswordFile bounds password_file, which may be a pipe or a device.
const maxPasswordFile = 64 << 10

// ReadPassword returns the password for Redis, "" if none is configured. It
// reads the file or the environment at each call, so that a rotated password
// is found. One line ending at the end of the file is not part of the
// password. The error never holds the password.
func (u Upstream) ReadPassword() (string, error) {
	return readSecret(u.PasswordFile, u.PasswordEnv)
}

// readSecret reads what a file, or else an environment variable, holds.
func readSecret(file, env string) (string, error) {
	switch {
	case file != "":
		data, err := readFile(file, maxPasswordFile)
		if err != nil {
			return "", withoutVerb(err)
		}
		s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
		if s == "" {
			return "", fmt.Errorf("%s: %w", file, errEmpty)
		}
		return s, nil
	case env != "":
		s := os.Getenv(env)
		if s == "" {
			// Its name is left out: people write the password itself there.
			return "", errors.New("the environment variable that it names is not set, or is empty")
		}
		return s, nil
	}
	return "", nil
}

var errEmpty = errors.New("is empty")

// PasswordProblem makes a problem of an error of ReadPassword.
func (c *Config) PasswordProblem(err error) Problem {
	path, hint := "upstream.password_file", "name a file that holds Redis's password and nothing else"
	switch {
	case c.Upstream.PasswordFile == "":
		path, hint = "upstream.password_env", "set it where redisgate is started, or use password_file"
	case errors.Is(err, fs.ErrNotExist):
		hint = "write Redis's password there, mode 0600; relative paths start from the configuration file's directory"
	case errors.Is(err, fs.ErrPermission):
		hint = "the user that redisgate runs as must be able to read it"
	case errors.Is(err, errEmpty):
		hint = "write Redis's password there, or remove password_file if Redis has none"
	}
	return c.NewProblem(path, err.Error(), hint)
}

// withoutVerb says "/file: is a directory" in place of "read /file: is a
// directory".
func withoutVerb(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}
