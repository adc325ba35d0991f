package command

import (
	"bytes"
	"math"
)

// integer reads a number as string2ll in Redis's util.c: no plus, no space, no leading zero, nothing after it.
func integer(s []byte) (int64, bool) {
	negative := len(s) > 0 && s[0] == '-'
	digits := s
	if negative {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	if digits[0] == '0' {
		return 0, len(s) == 1
	}
	var n uint64
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + uint64(b-'0') // 19 digits fit
	}
	if negative {
		if n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}

// database adds a database number. invalid is the error for what is no number of 32 bits.
func (u *Uses) database(s []byte, invalid Refusal) error {
	n, ok := integer(s)
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return invalid
	}
	if n < 0 {
		return errDatabase
	}
	u.Databases = append(u.Databases, int(n))
	return nil
}

// option reports whether an argument in the place of an option is that word, which is in lower case.
func option(arg []byte, word string) bool { return equalFold(arg, word) }

// hasNUL is asked of whatever stands in the place of an option: C would compare it only up to there.
func hasNUL(arg []byte) bool { return bytes.IndexByte(arg, 0) >= 0 }

// wordToC is what a C string function sees of arg.
func wordToC(arg []byte) []byte {
	if i := bytes.IndexByte(arg, 0); i >= 0 {
		return arg[:i]
	}
	return arg
}
