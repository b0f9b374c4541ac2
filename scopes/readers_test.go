package scopes_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A reader reads the path of a request as a list of elements. It is a model of a router or
// of a service. An element may contain a slash, if the reader finds the elements before it
// decodes them.
type reader struct {
	name string
	read func(u *url.URL) []string
}

// readers returns the readers for which every table is safe.
func readers() []reader {
	list := []reader{
		{"decoded path", func(u *url.URL) []string { return split(u.Path) }},
		{"raw path, if there is one", func(u *url.URL) []string {
			if u.RawPath != "" {
				return split(u.RawPath)
			}
			return split(u.Path)
		}},
	}
	for rounds := range 4 {
		list = append(list,
			reader{fmt.Sprintf("decoded %d more times", rounds+1), func(u *url.URL) []string {
				p := u.Path
				for range rounds + 1 {
					p = decode(p)
				}
				return split(p)
			}},
			reader{fmt.Sprintf("elements decoded %d times", rounds+1), func(u *url.URL) []string {
				elements := split(u.EscapedPath())
				for range rounds + 1 {
					elements = each(elements, decode)
				}
				return elements
			}},
			reader{fmt.Sprintf("decoded, then elements decoded %d times", rounds+1), func(u *url.URL) []string {
				elements := split(u.Path)
				for range rounds + 1 {
					elements = each(elements, decode)
				}
				return elements
			}})
	}
	for _, r := range slices.Clone(list) {
		list = append(list, reader{r.name + ", without parameters", func(u *url.URL) []string {
			return each(r.read(u), func(s string) string { s, _, _ = strings.Cut(s, ";"); return s })
		}})
	}
	for _, r := range slices.Clone(list) {
		list = append(list, reader{r.name + ", to the question mark", func(u *url.URL) []string {
			elements := r.read(u)
			for i, element := range elements {
				if before, _, found := strings.Cut(element, "?"); found {
					return append(elements[:i:i], before)
				}
			}
			return elements
		}})
	}
	return list
}

// split returns the elements of a path that starts with a slash.
func split(p string) []string { return strings.Split(strings.TrimPrefix(p, "/"), "/") }

func each(elements []string, change func(string) string) []string {
	changed := make([]string, len(elements))
	for i, element := range elements {
		changed[i] = change(element)
	}
	return changed
}

// decode decodes the valid escapes of s once, and keeps the others.
func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// A habit is one change of a lenient service to the elements of a path.
type habit struct {
	name   string
	change func(elements []string) []string
	routes routesOf
}

// routesOf states whether a service with a habit makes the same change in the literals of its
// routes.
type routesOf int

const (
	changed   routesOf = iota // yes; otherwise it finds none of its routes
	either                    // no difference if the literals are plain
	unchanged                 // no
)

// habits lists the changes for which a table with StrictSegments is safe.
func habits() []habit {
	suffix := func(find func(string, string) int) func([]string) []string {
		return func(elements []string) []string {
			elements = slices.Clone(elements)
			last := elements[len(elements)-1]
			if i := find(last, "."); i > 0 {
				elements[len(elements)-1] = last[:i]
			}
			return elements
		}
	}
	perElement := func(change func(string) string) func([]string) []string {
		return func(elements []string) []string { return each(elements, change) }
	}
	return []habit{
		{"lower case", perElement(strings.ToLower), either},
		{"upper case", perElement(strings.ToUpper), changed},
		{"simple case folding", perElement(func(s string) string {
			return strings.Map(func(c rune) rune {
				least := c
				for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
					least = min(least, f)
				}
				return least
			}, s)
		}), changed},
		{"trailing full stops", perElement(func(s string) string { return strings.TrimRight(s, ".") }), either},
		{"trailing blanks", perElement(func(s string) string { return strings.TrimRight(s, " ") }), either},
		{"blanks on both sides", perElement(strings.TrimSpace), either},
		{"trailing full stops and blanks", perElement(func(s string) string { return strings.TrimRight(s, ". ") }), either},
		{"plus is a space", perElement(func(s string) string { return strings.ReplaceAll(s, "+", " ") }), either},
		{"suffix of the path", suffix(strings.LastIndex), either},
		{"whole suffix of the path", suffix(strings.Index), either},
		{"suffix of each element", perElement(func(s string) string {
			if i := strings.LastIndex(s, "."); i > 0 && i+1 < len(s) && unicode.IsLetter(rune(s[i+1])) {
				return s[:i]
			}
			return s
		}), either},
		{"name of only a suffix", func(elements []string) []string {
			elements = slices.Clone(elements)
			if last := &elements[len(elements)-1]; strings.LastIndexByte(*last, '.') == 0 {
				*last = ""
			}
			return elements
		}, unchanged},
		{"full-width forms", perElement(func(s string) string {
			return strings.Map(func(c rune) rune {
				if 0xff01 <= c && c <= 0xff5e {
					return c - 0xfee0
				}
				return c
			}, s)
		}), either},
		{"slash look-alikes", func(elements []string) []string {
			return split(strings.NewReplacer("\u2044", "/", "\u2215", "/", "\u29f8", "/", "\uff0f", "/").Replace(strings.Join(elements, "/")))
		}, unchanged},
		{"slash at the end", func(elements []string) []string {
			if n := len(elements); n > 1 && elements[n-1] == "" {
				return elements[:n-1]
			}
			return elements
		}, unchanged},
	}
}

