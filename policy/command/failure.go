package command

import (
	"bytes"
	"strings"
)

// Redis cuts what it quotes at this many bytes (server.c, commandCheckExistence: %.128s).
const quoted = 128

// AppendText appends the text of the error that Redis gives, without '-' and CRLF; nothing for Found. cmd and args are
// what Lookup returned and was given; of args no more than the name and some of what follows it are quoted.
func (f Failure) AppendText(dst []byte, cmd *Command, args [][]byte) []byte {
	switch f {
	case UnknownCommand, UnspeakableCommand:
		dst = append(dst, "ERR unknown command '"...)
		if len(args) > 0 {
			dst = appendQuoted(dst, args[0], quoted)
		}
		dst = append(dst, "', with args beginning with: "...)
		for i, total := 1, 0; i < len(args) && total < quoted; i++ {
			before := len(dst)
			dst = append(dst, '\'')
			dst = appendQuoted(dst, args[i], quoted-total)
			dst = append(dst, "' "...)
			total += len(dst) - before
		}
	case UnknownSubcommand:
		dst = append(dst, "ERR unknown subcommand '"...)
		dst = appendQuoted(dst, args[1], quoted)
		dst = append(dst, "'. Try "...)
		dst = append(dst, strings.ToUpper(cmd.Name)...)
		dst = append(dst, " HELP."...)
	case WrongArity:
		dst = append(dst, "ERR wrong number of arguments for '"...)
		dst = append(dst, cmd.Name...)
		dst = append(dst, "' command"...)
	}
	return dst
}

// appendQuoted appends s up to a NUL and at most n bytes, with line ends as spaces, since an error is one line.
func appendQuoted(dst, s []byte, n int) []byte {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	for _, b := range s[:min(len(s), n)] {
		if b == '\r' || b == '\n' {
			b = ' '
		}
		dst = append(dst, b)
	}
	return dst
}
