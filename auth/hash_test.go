package auth

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

func TestHashIsRedis(t *testing.T) {
	// ACL SETUSER u >foobared, then ACL LIST.
	const want = "#1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf"
	if got := Rule(Hash([]byte("foobared"))); got != want {
		t.Errorf("Rule(Hash(%q)) = %q; want %q", "foobared", got, want)
	}
}

type namedHash [sha256.Size]byte // as another package may call it

func TestVerify(t *testing.T) {
	hashes := func(passwords ...string) (hs []namedHash) {
		for _, p := range passwords {
			hs = append(hs, Hash([]byte(p)))
		}
		return hs
	}
	for _, test := range []struct {
		hashes   []namedHash
		password string
		slot     int
	}{
		{nil, "", -1},
		{nil, "a", -1},
		{hashes("a"), "a", 0},
		{hashes("a"), "b", -1},
		{hashes("a"), "", -1},
		{hashes(""), "", 0},
		{hashes("a", "b", "c"), "a", 0},
		{hashes("a", "b", "c"), "b", 1},
		{hashes("a", "b", "c"), "c", 2},
		{hashes("a", "b", "a"), "a", 0},
		{hashes("a", "b", "c"), "A", -1},
		{hashes("a", "b", "c"), "a\x00", -1},
		{make([]namedHash, 3), "a", -1},
	} {
		for _, least := range []int{-1, 0, 1, 10} {
			slot, ok := Verify(test.hashes, least, []byte(test.password))
			if slot != test.slot || ok != (test.slot >= 0) {
				t.Errorf("Verify(%d hashes, %d, %q) = %d, %v; want %d", len(test.hashes), least, test.password, slot, ok, test.slot)
			}
		}
	}
}

func TestVerifyAllocatesNothing(t *testing.T) {
	hashes := []namedHash{Hash([]byte("a")), Hash([]byte("b"))}
	password := []byte("b")
	if n := testing.AllocsPerRun(100, func() {
		Verify(hashes, 4, password)
		VerifyNobody(4, password)
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

// The figures of one row of rounds are to be alike: who is asked for must not
// show.
func BenchmarkVerify(b *testing.B) {
	password := []byte("correct horse battery staple")
	for _, least := range []int{1, 8} {
		for _, n := range []int{0, 1, 8} {
			if n > least {
				continue
			}
			hashes := make([][sha256.Size]byte, n)
			b.Run(fmt.Sprintf("least=%d/hashes=%d", least, n), func(b *testing.B) {
				for b.Loop() {
					Verify(hashes, least, password)
				}
			})
		}
	}
}
