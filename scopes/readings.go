package scopes

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearer/internal/cleanpath"
)

// A reading is one way in which a handler may read the host and the path of a request.
// Table.Rule matches all readings with the patterns of the table.
//
// Each match takes linear time. A hostile path can have hundreds of readings, because the
// rounds of decoding, parameters, "?", "#" and StrictSegments multiply them. So a path with
// several readings must not be longer than maxPath, and all its readings together must not
// be longer than maxReadings. Each match also costs matchCost, so there are fewer than 128
// matches for each host. There are at most two hosts.

// maxPath is the maximum length of a path with several readings, in bytes. By default,
// nginx and Apache accept request lines of at most 8 KiB.
const maxPath = 8 << 10

// maxReadings is the maximum length of all readings of a request together, in bytes. The
// readings of an honest request are much shorter: a path usually has at most six readings.
const maxReadings = 64 << 10

// reading is a request whose readings are matched.
type reading struct {
	method string
	left   int // the number of bytes that may still be matched; see matchCost
}

// matchCost is the fixed cost of a match, expressed in bytes of a path.
const matchCost = 512

// exceeds reports whether the next path is too long. It counts the path.
func (r *reading) exceeds(p string) bool {
	r.left -= len(p) + matchCost
	return r.left < 0
}

// tooMany is the result of a match that is not made, because the readings are too long. It
// is no pattern.
const tooMany = "too many readings"

// hasOneReading reports whether every handler reads the path in the same way.
func (t *Table) hasOneReading(u *url.URL) bool {
	return u.RawPath == "" && !strings.ContainsAny(u.Path, "%;?#") && (!t.StrictSegments || t.loose == nil && isLower(u.Path) && !strings.HasSuffix(u.Path, "/"))
}

// sameByPath reports whether all forms of the path match pattern.
//
// The raw path is the first form. A router that matches the raw path compares it with the
// literals of its routes without decoding. Each following form is the previous form after
// one more round of decoding.
func (t *Table) sameByPath(req *http.Request, host, pattern string) bool {
	u, r := req.URL, &reading{req.Method, maxReadings}
	if max(len(u.Path), len(u.RawPath)) > maxPath {
		return false
	}
	if u.RawPath != "" {
		// If RawPath is no encoding of Path, a router may read RawPath instead of Path.
		if u.EscapedPath() != u.RawPath && !t.sameByForms(r, host, u.Path, pattern) {
			return false
		}
		return t.sameByForms(r, host, u.RawPath, pattern)
	}
	return t.sameByForms(r, host, u.Path, pattern)
}

// sameByForms reports whether p matches pattern after every number of rounds of decoding.
func (t *Table) sameByForms(r *reading, host, p, pattern string) bool {
	slashes := false // a previous form contained an escaped slash
	for ok := true; ok; p, ok = cleanpath.Unescape(p, false) {
		if !t.sameForm(r, host, p, pattern, false) {
			return false
		}
		if !hasEscapedSlash(p) {
			continue
		}
		// Slashes that are escaped a different number of times have too many readings.
		if slashes {
			return false
		}
		slashes = true
		for q, ok := cleanpath.Unescape(p, true); ok; q, ok = cleanpath.Unescape(q, true) {
			if !t.sameForm(r, host, q, pattern, false) {
				return false
			}
		}
	}
	return true
}

// hasEscapedSlash reports whether p contains an escaped slash.
func hasEscapedSlash(p string) bool { return strings.Contains(p, "%2f") || strings.Contains(p, "%2F") }

// sameForm reports whether one form of the path matches pattern, with and without its
// parameters. If a form matches no pattern, a handler that reads this form serves no route
// that has a rule. The argument none states whether sameForm accepts such a form.
func (t *Table) sameForm(r *reading, host, p, pattern string, none bool) bool {
	bare := withoutParameters(p)
	if !t.samePath(r, host, p, pattern, none) || bare != p && !t.samePath(r, host, bare, pattern, none) {
		return false
	}
	return t.sameStart(r, host, p, pattern) && (bare == p || t.sameStart(r, host, bare, pattern))
}

// sameStart reports whether the part of p before a "?" or "#" matches pattern or no pattern.
func (t *Table) sameStart(r *reading, host, p, pattern string) bool {
	for _, end := range []string{"?", "#"} {
		start, _, found := strings.Cut(p, end)
		if !found {
			continue
		}
		bare := withoutParameters(start)
		if !t.samePath(r, host, start, pattern, true) || bare != start && !t.samePath(r, host, bare, pattern, true) {
			return false
		}
	}
	return true
}

// samePath reports whether the path p matches pattern. If none is true, the path may also
// match no pattern.
func (t *Table) samePath(r *reading, host, p, pattern string, none bool) bool {
	found := t.patternOf(r, host, p)
	return (found == pattern || none && found == "") && (!t.StrictSegments || t.sameLoosely(r, host, p, pattern, none))
}

// patternOf replaces the host and the path of r, and returns the pattern that the new
// request matches.
func (t *Table) patternOf(r *reading, host, path string) string {
	if r.exceeds(path) {
		return tooMany
	}
	_, pattern := match(&t.mux, &http.Request{Method: r.method, Host: host, URL: &url.URL{Path: path}})
	return pattern
}

// withoutParameters removes the parameters of each path element. The parameters are a
// semicolon and the text after the semicolon (RFC 3986, section 3.3). Java servers remove
// the parameters before they match a path.
func withoutParameters(p string) string {
	if strings.IndexByte(p, ';') < 0 {
		return p
	}
	elements := strings.Split(p, "/")
	for i, element := range elements {
		elements[i], _, _ = strings.Cut(element, ";")
	}
	return strings.Join(elements, "/")
}
