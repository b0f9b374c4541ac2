package middleware

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// overrideFields lists request fields that name a method, a target or a host. A service that
// obeys such a field serves a different request than the request that the guard has checked.
// A comment names programs that read or write the field. Tools that search for bypasses also
// try the fields without a comment. The names are in canonical form.
//
// The list does not contain fields of responses, such as X-Accel-Redirect and X-Sendfile. It
// does not contain fields that describe only the client, such as X-Real-Ip. Query parameters
// and form fields such as "_method" belong to the service.
var overrideFields = []string{
	// The method.
	"X-Envoy-Original-Method", // Envoy: the method before transcoding to gRPC
	"X-Forwarded-Method",      // Traefik and Caddy: the method of the request before forward-auth
	"X-Http-Method",           // OData and ASP.NET Web API
	"X-Http-Method-Override",  // Rack and Rails, Symfony, Slim, WordPress, Express method-override, Plack, gorilla/handlers, echo
	"X-Http-Methodoverride",   // a spelling that some programs read
	"X-Method-Override",       // Express method-override
	"X-Original-Method",       // ingress-nginx: the method of the request before auth_request

	// The path or the URL.
	"X-Accel-Mapping",       // Rack::Sendfile: replaces a part of the file's path (CVE-2025-61780)
	"X-Envoy-Original-Path", // Envoy: the path before a rewrite
	"X-Envoy-Original-Url",  // Envoy: the URL before an internal redirect
	"X-Forwarded-Base-Path", // a part of the path that a proxy has removed
	"X-Forwarded-Path",      // Kong: the path before the removal of the route's prefix
	"X-Forwarded-Pathbase",  // YARP: the part of the path that the proxy has removed
	"X-Forwarded-Uri",       // Traefik and Caddy: the target of the request before forward-auth
	"X-Forwarded-Url",       // programs on Vercel
	"X-Http-Destinationurl",
	"X-Http-Path-Override",
	"X-Invoke-Path",     // Next.js
	"X-Matched-Path",    // Next.js, programs on Vercel
	"X-Ms-Original-Url", // Azure Static Web Apps: the URL before a rewrite; adapters of Svelte and Nitro
	"X-Original-Path",
	"X-Original-Uri", // nginx: the usual name of the target in configurations with auth_request
	"X-Original-Url", // IIS URL Rewrite; Symfony (CVE-2018-14773), Laminas; ingress-nginx
	"X-Override-Url",
	"X-Proxy-Url",
	"X-Real-Url",
	"X-Replaced-Path", // Traefik: the path before ReplacePath
	"X-Request-Uri",   // Squid, ILC
	"X-Request-Url",
	"X-Rewrite-Path",
	"X-Rewrite-Uri",
	"X-Rewrite-Url",        // ISAPI_Rewrite; Symfony (CVE-2018-14773), Laminas, Yii
	"X-Script-Name",        // WSGI programs that remove the value from the start of the path
	"X-Sendfile-Type",      // Rack::Sendfile: with X-Accel-Mapping, the file that a proxy in front sends
	"X-Waws-Unencoded-Url", // Azure App Service: the path before decoding

	// The host.
	"Disguised-Host",        // Azure App Service: the host before a rewrite
	"X-Envoy-Original-Host", // Envoy: the host before a rewrite
	"X-Host",
	"X-Host-Override",
	"X-Http-Host-Override",
	"X-Original-Host", // ASP.NET Core, ngrok
	"X-Proxy-Host",
	"X-Real-Host",
}

// forwardingFields lists fields that many proxies add to every request. Some frameworks take
// the host, the scheme or a prefix of the path from these fields. [Guard.Proxy] removes the
// client's copies. Options.RefuseOverrides accepts the fields, because otherwise a service
// behind such a proxy refuses every request. The names are in canonical form.
var forwardingFields = []string{
	"Forwarded", // RFC 7239
	"X-Forwarded",
	"X-Forwarded-For",
	"X-Forwarded-Host",
	"X-Forwarded-Port",   // Spring and Rails take the port of the host from this field
	"X-Forwarded-Prefix", // Spring, ASP.NET Core and Werkzeug add the prefix to the URL of the program
	"X-Forwarded-Proto",
	"X-Forwarded-Scheme", // Rack takes the scheme from this field and from X-Forwarded-Ssl
	"X-Forwarded-Ssl",
	"X-Forwarded-Server", // Apache httpd
}

// overrides returns the names of the fields in h that a service may read as one of
// overrideFields, without the fields with one of the names in except. The result contains the
// names of the list, is sorted, and has no duplicates. It is nil if there are no such fields.
func overrides(h http.Header, except ...string) []string {
	var found []string
	for name := range h {
		if slices.Contains(except, name) {
			continue
		}
		if i := slices.IndexFunc(overrideFields, func(field string) bool { return readsAs(name, field) }); i >= 0 {
			found = append(found, overrideFields[i])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// removeOverrides removes the fields of overrideFields and forwardingFields from h, in every
// spelling.
func removeOverrides(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		same := func(field string) bool { return readsAs(name, field) }
		return slices.ContainsFunc(overrideFields, same) || slices.ContainsFunc(forwardingFields, same)
	})
}

// overridden returns a text for logs that names the override fields of the request, or "" if
// the guard accepts the request. The text is "" unless Options.RefuseOverrides is set.
//
// [Guard.ForwardAuth] must remove the fields of its own dialect from the header before the
// check, because the proxy sets these fields in every request.
func (g *Guard) overridden(r *http.Request) string {
	if !g.opts.RefuseOverrides {
		return ""
	}
	names := overrides(r.Header)
	for _, name := range overrides(r.Trailer) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "the request has fields that name another method, target or host: " + strings.Join(names, ", ")
}

// readsAs reports whether a server may read name as the field, which contains only letters,
// digits and hyphens. CGI replaces "-" with "_", and some servers replace every character
// except letters and digits. Letter case does not matter in field names.
func readsAs(name, field string) bool {
	if len(name) != len(field) {
		return false
	}
	for i := range len(name) {
		a, b := name[i], field[i]
		if b == '-' && isAlphanumeric(a) || b != '-' && a|0x20 != b|0x20 {
			return false
		}
	}
	return true
}
