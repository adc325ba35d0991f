package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of the HTTP server. Its requests are a line and a few headers, and
// its answers some tens of kilobytes.
const (
	headerTimeout   = 5 * time.Second
	requestTimeout  = 15 * time.Second
	idleTimeout     = 2 * time.Minute
	readyTimeout    = 2 * time.Second
	maxHeaderBytes  = 8 << 10
	maxConnections  = 64
	maxScrapes      = 4
	shutdownTimeout = 2 * time.Second
)

// Options is what a Server needs. All fields but Host and Page are required.
type Options struct {
	Source Source
	Ready  func(context.Context) error // nil when clients can be served; the text is shown of a NotReady only
	Build  Build
	Log    *slog.Logger
	Host   string // the configured host, which browsers may use even if it is a name
	// Page gets what is asked of other paths, by GET or HEAD and of a host that may be
	// asked; it answers / and what its own page refers to.
	Page http.Handler
}

// NotReady is why clients cannot be served, in fixed words that anybody may read.
type NotReady string

func (r NotReady) Error() string { return string(r) }

// Server answers /metrics, /healthz and /readyz, and for a Page.
type Server struct {
	o       Options
	metrics http.Handler
}

// New checks the options and sets up a registry of its own.
func New(o Options) (*Server, error) {
	if o.Source == nil || o.Ready == nil || o.Log == nil {
		return nil, errors.New("metrics: Source, Ready and Log are required")
	}
	r := prometheus.NewPedanticRegistry()
	for _, c := range []prometheus.Collector{
		&collector{o.Source, o.Build},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return &Server{o: o, metrics: promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog: &errorLog{log: o.Log},
		// One bad series must not hide the others.
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		// In OpenMetrics the counter redisgate_connections_total is of the
		// family redisgate_connections, which is a gauge of ours.
		EnableOpenMetrics: false,
	})}, nil
}

// Serve answers on ln until ctx ends, and closes ln. It returns nil then, when those who
// have been accepted are answered.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler:           s.Handler(ln.Addr()),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// Handshakes that were meant for another port, port scans: not worth a line.
		ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	limited := limit(ln, maxConnections)
	stopped := make(chan struct{})
	end := context.AfterFunc(ctx, func() {
		defer close(stopped)
		// Not Shutdown, which drops the requests that it meets.
		_ = limited.Close()
		srv.SetKeepAlivesEnabled(false)
	})
	err := srv.Serve(limited)
	if end() {
		return err // ctx goes on, so serving ended by itself
	}
	<-stopped
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	limited.emptied(grace)
	_ = srv.Close()
	return nil
}

// Handler returns what Serve serves. addr is where it listens: on loopback
// only, where no firewall stands between it and the browsers of the machine's
// users, a name in the Host header is refused unless it is "localhost" or the
// configured one, or else a web page could read the metrics by DNS rebinding. Elsewhere
// scrapers and probes may use any name; what is not for them is refused all the same.
func (s *Server) Handler(addr net.Addr) http.Handler {
	// No ServeMux: it answers some paths with a redirection, which repeats them.
	routes := map[string]http.Handler{
		"/metrics": s.metrics,
		"/healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }),
		"/readyz":  http.HandlerFunc(s.readyz),
	}
	other := s.o.Page
	if other == nil {
		other = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusNotFound, "not found")
		})
	}
	checkHost := isLoopback(addr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "only GET and HEAD")
		case (checkHost || routes[r.URL.Path] == nil) && !s.hostAllowed(r.Host):
			answer(w, http.StatusForbidden, "this host name is not served here; use an address or localhost")
		case routes[r.URL.Path] != nil:
			routes[r.URL.Path].ServeHTTP(w, r)
		default:
			other.ServeHTTP(w, r)
		}
	})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.o.Ready(ctx); err != nil {
		line := "not ready"
		var why NotReady
		if errors.As(err, &why) {
			line += ": " + string(why)
		}
		answer(w, http.StatusServiceUnavailable, line)
		return
	}
	answer(w, http.StatusOK, "ok")
}

// answer writes a line of fixed words. Nothing of a request is ever repeated.
func answer(w http.ResponseWriter, code int, line string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, line) // the client may have gone
}

func (s *Server) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") || s.o.Host != "" && strings.EqualFold(host, s.o.Host) {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// errorLog is what promhttp wants. It lets one line a second through: a client that goes
// away in the middle of each answer would be one a request.
type errorLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
	held int
}

func (l *errorLog) Println(v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.last) < time.Second {
		l.held++
		return
	}
	l.log.Error("collecting metrics failed", "error", strings.TrimSpace(fmt.Sprintln(v...)), "not_logged", l.held)
	l.last, l.held = time.Now(), 0
}
