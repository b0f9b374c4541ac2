package middleware

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/refusal"
)

// These are the values of Options.Dialect. The empty string is the dialect of nginx.
const (
	dialectCaddy        = "caddy"
	dialectHAProxy      = "haproxy"
	dialectIngressNginx = "ingress-nginx"
	dialectEnvoy        = "envoy"
)

// These are the names of fields in a forward-auth request and its response, in canonical
// form.
const (
	forwardedMethod = "X-Forwarded-Method"
	forwardedURI    = "X-Forwarded-Uri"
	forwardedHost   = "X-Forwarded-Host"
	originalMethod  = "X-Original-Method"
	originalURL     = "X-Original-Url"
	originalURI     = "X-Original-Uri"
	authError       = "X-Auth-Error"
	removedByEnvoy  = "X-Envoy-Auth-Headers-To-Remove"
)

// dialectTraits is everything that differs between dialects.
type dialectTraits struct {
	// The proxy sets these request fields. The names are in canonical form.
	fields []string
	// The function describe reads the description of the client's request. If no rule can
	// apply to the request, mistake says why. It is a text for logs. An unusable host is not
	// a mistake, because a rule needs the host only if a pattern has a host. If withHost is
	// true, and other fields are missing too, the mistake names the field of the host.
	describe func(r *http.Request, withHost bool) (desc description, mistake string)
	// allowed is the status of the answer to a request that may pass.
	allowed int
	// The function refused returns the status of a refusal, and the value of X-Auth-Error,
	// which is "" if the proxy does not need this field.
	refused func(answer refusal.Answer) (status int, code string)
	// joins is true if all challenges are in one field, because nginx before 1.23 passes only the
	// first field to the client (RFC 9110, section 11.6.1, allows a list).
	joins bool
}

// allDialects contains the traits of all dialects. If its annotation auth-method is set,
// ingress-nginx also sends X-Original-URI.
//
//nolint:gochecknoglobals // the table never changes
var allDialects = map[string]dialectTraits{
	"":                  {[]string{forwardedMethod, forwardedURI, forwardedHost}, describedByFields, http.StatusNoContent, refusedForNginx, true},
	dialectCaddy:        {[]string{forwardedMethod, forwardedURI, forwardedHost}, describedByFields, http.StatusNoContent, refusedAsItIs, false},
	dialectHAProxy:      {[]string{forwardedMethod, forwardedURI, forwardedHost}, describedByFields, http.StatusNoContent, refusedAsItIs, false},
	dialectIngressNginx: {[]string{originalMethod, originalURL, originalURI}, describedByURL, http.StatusNoContent, refusedForNginx, true},
	dialectEnvoy:        {nil, describedByItself, http.StatusOK, refusedForEnvoy, false},
}

// checkDialect returns an error if there is no dialect with this name.
func checkDialect(name string) error {
	if _, ok := allDialects[name]; ok {
		return nil
	}
	known := slices.Sorted(maps.Keys(allDialects))[1:] // without the empty name
	return fmt.Errorf("Options.Dialect: %q is unknown; leave it empty for nginx, or use one of %q", quote.Cut(name), known)
}

// refusedAsItIs does not change the status.
func refusedAsItIs(answer refusal.Answer) (status int, code string) { return answer.Status, "" }

// refusedForNginx returns 401 or 403, because nginx accepts no other error status.
func refusedForNginx(answer refusal.Answer) (status int, code string) {
	status, code = refusedForEnvoy(answer)
	if status == http.StatusBadRequest {
		status = http.StatusUnauthorized
	}
	return status, code
}

// refusedForEnvoy returns 403 in place of a status of 500 or more.
func refusedForEnvoy(answer refusal.Answer) (status int, code string) {
	status, code = min(answer.Status, http.StatusForbidden), answer.Error
	if answer.RetryAfter > 0 {
		code = "unavailable"
	}
	return status, code
}

// ignored returns the names of the fields in h that name another method, target or host and
// are not from the proxy. The result has the form of the result of overrides.
func (d dialectTraits) ignored(h http.Header) []string { return overrides(h, d.fields...) }

