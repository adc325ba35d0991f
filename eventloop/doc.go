// Package eventloop moves bytes between sockets and handlers on one goroutine.
//
// A [Loop] owns connections, timers and a queue of functions that other goroutines post to it. It is completion-based: a [Handler]
// is given bytes that are valid during the call, gives bytes to write that it may reuse at once, and is told when the peer has ended,
// when output is drained and when the connection is gone. Whatever a handler does, it does on the loop's goroutine, so neither
// locks nor channels stand on the path of a byte.
//
// One turn of the loop is: wait; connections attached as first are served, then the others, each with one system call to read and one
// to write pending output; due timers; posted functions; tasks made ready; the functions that run at the end of every turn.
// Everything that is left for the next turn keeps the loop from parking.
//
// On Linux the loop stands on epoll and parks in the Go runtime's own poller. Everywhere else, and on Linux with the build tag
// portable, it stands on goroutines and the standard library, with the same exported types and the same behaviour where a handler can
// see it, slower and with more memory for an idle connection. The differences that remain are named at the methods.
//
// The package knows nothing of protocols, TLS, users or policy, sets no deadlines and logs nothing.
package eventloop
