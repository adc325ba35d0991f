package tlsconf

import "strings"

// Keys that problems and warnings are about, named as in the configuration.
const (
	KeyCert       = "cert"
	KeyKey        = "key"
	KeyMinVersion = "min_version"
	KeyClientCA   = "client_ca"
	KeyClientAuth = "client_auth"
	KeyCRL        = "crl"
	KeyStaple     = "ocsp_staple"
	KeyCurves     = "curves"
	KeySuites     = "cipher_suites"
	KeyServerName = "server_name" // of the client's side
)

// Problem is one thing that is wrong, or in a warning only doubtful, with what the
// operator has named. It quotes no content of a file.
type Problem struct {
	Key  string // of the configuration: KeyCert, ...
	File string // path, or empty if it is not about a file
	Text string
	Hint string // what to do about it, or empty
}

func (p Problem) Error() string {
	if p.File == "" {
		return p.Key + ": " + p.Text
	}
	return p.Key + ": " + p.File + ": " + p.Text
}

// Problems is all that is wrong, an error of one or more parts.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}
