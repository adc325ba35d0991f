package resp

// quoteState is where in an inline command sdssplitargs (Redis's sds.c) would
// be. It only counts the arguments and finds what that function refuses;
// splitInline takes the arguments out.
type quoteState uint8

const (
	quoteBlank        quoteState = iota // between arguments
	quoteToken                          // in an argument, outside quotes
	quoteDouble                         // inside "
	quoteDoubleEscape                   // behind \ inside "
	quoteSingle                         // inside '
	quoteSingleEscape                   // behind \ inside '
	quoteClosed                         // behind a closing quote: a blank or the end must follow
	quoteWrong                          // something else followed
	quoteNUL                            // a NUL, which hides the rest of the line from Redis
)

// read takes more bytes of the line, and counts in tokens each argument that
// begins.
func (q quoteState) read(p []byte, tokens int) (quoteState, int) {
	for _, c := range p {
		if c == 0 {
			q = quoteNUL
		}
		switch q {
		case quoteNUL:
			return q, tokens
		case quoteBlank:
			if !isSpace(c) {
				tokens++
				q = outside(c)
			}
		case quoteToken:
			if c <= '\'' { // nothing above means anything outside quotes
				q = outside(c)
			}
		case quoteDouble:
			switch c {
			case '\\':
				q = quoteDoubleEscape
			case '"':
				q = quoteClosed
			}
		case quoteDoubleEscape:
			q = quoteDouble
		case quoteSingle:
			switch c {
			case '\\':
				q = quoteSingleEscape
			case '\'':
				q = quoteClosed
			}
		case quoteSingleEscape:
			// Only \' is an escape here. Behind \\ another escape may begin.
			if c != '\\' {
				q = quoteSingle
			}
		case quoteClosed:
			q = quoteWrong
			if isSpace(c) {
				q = quoteBlank
			}
		}
	}
	return q, tokens
}

// outside is the state behind a byte of an argument that is not within quotes.
func outside(c byte) quoteState {
	switch {
	case endsToken(c):
		return quoteBlank
	case c == '"':
		return quoteDouble
	case c == '\'':
		return quoteSingle
	}
	return quoteToken
}

// balanced says whether the line may end here.
func (q quoteState) balanced() bool {
	return q == quoteBlank || q == quoteToken || q == quoteClosed
}

// isSpace is isspace of the C locale.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// endsToken says what ends an argument outside quotes. sdssplitargs names four
// bytes here and uses isspace elsewhere, so `a\vb` is one argument.
func endsToken(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// splitInline appends the arguments of line, which a scanner has passed, to
// args. Those without quotes alias line; the others alias text, which has room
// for them: no argument is longer than its spelling.
func splitInline(args [][]byte, line, text []byte) [][]byte {
	i := 0
	for {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args
		}
		j := i
		for j < len(line) && !endsToken(line[j]) && line[j] != '"' && line[j] != '\'' {
			j++
		}
		if j == len(line) || endsToken(line[j]) {
			args = append(args, line[i:j:j])
			i = j
			continue
		}
		from := len(text)
		text = append(text, line[i:j]...)
		if line[j] == '"' {
			text, i = unquoteDouble(text, line, j+1)
		} else {
			text, i = unquoteSingle(text, line, j+1)
		}
		args = append(args, text[from:len(text):len(text)])
	}
}

// unquoteDouble appends what stands in line from i to the closing '"' to text
// and returns the index behind that.
func unquoteDouble(text, line []byte, i int) ([]byte, int) {
	for i < len(line) && line[i] != '"' {
		c := line[i]
		i++
		if c == '\\' && i < len(line) {
			c = line[i]
			i++
			switch c {
			case 'x':
				// Exactly two hex digits, or it is just the letter.
				if len(line)-i >= 2 {
					high, low := unhex(line[i]), unhex(line[i+1])
					if high < 16 && low < 16 {
						c = high<<4 | low
						i += 2
					}
				}
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'b':
				c = '\b'
			case 'a':
				c = '\a'
			}
		}
		text = append(text, c)
	}
	return text, min(i+1, len(line))
}

// unquoteSingle does the same up to the closing "'", where only \' is an escape.
func unquoteSingle(text, line []byte, i int) ([]byte, int) {
	for i < len(line) && line[i] != '\'' {
		c := line[i]
		i++
		if c == '\\' && i < len(line) && line[i] == '\'' {
			c = '\''
			i++
		}
		text = append(text, c)
	}
	return text, min(i+1, len(line))
}

// unhex is the value of a hex digit, and 16 for any other byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
