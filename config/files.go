package config

import "slices"

// Files are the files that the configuration names and that are read when it is
// compiled, without those that TLS follows by itself.
func (c *Config) Files() []string {
	return named(append(slices.Concat(c.Network.AllowFile, c.Network.DenyFile), c.ACL.File, c.Upstream.PasswordFile, c.Audit.KeySecretFile))
}

// TLSFiles are those of certificates, keys and what is beside them.
func (c *Config) TLSFiles() []string {
	t, u := &c.TLS, &c.Upstream
	all := append([]string{t.Cert, t.Key, t.OCSPStaple, t.ClientCA, u.CA, u.Cert, u.Key}, t.CRL...)
	for _, more := range t.Certificates {
		all = append(all, more.Cert, more.Key, more.OCSPStaple)
	}
	return named(all)
}

func named(files []string) []string {
	return slices.DeleteFunc(files, func(f string) bool { return f == "" })
}

// Restart is what cannot change while redisgate runs, and so is at the start only. It
// puts the values of running in place of those of c, and gives the paths at which they
// differ.
func (c *Config) Restart(running *Config) (changed []string) {
	keep(&changed, "listen.address", &c.Listen.Address, running.Listen.Address, slices.Equal[Addresses])
	keep(&changed, "listen.workers", &c.Listen.Workers, running.Listen.Workers, unchanged)
	keep(&changed, "listen.unix_mode", &c.Listen.UnixMode, running.Listen.UnixMode, unchanged)
	keep(&changed, "listen.handover", &c.Listen.Handover, running.Listen.Handover, unchanged)
	keep(&changed, "metrics.address", &c.Metrics.Address, running.Metrics.Address, unchanged)
	keep(&changed, "log.format", &c.Log.Format, running.Log.Format, unchanged)
	return changed
}

func unchanged[T comparable](a, b T) bool { return a == b }

func keep[T any](changed *[]string, path string, to *T, from T, equal func(T, T) bool) {
	if !equal(*to, from) {
		*changed = append(*changed, path)
		*to = from
	}
}