// A service is a model of a service with routes for the patterns of a table.
type service struct {
	mux      *http.ServeMux
	pattern  map[string]string         // from the route to the pattern of the table
	crossing map[string]*http.ServeMux // the routes that conflict with a route in mux
}

// newService registers the routes. It leaves out a route that equals an earlier one.
func newService(patterns []string, change func([]string) []string) *service {
	s := &service{http.NewServeMux(), map[string]string{}, map[string]*http.ServeMux{}}
	for _, pattern := range patterns {
		method, p, _ := strings.Cut(pattern, " ")
		if p == "" {
			method, p = "", pattern
		}
		elements := split(p)
		literals := each(elements, func(e string) string {
			if strings.HasPrefix(e, "{") {
				return "" // the changes keep an empty element
			}
			return unescaped(e)
		})
		for i, literal := range change(literals) {
			if !strings.HasPrefix(elements[i], "{") {
				elements[i] = url.PathEscape(literal)
			}
		}
		route := strings.TrimSpace(method + " /" + strings.Join(elements, "/"))
		if s.pattern[route] == "" && !s.register(s.mux, route) {
			s.crossing[route] = http.NewServeMux()
			s.register(s.crossing[route], route)
		}
		if s.pattern[route] == "" {
			s.pattern[route] = pattern
		}
	}
	return s
}

func (s *service) register(mux *http.ServeMux, route string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(route, http.NotFoundHandler())
	return
}

// serves returns the pattern of the route that serves the request, or "". If routes conflict,
// the route that was not registered takes precedence, so that the test notices it.
func (s *service) serves(method string, elements []string) string {
	var cleaned []string
	for i, element := range elements {
		switch {
		case element == "." || element == "" && i < len(elements)-1:
		case element == "..":
			cleaned = cleaned[:max(0, len(cleaned)-1)]
		default:
			cleaned = append(cleaned, url.PathEscape(element))
		}
	}
	raw := "/" + strings.Join(cleaned, "/")
	r := &http.Request{Method: method, URL: &url.URL{Path: unescaped(raw), RawPath: raw}}
	found := s.match(s.mux, r)
	for route, crossing := range s.crossing {
		if s.match(crossing, r) == "" {
			continue
		}
		both := http.NewServeMux()
		if found == "" || !s.register(both, route) || !s.register(both, found) {
			return s.pattern[route]
		}
		found = s.match(both, r)
	}
	return s.pattern[found]
}

// match returns the route that the request matches, or "".
func (s *service) match(mux *http.ServeMux, r *http.Request) string {
	h, route := mux.Handler(r)
	if _, ok := h.(http.HandlerFunc); !ok {
		return "" // the mux redirects the client
	}
	return route
}

func unescaped(raw string) string {
	p, err := url.PathUnescape(raw)
	if err != nil {
		panic(err)
	}
	return p
}
