package middleware

import (
	"log/slog"
	"net/http"
	"strings"
)

// logIgnored logs the names of the fields that ForwardAuth ignores in r. If the guard
// refuses such requests, the observer receives the names. logIgnored recovers from a panic of
// the log handler, so that the panic does not affect the request.
func (g *Guard) logIgnored(r *http.Request, dialect dialectTraits) {
	if g.opts.RefuseOverrides {
		return
	}
	names := dialect.ignored(r.Header)
	if len(names) == 0 {
		return
	}
	requests, names := g.ignored.record(names...)
	if requests == 0 {
		return
	}
	defer func() { _ = recover() }()
	g.logger().LogAttrs(r.Context(), slog.LevelWarn, "bearer: forward auth ignored fields that name another method, target or host",
		slog.String("fields", strings.Join(names, ", ")), slog.Int("requests", requests), slog.String("dialect", g.opts.Dialect),
		slog.String("help", "clients can send these fields; make sure that the service does not get them (examples/forwardauth/overrides.conf); "+
			"if your proxy sets them, set Options.Dialect; Options.RefuseOverrides refuses such requests"))
}
