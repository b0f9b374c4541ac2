// Package cleanpath tells paths that only one route can serve from paths that some handlers read as a
// different path.
package cleanpath

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean reports whether the path of u is clean. Some handlers clean a path, and then
// serve a different route than the route that the router found. Guards therefore deny
// requests with an unclean path.
//
// A path is clean if the decoded path
//   - begins with a slash
//   - has no empty element, except after a slash at its end. An element that starts with
//     ";" is empty before its parameters, so it is not allowed, even at the end.
//   - has no element "." or "..", and no element that starts with "." or ".." and continues
//     with ";", "?" or "#"
//   - has no backslash, which some file systems treat as a slash
//   - has no control character (U+0000 to U+001F, U+007F to U+009F). A NUL byte ends a name
//     in some file systems, and other control characters are ignored by some servers.
//   - is valid UTF-8. Some servers decode overlong forms, such as "%C0%AF" for a slash.
//
// Clean decodes the decoded path up to three more times. After each decoding, the path
// must still be clean. After the third decoding, it must contain no escapes. A path that
// contains "#" without escaping is unclean, because RFC 9112, section 3.2 does not allow
// this in a request target. If u.RawPath is no encoding of u.Path, u.RawPath must be clean
// too. For a nil u, Clean returns false.
func Clean(u *url.URL) bool {
	if u == nil || !staysClean(u.Path) {
		return false
	}
	return u.RawPath == "" || strings.IndexByte(u.RawPath, '#') < 0 && (u.RawPath == u.EscapedPath() || staysClean(u.RawPath))
}

// staysClean reports whether p is clean, and stays clean after each round of decoding.
func staysClean(p string) bool {
	if isPlain(p) {
		return true
	}
	rounds := 0
	for ok := true; ok; p, ok = Unescape(p, false) {
		if rounds++; rounds > MaxRounds || !IsClean(p) {
			return false
		}
	}
	return true
}

// isPlain reports whether a path starts with a slash, contains only letters, digits, "-",
// "_", "~" and "/", and has no two slashes in sequence. Such a path is clean.
func isPlain(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	slash := true
	for i := 1; i < len(p); i++ {
		c := p[i]
		if c == '/' && slash || !plainChars[c] {
			return false
		}
		slash = c == '/'
	}
	return true
}

// The table plainChars marks the characters that isPlain accepts.
var plainChars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/" {
		t[c] = true
	}
	return t
}()

// MaxRounds is the maximum number of times that a clean path may be escaped. It limits the
// time of Clean, because each round of decoding reads the whole path.
const MaxRounds = 4

// Unescape decodes the percent-encoded bytes of p. It reports whether p contained such
// bytes. A percent sign without two hexadecimal digits after it stays in the result,
// because lenient decoders keep such a percent sign too. If keepSlashes is true, an escaped
// slash stays in the result.
func Unescape(p string, keepSlashes bool) (string, bool) {
	i := strings.IndexByte(p, '%')
	if i < 0 {
		return p, false
	}
	decoded := append(make([]byte, 0, len(p)), p[:i]...)
	for ; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			high, low := hexDigits[p[i+1]], hexDigits[p[i+2]]
			if c := high<<4 | low&0xf; high != noHex && low != noHex && (!keepSlashes || c != '/') {
				decoded = append(decoded, c)
				i += 2
				continue
			}
		}
		decoded = append(decoded, p[i])
	}
	return string(decoded), len(decoded) != len(p)
}

// noHex marks the characters in hexDigits that are no hexadecimal digit.
const noHex = 0xff

// The table hexDigits contains the value of each hexadecimal digit.
var hexDigits = func() (t [256]byte) {
	for i := range t {
		t[i] = noHex
	}
	for i, c := range "0123456789" {
		t[c] = byte(i)
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

// IsClean reports whether a path is clean before it is decoded.
func IsClean(p string) bool {
	if p == "" || p[0] != '/' || !hasCleanText(p) {
		return false
	}
	for rest := p[1:]; ; {
		element, after, more := strings.Cut(rest, "/")
		if (element == "" && more) || isDots(element) || strings.HasPrefix(element, ";") {
			return false
		}
		if !more {
			return true
		}
		rest = after
	}
}

// hasCleanText reports whether p is valid UTF-8 and contains no backslash and no control
// character.
func hasCleanText(p string) bool {
	ascii := true
	for i := range len(p) {
		c := p[i]
		if c < ' ' || c == '\\' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(p) && !strings.ContainsFunc(p, unicode.IsControl)
}

// isDots reports whether the element is "." or "..", or starts with "." or ".." and
// continues with ";", "?" or "#".
func isDots(element string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(element, "."), ".")
	return len(rest) < len(element) && (rest == "" || strings.IndexByte(";?#", rest[0]) >= 0)
}
