package scopes_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// A generator makes tables and requests.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// patterns returns random patterns that a table accepts together. If plain is true, all
// literals are in lower case and have no suffix.
func (g generator) patterns(plain bool) (table *scopes.Table, patterns []string) {
	table = new(scopes.Table)
	words := []string{"admin", "keys", "a", "b", "x"}
	if !plain {
		words = append(words, "Admin", "KEYS", "robots.txt", "x.json", "x.csv", "v1.0", "v1.1", "b.", ".env", "café", "a+b", "a%20b", "kelvin")
	}
	for range 3 + g.IntN(6) {
		pattern := g.pick("", "", "", "GET ", "POST ")
		for range g.IntN(4) {
			pattern += "/" + g.pick(append(words, "{w}")...)
		}
		if pattern += g.pick("", "", "/", "/{$}", "/{r...}"); strings.TrimSpace(pattern) == "" || !strings.Contains(pattern, "/") {
			pattern += "/"
		}
		for i := 0; strings.Contains(pattern, "{w}"); i++ {
			pattern = strings.Replace(pattern, "{w}", fmt.Sprintf("{w%d}", i), 1)
		}
		func() {
			defer func() { _ = recover() }()
			table.Handle(pattern, scopes.All(fmt.Sprint("s", len(patterns))))
			patterns = append(patterns, pattern)
		}()
	}
	return table, patterns
}

