package policy

import (
	"net/netip"
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
