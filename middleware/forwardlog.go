package middleware

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// overrideLog limits the records about fields that ForwardAuth ignores.
type overrideLog struct {
	mu       sync.Mutex // guards the fields below
	next     time.Time  // when the next record may be written
	requests int        // the requests since the last record
	names    []string   // the fields of these requests, without duplicates
}

// overrideInterval is the minimum time between two records about ignored fields.
const overrideInterval = time.Minute

// logIgnored logs the names of the fields that ForwardAuth ignores in r. If the guard
// refuses such requests, the observer receives the names.
func (g *Guard) logIgnored(r *http.Request, dialect dialectTraits) {
	if g.opts.RefuseOverrides {
		return
	}
	names := dialect.ignored(r.Header)
	if len(names) == 0 {
		return
	}
	requests, names := g.ignored.record(names)
	if requests == 0 {
		return
	}
	logger := g.opts.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(r.Context(), slog.LevelWarn, "bearer: forward auth ignored fields that name another method, target or host",
		slog.String("fields", strings.Join(names, ", ")), slog.Int("requests", requests), slog.String("dialect", string(g.opts.Dialect)),
		slog.String("help", "delete these fields in the proxy, or set Options.Dialect if the proxy sets them; Options.RefuseOverrides refuses such requests"))
}

// record counts a request with these fields. If a record may be written now, it returns the
// number of requests since the last record, and the names of their fields. Otherwise it
// returns zero.
func (o *overrideLog) record(names []string) (requests int, all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests++
	for _, name := range names {
		if !slices.Contains(o.names, name) {
			o.names = append(o.names, name)
		}
	}
	now := time.Now()
	if now.Before(o.next) {
		return 0, nil
	}
	requests, all = o.requests, o.names
	slices.Sort(all)
	o.next, o.requests, o.names = now.Add(overrideInterval), 0, nil
	return requests, all
}
