package middleware

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// minuteLog limits the records about one subject to one record per minute. The names in a
// record are field names or patterns.
type minuteLog struct {
	mu       sync.Mutex // guards the fields below
	next     time.Time  // when the next record may be written
	requests int        // the requests since the last record
	names    []string   // the names from these requests, without duplicates
}

const (
	// logInterval is the minimum time between two records about the same subject.
	logInterval = time.Minute
	// maxNames is the maximum number of names in a record. Further names are dropped.
	maxNames = 48
)

// record counts a request with these names. If a record may be written now, it returns the
// number of requests since the last record, and the sorted names from these requests.
// Otherwise it returns zero.
func (l *minuteLog) record(names ...string) (requests int, all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	for _, name := range names {
		if len(l.names) < maxNames && !slices.Contains(l.names, name) {
			l.names = append(l.names, name)
		}
	}
	now := time.Now()
	if now.Before(l.next) {
		return 0, nil
	}
	requests, all = l.requests, l.names
	slices.Sort(all)
	l.next, l.requests, l.names = now.Add(logInterval), 0, nil
	return requests, all
}

// logger returns the logger for records about the configuration of a proxy.
func (g *Guard) logger() *slog.Logger {
	if g.opts.Logger == nil {
		return slog.Default()
	}
	return g.opts.Logger
}
