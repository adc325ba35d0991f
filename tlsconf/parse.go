package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// signer is a private key that TLS can use.
type signer = crypto.Signer

// parseError is what is wrong with a file's content. It quotes none of it but the
// names of PEM blocks that are known.
type parseError struct{ text, hint string }

func (e parseError) Error() string { return e.text }

const (
	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// parseCertificates reads PEM with at least one certificate and no key.
func parseCertificates(data []byte) (certs []*x509.Certificate, err error) {
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == blockCertificate:
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, parseError{fmt.Sprintf("certificate %d in it cannot be read: %v", len(certs)+1, err), ""}
			}
			certs = append(certs, c)
		case strings.HasSuffix(block.Type, blockKey):
			if len(certs) == 0 && len(bytes.TrimSpace(rest)) == 0 {
				return nil, parseError{"holds a private key, not a certificate", "are cert and key interchanged?"}
			}
			return nil, parseError{"holds a private key besides certificates", "keep the key in a file of its own, which only redisgate can read"}
		case strings.HasSuffix(block.Type, "REQUEST"):
			return nil, parseError{"holds a request for a certificate, not a certificate", "name what the authority has sent back"}
		}
	}
	if len(certs) == 0 {
		return nil, notPEM(data, blockCertificate, "a certificate")
	}
	if len(bytes.TrimSpace(rest)) > 0 && bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, parseError{fmt.Sprintf("is damaged after certificate %d", len(certs)), "copy the file again, whole"}
	}
	return certs, nil
}

// parseKey reads PEM with exactly one private key. What is around it, such as
// parameters of a curve or the certificate, is passed over.
func parseKey(data []byte) (key signer, err error) {
	seen := ""
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		seen = block.Type
		if !strings.HasSuffix(block.Type, blockKey) {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, parseError{"is encrypted", "redisgate asks for no passphrase; decrypt it with `openssl pkey` and protect the file by its mode"}
		}
		if key != nil {
			return nil, parseError{"holds more than one private key", "keep the one that belongs to the certificate"}
		}
		if key, err = parseKeyBlock(block); err != nil {
			return nil, err
		}
	}
	switch {
	case key != nil:
		return key, nil
	case seen == blockCertificate:
		return nil, parseError{"holds a certificate, not a private key", "are cert and key interchanged?"}
	}
	return nil, notPEM(data, blockKey, "a private key")
}

func parseKeyBlock(block *pem.Block) (signer, error) {
	var k any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		k, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		k, err = x509.ParseECPrivateKey(block.Bytes)
	case blockKey:
		k, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, parseError{"holds a key of a kind that TLS does not use", "an ECDSA (P-256), Ed25519 or RSA key in PKCS #8 is wanted"}
	}
	if err != nil {
		// The error could say something about the bytes.
		return nil, parseError{"holds a private key that cannot be read", "copy the file again, whole"}
	}
	switch k := k.(type) {
	case *ecdsa.PrivateKey:
		if k.Curve != elliptic.P224() { // which crypto/tls does not sign with
			return k, nil
		}
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return nil, parseError{fmt.Sprintf("holds an RSA key of %d bits, which can be broken", k.N.BitLen()), "2048 bits are the least; better ECDSA (P-256)"}
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, parseError{"holds a key of a kind that TLS does not use", "an ECDSA (P-256), Ed25519 or RSA key is wanted"}
}

func notPEM(data []byte, block, what string) error {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return parseError{"is empty", "it should hold " + what + " in PEM"}
	case data[0] == 0x30: // an ASN.1 sequence
		return parseError{"is not PEM, perhaps DER", "convert it: openssl x509 -inform der (certificate), openssl pkey -inform der (key)"}
	case bytes.Contains(data, []byte("-----BEGIN")):
		return parseError{"holds no " + block + " that can be read", "it should hold " + what + " in PEM, whole"}
	}
	return parseError{"is not PEM", "it should start with -----BEGIN " + block + "-----"}
}

// fits says whether key is the certificate's.
func fits(c *x509.Certificate, key signer) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}
