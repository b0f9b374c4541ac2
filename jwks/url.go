package jwks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
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
		// The text of a url.Error contains the whole URL, which may contain a password.
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
// be secrets, are replaced with "xxxxx".
func redact(raw string) string {
	raw, query, ok := strings.Cut(raw, "?")
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		authority, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			raw = scheme + "://xxxxx" + rest[at:]
		}
	}
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
