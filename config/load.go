package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
)

// maxFile bounds the file: it is a configuration, not a data set, and a wrong
// argument such as /dev/zero should end in an error.
const maxFile = 16 << 20

// Load reads, binds and validates the file at path. Relative paths in it are
// resolved against its directory. The error is Problems if the file could be
// read; the Config is then returned too, as far as it could be understood, so
// that more can be said about it, but must not be used otherwise.
func Load(path string) (*Config, error) {
	data, err := readFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse is Load for text that was read already. name is the file's name, for
// messages and for the directory that relative paths start from.
func Parse(name string, data []byte) (*Config, error) {
	cfg := Default()
	cfg.source = source{file: name, lines: locate(data)}

	if line := tooDeep(data); line > 0 {
		return nil, Problems{{File: name, Line: line, Text: "lists, tables or keys are too deep in each other", Hint: hintKey}}
	}
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		p := syntaxProblem(err)
		p.File = name
		return nil, Problems{p}
	}
	var b binder
	b.bind(cfg, raw)
	if err := cfg.resolve(filepath.Dir(name)); err != nil {
		return nil, err
	}
	all := b.problems
	for _, p := range cfg.problems() {
		// A value that could not be bound still has its default; what that does
		// together with others is not the operator's fault.
		if !all.Covers(p.Path) {
			all = append(all, p)
		}
	}
	for i := range all {
		all[i] = cfg.place(all[i])
	}
	all.Sort()
	return cfg, all.err()
}

// resolve makes the file names absolute.
func (c *Config) resolve(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the configuration's directory: %w", err)
	}
	file := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	socket := func(p *string) {
		if path, ok := strings.CutPrefix(*p, unixScheme); ok && path != "" && !filepath.IsAbs(path) {
			*p = unixScheme + filepath.Join(dir, path)
		}
	}
	for _, p := range []*string{&c.TLS.Cert, &c.TLS.Key, &c.TLS.ClientCA, &c.TLS.OCSPStaple, &c.Upstream.PasswordFile, &c.Upstream.CA, &c.Upstream.Cert, &c.Upstream.Key, &c.ACL.File} {
		file(p)
	}
	for _, list := range []Addresses{c.Network.AllowFile, c.Network.DenyFile} {
		for i := range list {
			file(&list[i])
		}
	}
	for i := range c.TLS.CRL {
		file(&c.TLS.CRL[i])
	}
	for i := range c.TLS.Certificates {
		more := &c.TLS.Certificates[i]
		file(&more.Cert)
		file(&more.Key)
		file(&more.OCSPStaple)
	}
	if c.Audit.ToFile() {
		file(&c.Audit.Path)
	}
	file(&c.Audit.KeySecretFile)
	for i := range c.Listen.Address {
		socket(&c.Listen.Address[i])
	}
	socket(&c.Upstream.Address)
	if !strings.HasPrefix(c.Listen.Handover, unixScheme) { // which Validate refuses
		file(&c.Listen.Handover)
	}
	return nil
}

// pipeTimeout is how long the writer of a pipe has to write and close it.
const pipeTimeout = 10 * time.Second

var errNoWriter = errors.New("is a pipe that nothing is written to")

// readFile reads a file, which may be a pipe. One without a writer is no empty file: a list
// of networks would be without what it denies.
func readFile(path string, limit int64) ([]byte, error) {
	// Without the flag opening a pipe would wait for its writer, and hold up all reloads.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(pipeTimeout)) // other files have none
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); len(data) == 0 && err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNoWriter}
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %s", path, Size(limit))
	}
	return data, nil
}