// setByEnvoy lists the fields of forwardingFields that Envoy itself adds to requests.
var setByEnvoy = []string{"X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}

// alwaysRemoved returns the list of the client's fields that Envoy must remove from every
// request: the fields of overrideFields and forwardingFields with their other spellings, and
// the other spellings of the fields of Options.Headers. Fields that Envoy sets stay in the
// request.
func (g *Guard) alwaysRemoved() string {
	var names []string
	for _, field := range slices.Concat(overrideFields, forwardingFields) {
		if !slices.Contains(setByEnvoy, field) {
			names = append(names, field)
		}
		names = append(names, otherSpellings(field, "-_")...)
		if strings.Contains(field, "-") {
			names = append(names, strings.ReplaceAll(field, "-", "."))
		}
	}
	for _, field := range g.headers {
		names = append(names, otherSpellings(field.name, "-_.")...)
	}
	if g.opts.RemoveAuthorization {
		names = append(names, "Authorization", "DPoP")
	}
	return strings.ToLower(strings.Join(names, ","))
}

// maxSpelled is the number of hyphens of a field that otherSpellings replaces one by one.
// Envoy limits the size of an answer to 60 KiB.
const maxSpelled = 5

// otherSpellings returns every name that has a character of marks in place of each hyphen of
// the field, without the field itself. The hyphens after the first maxSpelled hyphens have
// the same character in a name.
func otherSpellings(field, marks string) []string {
	parts := strings.SplitN(field, "-", maxSpelled+2)
	names := parts[:1]
	for i, part := range parts[1:] {
		var longer []string
		for _, name := range names {
			for _, mark := range strings.Split(marks, "") {
				end := mark + part
				if i == maxSpelled { // the part contains the remaining hyphens
					end = strings.ReplaceAll("-"+part, "-", mark)
				}
				longer = append(longer, name+end)
			}
		}
		names = longer
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == field })
}

// withEmpty adds the fields of Options.Headers that are empty in the answer to a list of
// fields that Envoy must remove. A field with a value is not added, because Envoy removes the
// fields of the list after it has set the fields of the answer.
func (g *Guard) withEmpty(list string, answer http.Header) string {
	for _, field := range g.headers {
		if answer.Get(field.name) == "" {
			list += "," + strings.ToLower(field.name)
		}
	}
	return list
}

// A description is the client's request as the proxy describes it.
type description struct {
	method      string
	target      string // for RequestURI
	url         *url.URL
	host        string
	hostMistake string // why the host is unusable; "" if it is usable
}

// describedByFields reads the X-Forwarded fields.
func describedByFields(r *http.Request, withHost bool) (desc description, mistake string) {
	if mistake = missing(r.Header, forwardedMethod, forwardedURI); mistake != "" {
		if withHost {
			mistake = missing(r.Header, forwardedMethod, forwardedURI, forwardedHost)
		}
		return desc, mistake
	}
	if desc.method, mistake = only(r.Header, forwardedMethod); mistake != "" {
		return desc, mistake
	}
	if desc.target, mistake = only(r.Header, forwardedURI); mistake != "" {
		return desc, mistake
	}
	if desc.host, desc.hostMistake = only(r.Header, forwardedHost); len(r.Header[forwardedHost]) > 1 {
		return desc, desc.hostMistake
	}
	return desc.parse("the "+forwardedMethod+" field", "the "+forwardedURI+" field")
}

// describedByURL reads X-Original-Method and X-Original-URL.
func describedByURL(r *http.Request, _ bool) (desc description, mistake string) {
	const name = "the " + originalURL + " field"
	if mistake = missing(r.Header, originalMethod, originalURL); mistake != "" {
		return desc, mistake
	}
	if desc.method, mistake = only(r.Header, originalMethod); mistake != "" {
		return desc, mistake
	}
	text, mistake := only(r.Header, originalURL)
	if mistake != "" {
		return desc, mistake
	}
	scheme, rest, _ := strings.Cut(text, "://")
	i := strings.IndexByte(rest, '/')
	switch {
	case scheme != "http" && scheme != "https":
		return desc, name + " is not an absolute http or https URL"
	case i < 0:
		return desc, name + " has no path"
	}
	desc.host, desc.target = rest[:i], rest[i:]
	switch {
	case strings.Contains(desc.host, "@"):
		return desc, name + " contains user information"
	case desc.host == "":
		desc.hostMistake = name + " has no host"
	case !isHost(desc.host):
		return desc, name + " has an invalid host"
	}
	return desc.parse("the "+originalMethod+" field", name)
}

