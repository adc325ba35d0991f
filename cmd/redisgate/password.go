package main

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// newPassword returns 160 random bits as 32 letters and digits, which need no
// quoting in a shell, a configuration file or a URL.
func newPassword() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails; the program would end
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
