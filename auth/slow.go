package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/scrypt"
)

// Slow is a hash of a password that takes time and memory to try: argon2id (RFC 9106) or
// scrypt (RFC 7914), as a PHC string has it. It does not print. The zero value fits
// nothing.
type Slow struct {
	_    [0]func() // not comparable
	text Secret

	argon2         bool
	time, lanes    int // of argon2
	memory         int // of argon2, KB
	ln, r, p       int // of scrypt
	salt, expected []byte
}

// What a PHC string may ask for. The upper bounds keep one log-in below about a second
// and 256 MB; the lower ones are what OWASP's cheat sheet on storing passwords holds to
// be the least, and half of it for scrypt, whose default in Python is that.
const (
	maxSlowMemory = 256 << 20
	maxSlowWork   = 1 << 30 // bytes that are gone through in all
	leastArgon2   = 7 << 10 // KB
	leastScrypt   = 1 << 14 // N times r over 8
	maxLanes      = 4
	maxTime       = 16
)

// ErrNoPHC is the error for text that is no PHC string of a kind that is known.
var ErrNoPHC = errors.New("is neither an argon2id nor a scrypt hash in the form of a PHC string")

// ParseSlow reads "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH" or
// "$scrypt$ln=17,r=8,p=1$SALT$HASH", with salt and hash in base64 without padding. Its
// errors never hold what was read.
func ParseSlow(text string) (Slow, error) {
	parts := strings.Split(text, "$")
	if len(text) > 1024 || len(parts) < 5 || parts[0] != "" {
		return Slow{}, ErrNoPHC
	}
	s := Slow{text: NewSecret(text)}
	var err error
	switch {
	case parts[1] == "argon2id" && len(parts) == 6:
		if parts[2] != "v=19" {
			return Slow{}, errors.New("is of another version of argon2id than 19")
		}
		err = s.readArgon2(parts[3])
	case parts[1] == "scrypt" && len(parts) == 5:
		err = s.readScrypt(parts[2])
	case parts[1] == "argon2i", parts[1] == "argon2d":
		return Slow{}, errors.New("is of another kind than argon2id, which resists more attacks")
	default:
		return Slow{}, ErrNoPHC
	}
	if err != nil {
		return Slow{}, err
	}
	if s.salt, err = field(parts[len(parts)-2], 8, 64); err != nil {
		return Slow{}, fmt.Errorf("has a salt that %w", err)
	}
	if s.expected, err = field(parts[len(parts)-1], 16, 64); err != nil {
		return Slow{}, fmt.Errorf("has a hash that %w", err)
	}
	return s, nil
}

func (s *Slow) readArgon2(text string) error {
	if err := numbers(text, []string{"m", "t", "p"}, &s.memory, &s.time, &s.lanes); err != nil {
		return err
	}
	s.argon2 = true
	switch {
	case s.memory < leastArgon2:
		return fmt.Errorf("takes too little memory to try: m must be at least %d", leastArgon2)
	case s.memory > maxSlowMemory>>10:
		return fmt.Errorf("takes too much memory to try: m may be at most %d", maxSlowMemory>>10)
	case s.time < 1 || s.time > maxTime:
		return fmt.Errorf("has t out of range: it may be 1 to %d", maxTime)
	case s.lanes < 1 || s.lanes > maxLanes:
		return fmt.Errorf("has p out of range: it may be 1 to %d", maxLanes)
	case s.memory*s.time > maxSlowWork>>10:
		return fmt.Errorf("takes too long to try: m times t may be at most %d", maxSlowWork>>10)
	}
	return nil
}

func (s *Slow) readScrypt(text string) error {
	if err := numbers(text, []string{"ln", "r", "p"}, &s.ln, &s.r, &s.p); err != nil {
		return err
	}
	switch {
	case s.ln < 1 || s.ln > 24 || s.r < 1 || s.r > 32 || s.p < 1 || s.p > 16:
		return errors.New("has a parameter out of range: ln may be up to 24, r up to 32, p up to 16")
	case 1<<s.ln*s.r < leastScrypt*8:
		return errors.New("takes too little memory to try: with r=8, ln must be at least 14")
	case 128*s.r<<s.ln > maxSlowMemory:
		return errors.New("takes too much memory to try: with r=8, ln may be at most 18")
	case 128*s.r<<s.ln > maxSlowWork/4/s.p:
		return errors.New("takes too long to try: lower p or ln")
	}
	return nil
}

// numbers reads "a=1,b=2" with exactly these keys in this order.
func numbers(text string, keys []string, into ...*int) error {
	parts := strings.Split(text, ",")
	if len(parts) != len(keys) {
		return fmt.Errorf("must have the parameters %s", strings.Join(keys, ", "))
	}
	for i, key := range keys {
		digits, ok := strings.CutPrefix(parts[i], key+"=")
		n, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
			return fmt.Errorf("must have the parameters %s", strings.Join(keys, ", "))
		}
		*into[i] = int(n)
	}
	return nil
}

func field(text string, least, most int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	switch {
	case err != nil:
		return nil, errors.New("is no base64 without padding")
	case len(b) < least || len(b) > most:
		return nil, fmt.Errorf("must have %d to %d bytes", least, most)
	}
	return b, nil
}

// Fits says whether the hash is that of password. It takes as long and as much memory as
// the hash asks for, and Lanes goroutines, so it is not for an event loop.
func (s *Slow) Fits(password []byte) bool {
	var got []byte
	if s.argon2 {
		got = argon2.IDKey(password, s.salt, uint32(s.time), uint32(s.memory), uint8(s.lanes), uint32(len(s.expected)))
	} else if s.ln > 0 {
		var err error
		got, err = scrypt.Key(password, s.salt, 1<<s.ln, s.r, s.p, len(s.expected))
		if err != nil || bytes.HasSuffix(password, []byte{0}) {
			return false // the parameters were checked; and HMAC does not tell NULs at the end of its key
		}
	}
	return len(got) > 0 && subtle.ConstantTimeCompare(got, s.expected) == 1
}

// Text gives the PHC string, by which two are told apart. It is a secret.
func (s *Slow) Text() Secret { return s.text }

// Same says whether two are the same PHC string.
func (s *Slow) Same(o *Slow) bool { return s.text.Reveal() == o.text.Reveal() }

// Lanes is how many goroutines work on Fits at once.
func (s *Slow) Lanes() int { return max(1, s.lanes) }

// Cost is how many bytes Fits goes through in all.
func (s *Slow) Cost() int64 {
	if s.argon2 {
		return int64(s.memory) << 10 * int64(s.time)
	}
	return 4 * 128 * int64(s.r) << s.ln * int64(s.p) // one pass of scrypt is slower than one of argon2id
}

// Format writes a fixed word for every verb.
func (s Slow) Format(f fmt.State, verb rune) { s.text.Format(f, verb) }

// These are the first parameters that OWASP's cheat sheet on storing passwords names:
// 20 to 40 ms, so that a pool of 50 connections has logged in within a second or two.
const (
	newMemory = 19456 // KB
	newTime   = 2
	newLanes  = 1
)

// NewArgon2id makes the PHC string of a password with a salt of its own.
func NewArgon2id(password []byte) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	hash := argon2.IDKey(password, salt, newTime, newMemory, newLanes, 32)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, newMemory, newTime, newLanes, e.EncodeToString(salt), e.EncodeToString(hash))
}