// describedByItself returns the description of r itself.
func describedByItself(r *http.Request, _ bool) (desc description, mistake string) {
	desc = description{method: r.Method, target: r.RequestURI, host: r.Host}
	if desc.host == "" {
		desc.hostMistake = "the request has no host"
	}
	if desc, mistake = desc.parse("the method", "the target"); mistake != "" {
		return desc, mistake
	}
	// A prefix was removed only from r.URL. This URL was made from the same text.
	desc.url = r.URL
	return desc, ""
}

// parse checks the parts of the description and sets the URL. The arguments name the parts
// in the mistake.
func (desc description) parse(method, target string) (_ description, mistake string) {
	if !isMethod(desc.method) {
		return desc, fmt.Sprintf("%s is %q; it must be a method in upper case", method, quote.Cut(desc.method))
	}
	if desc.url, mistake = parseTarget(desc.target); mistake != "" {
		return desc, target + " " + mistake
	}
	switch {
	case desc.hostMistake != "" || isHost(desc.host):
	case strings.Contains(desc.host, "@"):
		desc.hostMistake = "the host contains user information"
	default:
		desc.hostMistake = fmt.Sprintf("the host %q is invalid", quote.Cut(desc.host))
	}
	return desc, ""
}

// only returns the value of a field that must appear exactly once.
func only(h http.Header, name string) (value, mistake string) {
	if mistake = missing(h, name); mistake != "" {
		return "", mistake
	}
	if values := h[name]; len(values) == 1 {
		return values[0], ""
	}
	return "", "the " + name + " field appears more than once; the proxy must replace the client's field"
}

// missing returns a text that lists all these fields that are missing or empty. It returns ""
// if no field is missing.
func missing(h http.Header, names ...string) string {
	var absent []string
	for _, name := range names {
		if values := h[name]; len(values) == 0 || len(values) == 1 && values[0] == "" {
			absent = append(absent, name)
		}
	}
	switch last := len(absent) - 1; last {
	case -1:
		return ""
	case 0:
		return "the " + absent[0] + " field is missing; the proxy must set it for every request, because otherwise a client can choose it"
	default:
		return "the " + strings.Join(absent[:last], ", ") + " and " + absent[last] + " fields are missing; the proxy must set them for every request, because otherwise a client can choose them"
	}
}

// parseTarget parses a request target in origin-form (RFC 9112, section 3.2.1). The mistake
// is the end of a sentence about the target.
func parseTarget(target string) (u *url.URL, mistake string) {
	if target == "" || target[0] != '/' {
		return nil, "does not begin with a slash; it must be a path, and may have a query"
	}
	for i := range len(target) {
		switch c := target[i]; {
		case c == ' ':
			return nil, "contains a blank"
		case c < ' ' || c == 0x7f:
			return nil, "contains a control character"
		case c == '#':
			return nil, "contains a fragment"
		}
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, "contains an invalid escape"
	}
	return u, ""
}

// isMethod reports whether s is a method (RFC 9110, section 9.1) without lower-case letters.
func isMethod(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

// isHost reports whether s is a host name or an address, with or without a port. It accepts fewer
// characters than RFC 3986, section 3.2.2, because a service may decode the escapes of a host.
func isHost(s string) bool {
	host, port := s, ""
	if address, ok := strings.CutPrefix(s, "["); ok {
		if host, port, ok = strings.Cut(address, "]"); !ok || !consistsOf(host, "ABCDEFabcdef0123456789:.") {
			return false
		}
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, port = s[:i], s[i:]
		}
		if !consistsOf(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") {
			return false
		}
	}
	return host != "" && (port == "" || port[0] == ':' && consistsOf(port[1:], "0123456789"))
}

// consistsOf reports whether s contains only these characters.
func consistsOf(s, chars string) bool {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) < 0 {
			return false
		}
	}
	return true
}
