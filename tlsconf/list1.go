package tlsconf

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"time"
)

// certificateList is a list of version 1, which crypto/x509 does not read and
// `openssl ca -gencrl` writes unless it is told otherwise (RFC 5280, 5.1). It has no
// extensions.
type certificateList struct {
	TBS       tbsList
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type tbsList struct {
	Raw        asn1.RawContent
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	ThisUpdate time.Time
	NextUpdate time.Time `asn1:"optional"`
	Revoked    []struct {
		Serial asn1.RawValue
		Time   time.Time
	} `asn1:"optional"`
}

var algorithms = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}

// parseVersion1 reads a list that crypto/x509 has not read.
func parseVersion1(der []byte) (*x509.RevocationList, error) {
	var list certificateList
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 {
		return nil, errors.New("it is none, or damaged")
	}
	tbs := &list.TBS
	algorithm := algorithms[list.Algorithm.Algorithm.String()]
	if algorithm == x509.UnknownSignatureAlgorithm || !tbs.Algorithm.Algorithm.Equal(list.Algorithm.Algorithm) {
		return nil, errors.New("its signature is of a kind that is not known")
	}
	out := &x509.RevocationList{
		RawTBSRevocationList: tbs.Raw, RawIssuer: tbs.Issuer.FullBytes, NextUpdate: tbs.NextUpdate,
		SignatureAlgorithm: algorithm, Signature: list.Signature.RightAlign(),
	}
	for _, r := range tbs.Revoked {
		e := x509.RevocationListEntry{}
		if rest, err := asn1.Unmarshal(r.Serial.FullBytes, &e.SerialNumber); err != nil || len(rest) > 0 {
			return nil, errors.New("a serial number in it is none")
		}
		out.RevokedCertificateEntries = append(out.RevokedCertificateEntries, e)
	}
	return out, nil
}
