package scopes

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearer/internal/cleanpath"
)

// looseTable holds the patterns of a table with loosened literals. A request that a lenient
// server reads like another request is matched with these patterns.
//
// One match is enough for all lenient servers. Assume that a request and its loosened form
// match the same pattern. A server that makes only some of the changes of looseElement, in
// paths and in its routes, then finds this pattern too: if another pattern matched there,
// both patterns matched the loosened form, and took the same precedence over each other.
type looseTable struct {
	mux      http.ServeMux
	entries  map[string]*looseEntry
	crossing []*http.ServeMux // the patterns that conflict with a pattern in mux
}

// A looseEntry stores a pattern in the mux of a looseTable. It never serves a request.
type looseEntry struct {
	pattern   string
	ambiguous bool // a second pattern has the same loosened form
}

// ServeHTTP answers with the status 404. Because of this method, a *looseEntry is an
// http.Handler.
func (*looseEntry) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// addLoose adds the pattern to t.loose. While no pattern has a literal that looseElement
// changes, t.loose is nil, and t.mux contains the loosened patterns.
func (t *Table) addLoose(pattern string) {
	if t.loose == nil {
		if loosePattern(pattern) == canonicalPattern(pattern) {
			return
		}
		t.loose = &looseTable{entries: make(map[string]*looseEntry)}
		for _, h := range t.declared {
			t.loose.add(h.pattern)
		}
		return
	}
	t.loose.add(pattern)
}

// The method add adds a pattern. If the loosened pattern equals the loosened form of an
// earlier pattern, requests that match it are ambiguous.
func (l *looseTable) add(pattern string) {
	loose := loosePattern(pattern)
	if other := l.entries[loose]; other != nil {
		other.ambiguous = true
		return
	}
	entry := &looseEntry{pattern: pattern}
	l.entries[loose] = entry
	if !registers(&l.mux, loose, entry) {
		crossing := new(http.ServeMux)
		crossing.Handle(loose, entry)
		l.crossing = append(l.crossing, crossing)
	}
}

// The function registers reports whether the mux accepts the pattern. The mux refuses a
// pattern that conflicts with an earlier pattern.
func registers(mux *http.ServeMux, pattern string, h http.Handler) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(pattern, h)
	return ok
}

// patternOfLoose returns the pattern that the loosened path p matches. If several patterns
// match and none takes precedence, it returns a text that is no pattern.
func (t *Table) patternOfLoose(r *reading, host, p string) string {
	if t.loose == nil {
		return t.patternOf(r, host, p)
	}
	const ambiguous = "ambiguous"
	if r.exceeds(p) {
		return tooMany
	}
	req := &http.Request{Method: r.method, Host: host, URL: &url.URL{Path: p}}
	for _, mux := range t.loose.crossing {
		if r.exceeds(p) {
			return tooMany
		}
		if h, _ := mux.Handler(req); isEntry(h) {
			return ambiguous
		}
	}
	h, _ := t.loose.mux.Handler(req)
	switch entry, ok := h.(*looseEntry); {
	case !ok:
		return ""
	case entry.ambiguous:
		return ambiguous
	default:
		return entry.pattern
	}
}

func isEntry(h http.Handler) bool {
	_, ok := h.(*looseEntry)
	return ok
}

// sameLoosely reports whether the readings of StrictSegments match pattern. The path p
// matches pattern as it is, or no pattern. If none is true, the readings may also match no
// pattern.
func (t *Table) sameLoosely(r *reading, host, p, pattern string, none bool) bool {
	loose, ok := loosen(p)
	if !ok {
		return false
	}
	if loose != p || t.loose != nil {
		if found := t.patternOfLoose(r, host, loose); found != pattern && (!none || found != "") {
			return false
		}
	}
	if !t.sameEnd(r, host, loose, pattern) {
		return false
	}
	ascii, kinds := asciiStructure(p)
	if kinds == 0 {
		return true
	}
	// Several look-alikes, or a look-alike beside an escape, have too many readings.
	_, escaped := cleanpath.Unescape(p+"/"+ascii, false)
	return kinds == 1 && !escaped && cleanpath.IsClean(ascii) && t.sameForm(r, host, ascii, pattern, none)
}

// sameEnd reports whether the path matches pattern or no pattern after a lenient server
// changed the end of the path: a server may ignore a slash at the end, and may read the
// whole name ".json" as a suffix. If pattern itself has the slash or the name, sameEnd
// ignores the change.
func (t *Table) sameEnd(r *reading, host, loose, pattern string) bool {
	_, _, path := splitPattern(pattern)
	if start, ok := strings.CutSuffix(loose, "/"); ok && start != "" {
		if strings.Count(path, "/") == strings.Count(loose, "/") {
			return true
		}
		if !t.sameCut(r, host, start, pattern) {
			return false
		}
		loose = start
	}
	i := strings.LastIndexByte(loose, '/')
	if !strings.HasPrefix(loose[i+1:], ".") || !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "}") {
		return true
	}
	return t.sameCut(r, host, loose[:i+1], pattern) && (i == 0 || t.sameCut(r, host, loose[:i], pattern))
}

// sameCut reports whether the loosened path p matches pattern or no pattern.
func (t *Table) sameCut(r *reading, host, p, pattern string) bool {
	loose, ok := loosen(p)
	if !ok {
		return false
	}
	found := t.patternOfLoose(r, host, loose)
	return found == "" || found == pattern
}