// target returns a request for a pattern of the table, in a spelling that an attacker may
// choose. The number of changes is random.
func (g generator) target(patterns []string) (method, target string) {
	method, p, found := strings.Cut(g.pick(patterns...), " ")
	if !found {
		method, p = g.pick("GET", "POST"), method
	}
	elements := split(unescaped(p))
	for i, element := range elements {
		if strings.HasPrefix(element, "{") {
			elements[i] = g.pick("7", "admin", "keys", "x.json", "Acme Inc.", "a", "x")
		}
	}
	text := "/" + strings.Join(elements, "/")
	for range g.IntN(4) {
		text = g.change(text)
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c <= ' ' || c == '%' && (i+2 >= len(text) || decode(text[i:i+3]) == text[i:i+3]):
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return method, b.String()
}

func (g generator) change(text string) string {
	i := g.IntN(len(text))
	end := strings.IndexByte(text[i:]+"/", '/') + i
	insert := func(at int, s string) string { return text[:at] + s + text[at:] }
	switch g.IntN(12) {
	case 0:
		return fmt.Sprintf("%s%%%02x%s", text[:i], text[i], text[i+1:])
	case 1:
		return strings.ReplaceAll(text, "%", "%25")
	case 2:
		return text[:i] + strings.ToUpper(text[i:i+1]) + text[i+1:]
	case 3:
		return strings.ToUpper(text)
	case 4:
		return insert(end, g.pick(".", " ", "..", ". ", ".json", ".tar.gz", "+", "\u00a0", "…"))
	case 5:
		return insert(end, g.pick(";x", ";", "%3b", "%3fx", "%253fx", "%23", "；x", "？x"))
	case 6:
		if j := strings.LastIndexByte(text, '/'); j > 0 {
			return text[:j] + g.pick("%2f", "%2F", "%252f", "／", "\u2215", "\u2044", "%EF%BC%8F") + text[j+1:]
		}
		return text
	case 7:
		return insert(len(text), g.pick("/", "%2f", "/.json", "/x"))
	case 8:
		return insert(i, g.pick("%", "%41", "%2e", "%2e%2e/", " "))
	case 9:
		return strings.NewReplacer("k", "\u212a", "s", "\u017f", "i", "\u0131").Replace(text)
	case 10:
		if c := text[i]; '!' <= c && c <= '~' && c != '%' {
			return text[:i] + string(rune(c)+0xfee0) + text[i+1:]
		}
		return text
	}
	return insert(end, g.pick("/", "/x", "/admin", "/keys"))
}

// readerTables is larger in a run by hand. Only such a run has a random seed.
var readerTables = flag.Int("readers", 0, "the number of random tables in TestReaders")

// TestReaders makes random tables and requests. If the table finds a rule, every reader must
// find the route of the same pattern, or no route. With StrictSegments, this must be true
// for lenient services too.
func TestReaders(t *testing.T) {
	rounds, seed := *readerTables, rand.Uint64() //nolint:gosec // no secret
	if rounds == 0 {
		rounds, seed = 60, 17
	}
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // the log shows the seed, so that the test can be repeated
	list, changes := readers(), habits()
	identity := func(elements []string) []string { return elements }
	var judged, found, strict int
	for round := range rounds {
		table, patterns := g.patterns(round%2 == 0)
		if len(patterns) == 0 {
			continue
		}
		plain := newService(patterns, identity)
		lenient := g.lenient(changes, patterns, round%2 == 0)
		for range 40 {
			method, target := g.target(patterns)
			u, err := url.ParseRequestURI(target)
			if err != nil {
				continue
			}
			judged++
			r := &http.Request{Method: method, URL: u}
			table.StrictSegments = false
			_, loose := table.Rule(r)
			table.StrictSegments = true
			_, pattern := table.Rule(r)
			if pattern != "" && pattern != loose {
				t.Fatalf("%q: %s %s: got pattern %q with StrictSegments, and %q without", patterns, method, target, pattern, loose)
			}
			if loose == "" {
				continue
			}
			found++
			for _, reader := range list {
				if got := plain.serves(method, reader.read(u)); got != "" && got != loose {
					t.Fatalf("%q: %s %s: got pattern %q, but the reader %q finds %q", patterns, method, target, loose, reader.name, got)
				}
			}
			if pattern == "" {
				continue
			}
			strict++
			for _, s := range lenient {
				reader := list[g.IntN(len(list))]
				got := s.serves(method, s.change(reader.read(u)))
				if got != "" && got != pattern && !s.exempt(pattern, u.Path) {
					t.Fatalf("%q: %s %s: got pattern %q, but a service with the habits %q and the reader %q finds %q", patterns, method, target, pattern, s.names, reader.name, got)
				}
			}
		}
	}
	t.Logf("%d requests, %d with a rule, %d with a rule with StrictSegments", judged, found, strict)
	if found < judged/4 || strict < found/4 {
		t.Errorf("of %d requests, %d have a rule, and %d with StrictSegments; want more", judged, found, strict)
	}
}

// A lenientService reads requests with several habits.
type lenientService struct {
	*service
	names  []string
	change func([]string) []string
}

// lenient returns services with random habits. Half of the services register their routes in
// the opposite order, because some of their routes may be equal.
func (g generator) lenient(changes []habit, patterns []string, plain bool) (list []lenientService) {
	for range 12 {
		s := lenientService{change: func(elements []string) []string { return elements }}
		routes := s.change
		var chosen []habit
		for _, i := range g.Perm(len(changes))[:1+g.IntN(4)] {
			chosen = append(chosen, changes[i])
		}
		both := !plain || g.IntN(2) == 0 || slices.ContainsFunc(chosen, func(h habit) bool { return h.routes == changed })
		for _, h := range chosen {
			before, routesBefore := s.change, routes
			s.change = func(elements []string) []string { return h.change(before(elements)) }
			if h.routes != unchanged && both {
				routes = func(elements []string) []string { return h.change(routesBefore(elements)) }
			}
			s.names = append(s.names, h.name)
		}
		order := slices.Clone(patterns)
		if g.IntN(2) == 0 {
			slices.Reverse(order)
		}
		s.service = newService(order, routes)
		list = append(list, s)
	}
	return list
}

// exempt reports whether the documentation of StrictSegments makes an exception: pattern
// itself has the slash at the end, or the name that is only a suffix.
func (s lenientService) exempt(pattern, p string) bool {
	last := path.Base("/" + pattern[strings.LastIndexByte(pattern, '/'):])
	slash := strings.HasSuffix(pattern, "/") || strings.HasSuffix(pattern, "{$}") || strings.HasSuffix(pattern, "...}")
	return slices.Contains(s.names, "slash at the end") && slash && strings.HasSuffix(p, "/") ||
		slices.Contains(s.names, "name of only a suffix") && strings.HasPrefix(last, ".")
}
