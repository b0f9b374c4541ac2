package scalekit

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxForm is the maximum size of a form of the web page, in bytes.
const maxForm = 64 << 10

// pageGuard protects the web page against the pages of other sites and against other machines.
// The page needs no secret, so without this protection every site in the user's browser can mint
// tokens.
type pageGuard struct {
	host     string // host of Config.URL, in the form that hostName returns
	anywhere bool   // Config.InsecurePageAnywhere
	origins  *http.CrossOriginProtection
}

func newPageGuard(cfg Config) *pageGuard {
	g := &pageGuard{anywhere: cfg.InsecurePageAnywhere, origins: http.NewCrossOriginProtection()}
	if u, err := url.Parse(cfg.URL); err == nil {
		g.host = hostName(u.Host)
	}
	return g
}

// hostName returns the host in hostPort, which is a host or host:port. The result is in lower case,
// and has no port, no brackets of IPv6 and no final dot. It is empty for an invalid host.
func hostName(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostPort, "["), "]")
	}
	if address, err := netip.ParseAddr(host); strings.HasPrefix(hostPort, "[") && (err != nil || !address.Is6()) {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// allowsHost reports whether the field Host of the request names this server. In an attack with
// DNS rebinding, the field contains a name of the attacker. The allowed hosts are the loopback
// addresses, localhost and its subdomains (RFC 6761, section 6.3), the host of Config.URL, and the
// address to which the client is connected.
func (g *pageGuard) allowsHost(r *http.Request) bool {
	host := hostName(r.Host)
	if host == "" {
		return false
	}
	if address, err := netip.ParseAddr(host); err == nil {
		address = address.Unmap()
		return address.IsLoopback() || host == g.host || address == localAddress(r)
	}
	label, subdomain := strings.CutSuffix(host, ".localhost")
	return host == "localhost" || subdomain && label != "" && !strings.ContainsAny(label, "@#/:") || host == g.host
}

// localAddress returns the address of this machine in the connection of the request. If the
// address is unknown, the result is the zero Addr.
func localAddress(r *http.Request) netip.Addr {
	if tcp, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// allowsActions reports whether the client may use the actions of the page. A client on another
// machine may use the actions only if Config.InsecurePageAnywhere is true. A request that a proxy
// has forwarded counts as a request of another machine.
func (g *pageGuard) allowsActions(r *http.Request) bool {
	if g.anywhere {
		return true
	}
	if isForwarded(r) {
		return false
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback() && localAddress(r).IsLoopback()
}

// isForwarded reports whether a proxy has forwarded the request. Proxies on this machine have a
// loopback address. Without settings for the header, Envoy adds only fields with the prefixes below.
// nginx 1.28 adds no field, but sends HTTP/1.0, which no browser uses. A proxy that sends HTTP/1.1
// and adds no field is not recognized.
func isForwarded(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return true
	}
	for name := range r.Header {
		switch name {
		case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded") || strings.HasPrefix(name, "X-Envoy-") {
			return true
		}
	}
	return false
}

// checkAction returns an error if a page of another site may have sent the request.
func (g *pageGuard) checkAction(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		// CrossOriginProtection allows such a request, because it does not come from a browser.
		// Programs use the endpoints below /dev/, which require a token.
		return errors.New("the fields Sec-Fetch-Site and Origin are missing, so the request does not come from a browser; programs must use the token endpoint and the endpoints below /dev/")
	}
	return g.origins.Check(r)
}

// refuseRebinding returns a handler that calls h. It refuses a request of a browser to a host that
// is not allowed. A request with the field Origin is a request of a browser: browsers send this
// field with each POST request, also to the same origin. Other clients may use any host, for
// example the name of a container.
func (g *pageGuard) refuseRebinding(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, browser := r.Header["Origin"]; browser && !g.allowsHost(r) {
			setPageHeader(w.Header(), "")
			http.Error(w, refusedHost, http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

const (
	refusedHost = "The host name in the URL is not a name of this issuer. A different site can choose such a name (DNS rebinding). " +
		"Use localhost, the IP address of the issuer, or the host of the environment URL (flag -url of bearer-issuer)."
	refusedMachine = "The actions of the page are switched off for other machines and for proxies. " +
		"Use the page on the machine of the issuer, or start bearer-issuer with -insecure-page-anywhere."
)

// protectPage returns a handler of the page or of one of its actions. It sets the header of the
// response, and calls h only if the host is allowed.
func (g *pageGuard) protectPage(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setPageHeader(w.Header(), "")
		if !g.allowsHost(r) {
			http.Error(w, refusedHost, http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// protectAction returns a handler that calls the function act with the form of the request, if
// this machine and this site may use the actions of the page.
func (g *pageGuard) protectAction(act func(http.ResponseWriter, *http.Request, url.Values)) http.Handler {
	return g.protectPage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.allowsActions(r) {
			http.Error(w, refusedMachine, http.StatusForbidden)
			return
		}
		if err := g.checkAction(r); err != nil {
			http.Error(w, "The request does not come from this page: "+err.Error(), http.StatusForbidden)
			return
		}
		// Only this media type is read. The parser of multipart forms can write files.
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
			http.Error(w, "The body must be a form (application/x-www-form-urlencoded).", http.StatusUnsupportedMediaType)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			status := http.StatusBadRequest
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, "The form cannot be read, or it has more than 64 KiB.", status)
			return
		}
		for _, values := range r.PostForm {
			if !utf8.ValidString(strings.Join(values, "")) {
				http.Error(w, "The form must be valid UTF-8.", http.StatusBadRequest)
				return
			}
		}
		act(w, r, r.PostForm) // not r.Form, so that a parameter of the URL has no effect
	}))
}

// setPageHeader sets the header of a response of the page. Only the style sheet and the script
// with this nonce are used. If nonce is empty, no style sheet and no script is used.
//
// The Referrer-Policy is not no-referrer, because browsers then send "Origin: null" with the forms
// of the page.
func setPageHeader(h http.Header, nonce string) {
	source := "'none'"
	if nonce != "" {
		source = "'nonce-" + nonce + "'"
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+source+"; script-src "+source+
		"; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'")
}
