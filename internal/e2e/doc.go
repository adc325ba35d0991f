// Package e2e holds the tests of the redisgate that users run: the built binary
// with a configuration file, in front of a real redis-server, with the clients
// that people have. What is timed is behind the build tag "timed".
package e2e
