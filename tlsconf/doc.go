// Package tlsconf turns certificates into a [*tls.Config] for the server's side,
// and makes certificates for those who have none yet.
//
// [Load] reads what the operator names, says everything that is wrong with it at
// once, and builds a config with one policy: TLS 1.2 or 1.3; in 1.2 only ECDHE with
// an AEAD; sessions resume by ticket; the protocol name "redis" is accepted in
// ALPN and not asked for; no key log, whatever the environment says. A [Live] follows
// the files while the process runs, and a [Trust] says whether a client's certificate
// holds, by authorities, dates and revocation lists. [Authority] signs certificates for
// a trial or a first set-up.
//
// The package does not know Redis, users or sockets: who a certificate is, is
// judged elsewhere.
package tlsconf
