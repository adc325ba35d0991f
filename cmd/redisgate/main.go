// Command redisgate is an authenticating TLS proxy in front of Redis.
//
// This is the composition root: verbs and flags, what a configuration
// compiles to, signals and process settings. It knows every room and does
// nothing that one of them could do.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
