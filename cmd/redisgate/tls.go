package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"redisgate/config"
	"redisgate/tlsconf"
)

// tls compiles TLS for clients.
func (c *compiler) tls(now time.Time) {
	if !slices.ContainsFunc(c.cfg.Listen.Endpoints(), func(e config.Endpoint) bool { return !e.Unix() }) {
		return
	}
	t := c.cfg.TLS
	o := tlsconf.Options{
		Cert: t.Cert, Key: t.Key, Staple: t.OCSPStaple, MinVersion: t.MinVersion, Curves: t.Curves, Suites: t.CipherSuites,
		ClientCA: t.ClientCA, ClientAuth: t.ClientAuth, CRL: t.CRL, Now: now,
	}
	for _, more := range t.Certificates {
		o.More = append(o.More, tlsconf.Pair{Cert: more.Cert, Key: more.Key, Staple: more.OCSPStaple})
	}
	seen := tlsconf.Digest(o.Files())
	loaded, err := tlsconf.Load(o)
	if c.loaded("tls", loaded, err) {
		c.built.tls, c.built.tlsOptions, c.built.tlsSeen = loaded, o, seen
	}
}

// redisTLS compiles TLS to Redis.
func (c *compiler) redisTLS(now time.Time) {
	u := c.cfg.Upstream
	if !u.TLS {
		return
	}
	o := tlsconf.ClientOptions{CA: u.CA, Cert: u.Cert, Key: u.Key, ServerName: cmp.Or(u.ServerName, u.Endpoint().Host()), Now: now}
	seen := tlsconf.Digest(o.Files())
	loaded, err := tlsconf.LoadClient(o)
	if c.loaded("upstream", loaded, err) {
		c.built.redisTLS, c.built.redisOptions, c.built.redisSeen = loaded, o, seen
		c.built.dialer.TLS = func() *tls.Config { return loaded.Config }
	}
}

// loaded notes what there is to say about the TLS files of a table, and says whether
// they can be used.
func (c *compiler) loaded(table string, l *tlsconf.Loaded, err error) bool {
	path := func(key string) string {
		if table == "upstream" && key == tlsconf.KeyClientCA {
			key = "ca"
		}
		return table + "." + key
	}
	var problems tlsconf.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			c.add(path(p.Key), aboutFile(p), cmp.Or(p.Hint, "name a file in PEM; `redisgate init DIR` makes a certificate and key"))
		}
		return false
	case err != nil:
		c.add(table, err.Error(), "")
		return false
	}
	for _, w := range l.Warnings {
		c.built.notes = append(c.built.notes, strings.TrimSuffix(path(w.Key)+": "+aboutFile(w)+"; "+w.Hint, "; "))
	}
	return true
}

func aboutFile(p tlsconf.Problem) string {
	if p.File == "" || strings.Contains(p.Text, p.File) {
		return p.Text
	}
	return p.File + ": " + p.Text
}
