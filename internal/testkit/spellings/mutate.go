package spellings

import (
	"fmt"
	"strings"
)

// mutations change the spelling of a path. A lenient server may read the new path like the
// old path, or like the path of another route.
var mutations = []func(*Generator, string) string{
	(*Generator).encode, (*Generator).encode, (*Generator).encode, (*Generator).encodeTwice,
	(*Generator).swapCase, (*Generator).slash, (*Generator).slash, (*Generator).doubleSlash,
	(*Generator).trailing, (*Generator).suffix, (*Generator).parameter, (*Generator).dots, (*Generator).folded,
	(*Generator).segment, (*Generator).join, (*Generator).insert, (*Generator).query,
}

// position returns a random index of a letter or digit in p that is not part of an escape.
func (g *Generator) position(p string) (int, bool) {
	for range 8 {
		i := g.IntN(len(p) + 1)
		if i < len(p) && isLetter(p[i]) && !strings.Contains(p[max(0, i-2):i], "%") {
			return i, true
		}
	}
	return 0, false
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// encode percent-encodes one letter.
func (g *Generator) encode(p string) string {
	i, ok := g.position(p)
	if !ok {
		return p
	}
	return p[:i] + fmt.Sprintf(pick(g, "%%%02x", "%%%02X"), p[i]) + p[i+1:]
}

// encodeTwice percent-encodes one letter several times.
func (g *Generator) encodeTwice(p string) string {
	i, ok := g.position(p)
	if !ok {
		return p
	}
	return p[:i] + fmt.Sprintf(pick(g, "%%25%02x", "%%25%02X", "%%2525%02x", "%%u%04x"), p[i]) + p[i+1:]
}

// swapCase changes the letter case of one letter, or of the whole path.
func (g *Generator) swapCase(p string) string {
	i, ok := g.position(p)
	switch {
	case !ok:
		return p
	case g.IntN(3) == 0:
		return strings.ToUpper(p)
	case 'a' <= p[i]|0x20 && p[i]|0x20 <= 'z':
		return p[:i] + string(p[i]^0x20) + p[i+1:]
	}
	return p
}

// slashAt returns the index of a random slash.
func (g *Generator) slashAt(p string) (int, bool) {
	n := strings.Count(p, "/")
	if n == 0 {
		return 0, false
	}
	i := -1
	for range 1 + g.IntN(n) {
		i += 1 + strings.IndexByte(p[i+1:], '/')
	}
	return i, true
}

// slash replaces one slash by characters that some servers read as a slash.
func (g *Generator) slash(p string) string {
	i, ok := g.slashAt(p)
	if !ok {
		return p
	}
	return p[:i] + pick(g, "%2f", "%2F", "%252f", "%252F", "%5c", `\`, "%c0%af", "%ef%bc%8f", "%e2%88%95", "%u2215", "\xc0\xaf", "\uff0f", "%00/", "/%00", "/%20", "%20/", "/%09", "%0a/", ":") + p[i+1:]
}

// doubleSlash adds or removes a slash.
func (g *Generator) doubleSlash(p string) string {
	i, ok := g.slashAt(p)
	if !ok {
		return p
	}
	return p[:i] + pick(g, "//", "///", "", "/%2f", "%2f/", "//") + p[i+1:]
}

// trailing adds text at the end of the path.
func (g *Generator) trailing(p string) string {
	return p + pick(g, "/", "/", "//", "%2f", "%2F", "/.", "/..", "%20", "%00", "%0a", "%0d", ".", "..", "%2e", "?", "%3f", "%23", "#", "#x", "%", "%zz", "%f", "~", "*", "/*")
}

// suffix adds a suffix that names a format.
func (g *Generator) suffix(p string) string {
	return p + pick(g, ".json", ".html", ".xml", ".php", ".JSON", "%2ejson", ".a.json", "/.json", ".json/")
}

// parameter adds a parameter to a segment (RFC 3986, section 3.3).
func (g *Generator) parameter(p string) string {
	i, ok := g.slashAt(p)
	if !ok || g.IntN(2) == 0 {
		return p + pick(g, ";", ";x", ";x=1", "%3b", "%3Bx", ";/admin", ";.json")
	}
	return p[:i] + pick(g, ";/", ";x/", "/;/", "/;x", "/.;/", "/..;/", "%3b/", "/x;/../") + p[i+1:]
}

// dots adds segments with dots.
func (g *Generator) dots(p string) string {
	i, ok := g.slashAt(p)
	if !ok {
		return p
	}
	return p[:i] + pick(g, "/./", "/../", "/x/../", "/%2e/", "/%2e%2e/", "/x/%2e%2e/", "/..%2f", "/%252e%252e/", "/.%2e/", "/.../", `/..\`, "/..%5c", "/files/../", "/healthz/../") + p[i+1:]
}

// folded replaces a letter by a character that some servers fold to this letter.
func (g *Generator) folded(p string) string {
	return pick(
		g,
		strings.Replace(p, "s", "%c5%bf", 1), strings.Replace(p, "k", "%e2%84%aa", 1), strings.Replace(p, "a", "%ef%bd%81", 1), strings.Replace(p, "a", "%c1%a1", 1), strings.Replace(p, "i", "%c4%b1", 1),
		strings.Replace(p, "-", "_", 1), strings.Replace(p, "a", "a%cc%88", 1), strings.Replace(p, "a", "\xe4", 1), strings.Replace(p, "a", "\u00e4", 1),
	)
}

// segment replaces a segment by a segment of another route.
func (g *Generator) segment(p string) string {
	segments := strings.Split(p, "/")
	segments[g.IntN(len(segments))] = pick(g, g.values...)
	return strings.Join(segments, "/")
}

// join puts the path of another route before or behind the path.
func (g *Generator) join(p string) string {
	other := g.fill(pick(g, g.routes...).Path)
	return pick(g, p+other, other+p, other+"/.."+p, other+"%2f.."+p, other+"?"+p, other+"%3f"+p, other+"#"+p, other+"%23"+p, other+";"+p, p+"?_method=DELETE", p+"?path="+other)
}

// insert inserts one character somewhere.
func (g *Generator) insert(p string) string {
	i := g.IntN(len(p) + 1)
	return p[:i] + pick(g, "%", ".", "/", "*", ":", "{", "}", "+", "@", "!", "$", "'", "(", ",", "=", "&", "%20", "%09", "%00", "%0a", "%7f", "%80", "%ff", "%c3", "\xff", "\x80", "|", `"`, "<", "^", "`", "%2b") + p[i:]
}

// query adds a query.
func (g *Generator) query(p string) string {
	return p + pick(g, "?", "?x=1", "?/../admin", "?access_token="+g.Token, "?_method=DELETE", "?a=b?c", "?x=%2f", "?;", "?x#y")
}
