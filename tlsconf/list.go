package tlsconf

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"sync"
	"time"
)

// List is a certificate revocation list (RFC 5280, 5). It is immutable but for what it
// remembers of signatures.
type List struct {
	NextUpdate time.Time // when it ends; never zero

	issuer  string              // its name, as it is encoded
	revoked map[string]struct{} // serial numbers, big-endian
	signed  x509.RevocationList // what a signature is checked by, and nothing else

	mu       sync.Mutex
	verdicts map[string]bool // whether the key signed it, by the key; guarded by mu
}

// maxVerdicts bounds what a list remembers. An issuer has one key, or two while it
// changes.
const maxVerdicts = 16

// maxLists is the longest file of revocation lists, in bytes.
const maxLists = 64 << 20

const blockList = "X509 CRL"

// signedBy says whether an issuer has signed the list. Checking costs as much as a
// handshake's own signature, so it is done once for each key.
func (l *List) signedBy(issuer *x509.Certificate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, ok := l.verdicts[string(issuer.RawSubjectPublicKeyInfo)]; ok {
		return v
	}
	v := l.signed.CheckSignatureFrom(issuer) == nil
	if len(l.verdicts) < maxVerdicts {
		if l.verdicts == nil {
			l.verdicts = make(map[string]bool)
		}
		l.verdicts[string(issuer.RawSubjectPublicKeyInfo)] = v
	}
	return v
}

func (l *List) has(c *x509.Certificate) bool {
	_, ok := l.revoked[string(c.SerialNumber.Bytes())]
	return ok
}

// parseLists reads lists in PEM, or one in DER.
func parseLists(data []byte) (lists []*List, err error) {
	if len(data) > 0 && data[0] == 0x30 { // an ASN.1 sequence
		l, err := parseList(data)
		if err != nil {
			return nil, err
		}
		return []*List{l}, nil
	}
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != blockList {
			return nil, parseError{"holds something else than revocation lists", "it should hold blocks of -----BEGIN " + blockList + "----- only"}
		}
		l, err := parseList(block.Bytes)
		if err != nil {
			return nil, err
		}
		lists = append(lists, l)
	}
	if len(lists) == 0 {
		return nil, notPEM(data, blockList, "a revocation list")
	}
	if bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, parseError{fmt.Sprintf("is damaged after list %d", len(lists)), "copy the file again, whole"}
	}
	return lists, nil
}

// Extensions of lists that are not of all certificates (5.2.4, 5.2.5).
var (
	oidDelta     = asn1.ObjectIdentifier{2, 5, 29, 27} // deltaCRLIndicator
	oidPartition = asn1.ObjectIdentifier{2, 5, 29, 28} // issuingDistributionPoint
)

func parseList(der []byte) (*List, error) {
	rl, err := x509.ParseRevocationList(der)
	if err != nil {
		rl, err = parseVersion1(der)
	}
	if err != nil {
		return nil, parseError{fmt.Sprintf("holds a revocation list that cannot be read: %v", err), "copy the file again, whole"}
	}
	// A list with a critical extension that is not understood says less than it seems
	// (5.2): only what has changed, or only certificates of some kind. Two extensions that
	// say so must be critical, and openssl writes them so only if it is told to.
	for _, e := range rl.Extensions {
		if e.Critical || e.Id.Equal(oidDelta) || e.Id.Equal(oidPartition) {
			return nil, parseError{
				fmt.Sprintf("holds a revocation list for a part of the certificates only (extension %s)", e.Id),
				"name the authority's complete list, not a delta or a partition",
			}
		}
	}
	if rl.NextUpdate.IsZero() {
		return nil, parseError{"holds a revocation list that does not say until when it is current", "have the authority sign one with a next update"}
	}
	l := &List{
		NextUpdate: rl.NextUpdate, issuer: string(rl.RawIssuer), revoked: make(map[string]struct{}, len(rl.RevokedCertificateEntries)),
		signed: x509.RevocationList{
			RawTBSRevocationList: rl.RawTBSRevocationList, SignatureAlgorithm: rl.SignatureAlgorithm, Signature: rl.Signature,
		},
	}
	for _, e := range rl.RevokedCertificateEntries {
		for _, x := range e.Extensions {
			if x.Critical {
				return nil, parseError{
					fmt.Sprintf("holds a revocation list of several issuers (critical extension %s)", x.Id), "name a list for each authority",
				}
			}
		}
		l.revoked[string(e.SerialNumber.Bytes())] = struct{}{}
	}
	return l, nil
}
