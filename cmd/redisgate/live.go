package main

import (
	"log/slog"
	"time"

	"redisgate/metrics"
	"redisgate/tlsconf"
)

// liveTLS makes what was built follow its files, and nil of nothing. changed is told
// when they have changed.
func liveTLS(b *built, log *slog.Logger, changed func()) (*tlsconf.Live, error) {
	if b.tls == nil {
		return nil, nil
	}
	return tlsconf.NewLive(tlsconf.LiveOptions{
		Files: b.tlsOptions.Files(), First: b.tls, Changed: changed, Log: log,
		Load: func(now time.Time) (*tlsconf.Loaded, error) {
			o := b.tlsOptions
			o.Now = now
			return tlsconf.Load(o)
		},
	})
}

// fill adds what is to be seen of files to a snapshot.
func (s *stats) fill(out *metrics.Snapshot) {
	for _, l := range s.live {
		for _, e := range l.Expiries() {
			c := metrics.Certificate{File: e.File, Expiry: e.NotAfter}
			if e.List {
				out.RevocationLists = append(out.RevocationLists, c)
			} else {
				out.Certificates = append(out.Certificates, c)
			}
		}
		ok, failed := l.Reloads()
		out.TLSReloads.OK += ok
		out.TLSReloads.Failed += failed
	}
}
