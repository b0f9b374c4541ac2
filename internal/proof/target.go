package proof

import (
	"errors"
	"strings"
)

var (
	errRelative  = errors.New("the URI is not absolute, or its scheme is not http or https")
	errCharacter = errors.New("the URI has a character that no URI has")
	errAuthority = errors.New("the authority of the URI is not a host with an optional port")
	errEscape    = errors.New("the URI has an invalid percent-encoding")
)

// Target returns the canonical form of a target URI without its query and fragment (RFC 9449,
// section 4.3, step 9; RFC 3986, sections 6.2.2 and 6.2.3). Two URIs have the same target if their
// canonical forms are equal as octets:
//
//   - The scheme and the host are in lower case. The default port and an empty port are removed.
//   - Percent-encodings are in upper case, and those of unreserved characters are decoded.
//   - The segments "." and ".." are removed. An empty path is "/".
//
// Nothing else is equal: a slash at the end, "//", the case of the path and "%2F" make a difference.
// The scheme must be http or https. If upgrade is true, ws and wss mean http and https, as in the
// request that opens a WebSocket. Target refuses user information, percent-encodings in the host,
// white space, control characters, backslashes and characters that are not ASCII.
func Target(uri string, upgrade bool) (string, error) {
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return "", errCharacter
		}
	}
	scheme, rest, found := strings.Cut(uri, "://")
	scheme = strings.ToLower(scheme)
	if upgrade && (scheme == "ws" || scheme == "wss") {
		scheme = "http" + strings.TrimPrefix(scheme, "ws")
	}
	if !found || scheme != "http" && scheme != "https" {
		return "", errRelative
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	authority, path := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	host, err := canonicalHost(scheme, authority)
	if err != nil {
		return "", err
	}
	if path, err = canonicalPath(path); err != nil {
		return "", err
	}
	return scheme + "://" + host + path, nil
}

// canonicalHost returns the host and the port of an authority. It omits the default port.
func canonicalHost(scheme, authority string) (string, error) {
	host, port := authority, ""
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
	}
	if strings.TrimLeft(port, "0123456789") != "" {
		return "", errAuthority
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok || inner == "" || strings.Trim(inner, "0123456789abcdefABCDEF:.") != "" {
			return "", errAuthority
		}
	} else if host == "" || strings.ContainsAny(host, `:@[]%"<>^{|}`+"`") {
		return "", errAuthority
	}
	host = strings.ToLower(host)
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return host, nil
	}
	return host + ":" + port, nil
}

// canonicalPath returns the canonical form of an absolute or empty path.
func canonicalPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if strings.IndexByte(path, '%') >= 0 {
		var err error
		if path, err = canonicalEscapes(path); err != nil {
			return "", err
		}
	}
	if !strings.Contains(path, "/.") {
		return path, nil
	}
	return withoutDots(path), nil
}

// canonicalEscapes decodes the percent-encodings of unreserved characters, and writes the others
// in upper case.
func canonicalEscapes(path string) (string, error) {
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			out = append(out, path[i])
			continue
		}
		if i+2 >= len(path) {
			return "", errEscape
		}
		high, low := strings.IndexByte(hex, upper(path[i+1])), strings.IndexByte(hex, upper(path[i+2]))
		if high < 0 || low < 0 {
			return "", errEscape
		}
		if c := byte(high<<4 | low); isUnreserved(c) { //nolint:gosec // both are less than 16
			out = append(out, c)
		} else {
			out = append(out, '%', hex[high], hex[low])
		}
		i += 2
	}
	return string(out), nil
}

// withoutDots removes the segments "." and ".." of an absolute path (RFC 3986, section 5.2.4).
func withoutDots(path string) string {
	out := make([]byte, 0, len(path))
	for segments := path[1:]; ; {
		segment, rest, more := strings.Cut(segments, "/")
		switch segment {
		case ".", "..":
			if segment == ".." {
				out = out[:max(strings.LastIndexByte(string(out), '/'), 0)]
			}
			if !more {
				out = append(out, '/')
			}
		default:
			out = append(append(out, '/'), segment...)
		}
		if !more {
			return string(out)
		}
		segments = rest
	}
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// isUnreserved reports whether c is unreserved (RFC 3986, section 2.3).
func isUnreserved(c byte) bool {
	return isBase64URL(rune(c)) || c == '.' || c == '~'
}
