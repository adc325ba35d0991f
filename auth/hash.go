package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// Hash is what is kept of a password: SHA-256 without a salt, as Redis keeps it
// (ACLHashPassword in acl.c), so that rules move between the two.
func Hash(password []byte) [sha256.Size]byte { return sha256.Sum256(password) }

// Rule writes a hash as an ACL rule, "#" and 64 lower-case hexadecimal digits.
func Rule(hash [sha256.Size]byte) string { return "#" + hex.EncodeToString(hash[:]) }

// Verify says whether password is one of those hashed, and which: slot is the
// index of the first that fits, or -1.
//
// Its work depends on the password's length, which the caller chose, and on
// nothing else that could be learnt: all hashes are looked at whether or not one
// has fitted, and if there are fewer than least, as many again as are missing.
// Callers give the largest number that any user has as least, so that neither
// an unknown user nor the number of passwords shows.
func Verify[H ~[sha256.Size]byte](hashes []H, least int, password []byte) (slot int, ok bool) {
	tried := sha256.Sum256(password)
	slot, found := -1, 0
	for i := range max(len(hashes), least) {
		var hash [sha256.Size]byte
		counts := 0
		if i < len(hashes) {
			hash, counts = [sha256.Size]byte(hashes[i]), 1
		}
		// A decoy that fits is not a match: counts masks it.
		match := subtle.ConstantTimeCompare(hash[:], tried[:]) & counts
		slot = subtle.ConstantTimeSelect(match&^found, i, slot)
		found |= match
	}
	return slot, found == 1
}

// VerifyNobody does the work of [Verify] for a user that does not exist.
func VerifyNobody(least int, password []byte) {
	Verify[[sha256.Size]byte](nil, least, password)
}
