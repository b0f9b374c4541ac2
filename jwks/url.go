package jwks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxURL is the largest length of a URL, in bytes. Logs and the Status contain the URL.
const maxURL = 8 << 10

// checkURL returns an error if the cache must not fetch a document from the URL.
func checkURL(raw string, insecureHTTP bool) error {
	if len(raw) > maxURL {
		return fmt.Errorf("longer than %d bytes", maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The text of a url.Error contains the whole URL. The text of its cause contains a part of the
		// URL, for example "pass" of "https://user:pass/word@host".
		if strings.Contains(raw, "@") {
			return errors.New("not a URL, and it contains an @; if there is a user and a password before the @, remove them")
		}
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return fmt.Errorf("not a URL: %w", err)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("not an https URL")
	case u.Hostname() == "":
		return errors.New("no host")
	case u.User != nil:
		return errors.New("contains credentials; remove them from the URL")
	case strings.Contains(raw, "#"):
		return errors.New("contains a fragment; remove the # and the text after it")
	case u.Scheme == "http" && !insecureHTTP && !isLoopback(u.Hostname()):
		return errors.New("http lets attackers on the network replace the keys; use https, or set Options.InsecureHTTP")
	}
	return nil
}

// isLoopback reports whether host is a loopback address, "localhost", or a name that ends in
// ".localhost" (RFC 6761, section 6.3). Connections to such a host do not leave this machine,
// so no attacker on the network can change the response. The transport checks the resolved
// address when it connects.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// origin returns the scheme, host and port of a URL. Two URLs have the same origin if the
// results are equal. Only ASCII letters are changed to lower case: strings.ToLower changes the
// letter U+0130 to "i", but net/http connects to a different host with it.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(lowerASCII(u.Hostname()), port)
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// redact returns a URL that is safe to log. The credentials and the query values, which may
// be secrets, are replaced with "xxxxx". The URL may be invalid.
func redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if ok = ok && isKnownScheme(scheme); ok {
		scheme += "://"
	} else {
		scheme, rest = "", raw
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && (!ok || !isPlain(raw, rest[:at])) {
		rest = "xxxxx" + rest[at:]
	}
	raw, query, ok := strings.Cut(scheme+rest, "?")
	if !ok {
		return raw
	}
	members := strings.Split(query, "&")
	for i, member := range members {
		if name, _, ok := strings.Cut(member, "="); ok {
			members[i] = name + "=xxxxx"
		} else if member != "" {
			members[i] = "xxxxx"
		}
	}
	return raw + "?" + strings.Join(members, "&")
}

func isKnownScheme(scheme string) bool {
	return slices.Contains([]string{"https", "http", fileScheme}, lowerASCII(scheme))
}

// isPlain reports whether the part of a URL between its scheme and its last @ contains no
// credentials. A password may contain "/" or "?", although it must not. In "https://user:1/2@host",
// the host is then "user". So isPlain requires a host with a full stop, and that no ":" is before
// the @, not even before a port. It is true for "https://issuer.example/keys/name@other.example".
func isPlain(raw, before string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.User == nil && strings.Contains(u.Host, ".") && !strings.Contains(before, ":")
}
