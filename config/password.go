package config

import (
	"errors"
	"fmt"
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
	switch {
	case u.PasswordFile != "":
		data, err := readFile(u.PasswordFile, maxPasswordFile)
		if err != nil {
			return "", fmt.Errorf("reading upstream.password_file: %w", err)
		}
		s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
		if s == "" {
			return "", errors.New("upstream.password_file is empty")
		}
		return s, nil
	case u.PasswordEnv != "":
		s := os.Getenv(u.PasswordEnv)
		if s == "" {
			// Its name is left out: people write the password itself there.
			return "", errors.New("the environment variable that upstream.password_env names is not set")
		}
		return s, nil
	}
	return "", nil
}
