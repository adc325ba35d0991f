// Command clients plays an application with one of Go's Redis libraries against
// the redisgate that the environment names. It prints a line for each thing that
// works and ends with the first that does not. It is a module of its own, so that
// the libraries are no dependencies of redisgate.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// where is the gate, and who logs in.
type where struct {
	addr, user, password string
	tls                  *tls.Config
}

// patience is for anything that must come.
const patience = 20 * time.Second

var large = strings.Repeat("redisgate!", 1<<20/10)

// step is something that an application does.
type step struct {
	name string
	do   func() error
}

var libraries = map[string]func(where) ([]step, error){"go-redis": goRedis, "redigo": redigo, "rueidis": rueidisLibrary}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run() error {
	pem, err := os.ReadFile(os.Getenv("GATE_CA"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("no certificate in GATE_CA")
	}
	w := where{
		addr: os.Getenv("GATE_ADDR"), user: os.Getenv("GATE_USER"), password: os.Getenv("GATE_PASSWORD"),
		tls: &tls.Config{RootCAs: roots, ServerName: "localhost"},
	}
	if _, _, err := net.SplitHostPort(w.addr); err != nil {
		return err
	}
	library := libraries[os.Args[1]]
	if library == nil {
		return fmt.Errorf("no library %q", os.Args[1])
	}
	steps, err := library(w)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println("ok", s.name)
	}
	return nil
}

// want compares what has come, or passes on what went wrong.
func want(got any, err error, wanted any) error {
	if err != nil {
		return err
	}
	if g, w := fmt.Sprint(got), fmt.Sprint(wanted); g != w {
		return fmt.Errorf("got %.200s; want %.200s", g, w)
	}
	return nil
}

// pair is want for a call that returns a value and an error.
func pair[T any](got T, err error) func(wanted any) error {
	return func(wanted any) error { return want(got, err, wanted) }
}

func wantErr(got, wanted error) error {
	if !errors.Is(got, wanted) {
		return fmt.Errorf("error %v; want %v", got, wanted)
	}
	return nil
}

// until tries again while a connection comes back.
func until(f func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// received waits for one message.
func received[T any](c <-chan T) (v T, err error) {
	select {
	case v, ok := <-c:
		if !ok {
			return v, errors.New("no more messages")
		}
		return v, nil
	case <-time.After(patience):
		return v, errors.New("no message")
	}
}
