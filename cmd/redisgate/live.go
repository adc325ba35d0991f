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
		Files: b.tlsOptions.Files(), First: b.tls, Seen: b.tlsSeen, Changed: changed, Log: log,
		Load: func(now time.Time) (*tlsconf.Loaded, error) {
			o := b.tlsOptions
			o.Now = now
			return tlsconf.Load(o)
		},
	})
}

// liveRedis is liveTLS towards Redis. Connections that are open go on.
func liveRedis(b *built, log *slog.Logger) (*tlsconf.Live, error) {
	if b.redisTLS == nil {
		return nil, nil
	}
	live, err := tlsconf.NewLive(tlsconf.LiveOptions{
		Files: b.redisOptions.Files(), First: b.redisTLS, Seen: b.redisSeen, Log: log,
		Load: func(now time.Time) (*tlsconf.Loaded, error) {
			o := b.redisOptions
			o.Now = now
			return tlsconf.LoadClient(o)
		},
	})
	if err != nil {
		return nil, err
	}
	b.dialer.TLS = live.Config
	return live, nil
}

// fill adds what is to be seen of files to a snapshot.
func (s *stats) fill(out *metrics.Snapshot) {
	seen := make(map[string]bool) // a file may be named twice
	lives, past := s.files.all()
	out.TLSReloads = past
	for _, l := range lives {
		for _, e := range l.Expiries() {
			if seen[e.File] {
				continue
			}
			seen[e.File] = true
			c := metrics.Certificate{File: e.File, Expiry: e.NotAfter}
			switch e.Kind {
			case tlsconf.KindList:
				out.RevocationLists = append(out.RevocationLists, c)
			case tlsconf.KindStaple:
				out.Staples = append(out.Staples, c)
			default:
				out.Certificates = append(out.Certificates, c)
			}
		}
		ok, failed := l.Reloads()
		out.TLSReloads.OK += ok
		out.TLSReloads.Failed += failed
	}
}
