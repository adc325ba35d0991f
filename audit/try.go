package audit

import "strings"

// Try says whether there is a syslog that o names, by connecting to it and leaving again.
// It sends nothing. For anything else than syslog it does nothing.
func Try(o Options) error {
	if o.Path != Syslog && !isSyslogSocket(o.Path) {
		return nil
	}
	s, err := openSink(o, func([]byte) {})
	if err != nil {
		return err
	}
	return s.Close()
}

func isSyslogSocket(path string) bool { return strings.HasPrefix(path, syslogSocket) }
