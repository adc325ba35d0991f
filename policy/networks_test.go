package policy

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func mustNetworks(t *testing.T, texts ...string) *Networks {
	t.Helper()
	n, err := ParseNetworks(texts)
	if err != nil {
		t.Fatalf("ParseNetworks(%q) = %v; want no error", texts, err)
	}
	return n
}

func TestAdmit(t *testing.T) {
	for _, tt := range []struct {
		allow, deny string
		address     string
		want        bool
	}{
		{"10.0.0.0/8", "", "10.1.2.3", true},
		{"10.0.0.0/8", "", "11.0.0.0", false},
		{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false},
		{"10.0.0.0/8", "10.1.2.3", "10.1.2.3", false},
		{"10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", false},
		{"", "", "10.1.2.3", false},
		{"10.0.0.0/8", "", "::ffff:10.1.2.3", true},
		{"::ffff:10.0.0.0/104", "", "10.1.2.3", true},
		{"10.0.0.0/8", "::ffff:10.1.2.3", "10.1.2.3", false},
		{"10.1.2.3", "", "10.1.2.3", true},
		{"10.1.2.3", "", "10.1.2.4", false},
		{"2001:db8::/32", "", "2001:db8::1", true},
		{"2001:db8::1", "", "2001:db8::1", true},
		{"2001:db8::1", "", "2001:db8::2", false},
		{"fe80::/10", "", "fe80::1%eth0", true},
		{"fe80::/10", "fe80::1", "fe80::1%eth0", false},
		{"::/0", "", "10.1.2.3", false},
		{"::/0", "", "::ffff:10.1.2.3", false},
		{"0.0.0.0/0", "", "::1", false},
		{"0.0.0.0/0 ::/0", "", "::1", true},
		{"0.0.0.0/0 ::/0", "::1", "::1", false},
	} {
		allow, deny := mustNetworks(t, strings.Fields(tt.allow)...), mustNetworks(t, strings.Fields(tt.deny)...)
		if got := Admit(allow, deny, netip.MustParseAddr(tt.address)); got != tt.want {
			t.Errorf("Admit(%q, %q, %s) = %v; want %v", tt.allow, tt.deny, tt.address, got, tt.want)
		}
	}
	everybody := mustNetworks(t, "0.0.0.0/0", "::/0")
	if Admit(everybody, nil, netip.Addr{}) {
		t.Errorf("Admit of no address = true; want false")
	}
	if Admit(nil, nil, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("Admit by nil = true; want false")
	}
}

func TestParseNetworksRefuses(t *testing.T) {
	for text, hint := range map[string]string{
		"10.0.0.1/8": `"10.0.0.0/8"`, "2001:db8::1/32": `"2001:db8::/32"`, "": "neither", "10.0.0.0/33": "neither", "10.0.0": "neither",
		"localhost": "neither", "10.0.0.0/-1": "neither", "10.0.0.0/08": "neither", "fe80::1%eth0": "neither", "fe80::%eth0/10": "neither",
		"::ffff:0:0/90": "bits set", "::ffff:10.0.0.1/104": "bits set", "010.0.0.1": "neither", " 10.0.0.1": "neither",
	} {
		_, err := ParseNetworks([]string{"127.0.0.1", text})
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("ParseNetworks(%q) = %v; want an error with %q", text, err, hint)
		}
	}
}

func TestContainsDoesNotAllocate(t *testing.T) {
	n, a := mustNetworks(t, "10.0.0.0/8", "::1"), netip.MustParseAddr("::ffff:10.1.2.3")
	if got := testing.AllocsPerRun(100, func() { n.Contains(a) }); got != 0 {
		t.Errorf("Contains allocates %v times; want 0", got)
	}
}

// manyNetworks makes n ranges of all lengths, as lists of countries or of known attackers have them.
func manyNetworks(n int) []string {
	rnd := rand.New(rand.NewPCG(8, 8))
	texts := make([]string, 0, n)
	for i := range n {
		var a netip.Addr
		bits := 0
		if i%4 == 0 {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], rnd.Uint64()>>3|1<<61) // 2000::/3
			a, bits = netip.AddrFrom16(b), 24+rnd.IntN(41)
		} else {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], rnd.Uint32())
			a, bits = netip.AddrFrom4(b), 12+rnd.IntN(21)
		}
		p, err := a.Prefix(bits)
		if err != nil {
			panic(err)
		}
		texts = append(texts, p.String())
	}
	return texts
}

// manyAddresses are such as the ranges are about.
func manyAddresses(n int) []netip.Addr {
	rnd := rand.New(rand.NewPCG(9, 9))
	out := make([]netip.Addr, 0, n)
	for i := range n {
		if i%4 == 0 {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], rnd.Uint64()>>3|1<<61)
			out = append(out, netip.AddrFrom16(b))
			continue
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], rnd.Uint32())
		out = append(out, netip.AddrFrom4(b))
	}
	return out
}

// Looking at each range in turn must give the same answers.
func TestContainsAgreesWithALoop(t *testing.T) {
	texts := manyNetworks(3000)
	n := mustNetworks(t, texts...)
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	asked := manyAddresses(3000)
	for _, p := range prefixes { // and the edges of all ranges
		asked = append(asked, p.Addr(), p.Addr().Prev())
	}
	inside := 0
	for _, a := range asked {
		want := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
		if got := n.Contains(a); got != want {
			t.Fatalf("Contains(%s) = %v; want %v", a, got, want)
		}
		if want {
			inside++
		}
	}
	if inside < 3000 || inside > len(asked)-1000 {
		t.Errorf("%d of %d addresses are inside; want many of both kinds", inside, len(asked))
	}
	if n.Len() != 3000 || !n.Has(prefixes[0]) || n.Has(netip.MustParsePrefix("0.0.0.0/0")) {
		t.Errorf("Len() = %d, Has(%s) = %v; want 3000, true, and nothing that was not written", n.Len(), prefixes[0], n.Has(prefixes[0]))
	}
}

// BenchmarkNetworks is one address judged by a list of that size.
func BenchmarkNetworks(b *testing.B) {
	for _, size := range []int{2, 1000, 100_000} {
		n, err := ParseNetworks(manyNetworks(size))
		if err != nil {
			b.Fatal(err)
		}
		asked := manyAddresses(1 << 12)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n.Contains(asked[i&(1<<12-1)])
			}
		})
	}
}

func TestAllYieldsEachRangeOnce(t *testing.T) {
	n := mustNetworks(t, "2001:db8::/32", "10.0.0.0/8", "::ffff:192.0.2.0/120", "10.0.0.0/8", "10.0.0.0/16", "9.9.9.9")
	var got []string
	for p := range n.All() {
		got = append(got, p.String())
	}
	if want := []string{"9.9.9.9/32", "10.0.0.0/8", "10.0.0.0/16", "192.0.2.0/24", "2001:db8::/32"}; !slices.Equal(got, want) {
		t.Errorf("All() = %v; want %v", got, want)
	}
	for p := range (*Networks)(nil).All() {
		t.Errorf("All() of nothing has %s", p)
	}
}
