package dpopclient

import "net/netip"

// IsLoopback reports whether host is "localhost" or a loopback address, without port and brackets.
// A client may send tokens to such a host without TLS.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
