package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/refusal"
)

// Options configures a Guard. Nil is the same as the zero Options. Compared with the zero
// Options, AllowPreflight is the only option that lets additional requests through.
type Options struct {
	// Realm is the realm in the challenges of refusals (RFC 9110, section 11.5). It must be
	// printable ASCII without '"' and '\'. Empty: the realm is "api" if challenges contain
	// no metadata URL; otherwise challenges contain no realm.
	Realm string
	// Resource is the identifier of the protected resource (RFC 9728, section 1.2). It must
	// be the https URL of the API, or an http URL on loopback. The verifier must accept the
	// identifier as an audience. Guard.Metadata describes the resource, and challenges
	// contain the URL of this metadata. A guard has one resource. If an API consists of
	// several resources, use one guard for each resource. Empty: the guard has no resource.
	Resource string
	// ResourceMetadata is the absolute URL of the protected resource's metadata (RFC 9728,
	// section 5.1) for challenges. If challenges contain this URL, the challenge of a 401
	// also names the scopes that the rule requires. If the rule has alternatives, the
	// challenge names one of them; see scopes.Rule.Required. Empty: the URL that New derives
	// from Resource, if Resource is set.
	ResourceMetadata string
	// Metadata contains additional members of the metadata, such as "resource_name" and
	// "resource_documentation" (RFC 9728, section 2). The member "authorization_servers"
	// replaces the list of the verifier's issuers. Set this member if an authorization
	// server publishes its metadata at a URL that differs from the "iss" of its tokens. New
	// returns an error for members that the guard sets itself, and for members of features
	// that the guard does not support. Nil: the metadata has no additional members.
	Metadata map[string]any
	// Observer receives the outcome of every request, except requests to public routes and
	// preflight requests that AllowPreflight lets through. Nil: the comment of
	// [bearer.Verifier] explains which observer receives the outcomes.
	Observer bearer.Observer
	// Body returns the content type and the body of a refusal. The guard calls Body once
	// per refusal, before it sets refusal.Header and refusal.Body. Body must be safe for
	// concurrent use. Nil: the body is a small JSON object. The type of the body is
	// application/problem+json (RFC 9457) if the client's Accept field names this type and
	// does not prefer application/json. In all other cases, the type is application/json.
	Body func(r *http.Request, refusal Refusal) (contentType string, body []byte)
	// AllowPreflight lets CORS preflight requests through without a token, if the route has
	// a rule for the method that the preflight request announces. The router serves the
	// request with the handler of OPTIONS, which can be a handler for several routes or for
	// requests without a route. With [Guard.EnforceRoutes], a route for OPTIONS must have a
	// rule too; with [Guard.Enforce], the guard does not know this route. The handler MUST
	// answer such a request and do nothing else, because every client can send preflight
	// requests.
	// A preflight request has no credentials, no body and no trailers. A chunked body of
	// HTTP/1.1 or a DATA frame of HTTP/2 may be empty: the guard waits for the end or the
	// first byte of such a body. Only [net/http.Server.ReadTimeout] bounds this wait.
	// False: the guard checks preflight requests like all other requests. Use false if the
	// CORS middleware runs before the guard.
	AllowPreflight bool
	// ExposeChallenge adds the field names WWW-Authenticate and DPoP-Nonce, or Retry-After, to the field
	// Access-Control-Expose-Headers of a refusal, and DPoP-Nonce to the field of another response that
	// has a nonce. If the CORS middleware allows other
	// origins to read responses, scripts of these origins can read the named field. False:
	// scripts can read only the fields that the CORS middleware exposes.
	ExposeChallenge bool
	// RemoveAuthorization removes the fields Authorization and DPoP from the handler's request, even
	// if the route is public. False: the handler's request contains the fields. Use false if a service
	// behind this one checks the same proof again.
	RemoveAuthorization bool
	// WebSocket contains the patterns of the routes for which [Guard.Proxy] passes WebSocket
	// handshakes (RFC 6455, section 4.1) to the service. A pattern must equal the value "route"
	// in the log, for example "GET /ws/", with the method. Observers receive the same value. A
	// route without a pattern has no WebSockets. If the proxy does not pass a handshake because
	// of its pattern, the guard logs the pattern to Logger. The field has no effect on
	// [Guard.ForwardAuth].
	//
	// The guard checks only the handshake, so a WebSocket outlives its token. Nothing ends the
	// connection when the token expires or is revoked. The service can end the connection
	// itself: let a function in Headers add the expiry of the token to the request. New returns
	// an error for empty and repeated patterns, and for patterns with a method other than GET,
	// such as "get /ws/". Nil: Proxy passes no handshake.
	WebSocket []string
	// RefuseOverrides refuses requests with a field that names another method, target or host,
	// such as X-Original-URL and X-HTTP-Method-Override. The guard knows these fields in every
	// spelling that a service may read as the same name, for example with "_" in place of "-".
	// Fields that proxies add to every request do not count: Forwarded, X-Forwarded-Host and
	// similar fields. For a refused request, no rule applies, even if the route is public.
	// False: the guard ignores the fields. [Guard.Proxy] always removes the fields.
	RefuseOverrides bool
	// Dialect names the way in which the proxy asks [Guard.ForwardAuth] about a request of a
	// client. It determines the fields that describe the client's request, and the statuses of
	// the answers. A guard never guesses the dialect, because a client can send the fields of a
	// dialect that the proxy does not use. Any other name is an error of New. The names are:
	//
	//   - "", for the directive auth_request of nginx. The proxy sets X-Forwarded-Method,
	//     X-Forwarded-Uri and X-Forwarded-Host. The statuses are 204, 401 and 403, because nginx
	//     turns every other error status into 500: the answer is 401 in place of 400, and 403 in
	//     place of 500 and 503. The field X-Auth-Error of a refusal contains [Refusal].Error. The
	//     only exception is "temporarily_unavailable", for which the field contains
	//     "unavailable". If the field contains "unavailable", the response contains Retry-After,
	//     and the proxy should answer 503. If the field contains "server_error", the proxy should
	//     answer 500.
	//   - "caddy", for forward_auth of Caddy and for ForwardAuth of Traefik. The fields are the
	//     same as for nginx. A refusal has the same status as the answers of [Guard.Deny], such
	//     as 503 and 500, and no field X-Auth-Error. The proxy sends it to the client without a
	//     change.
	//   - "haproxy", for the Lua script in examples/forwardauth. Its fields and its statuses are
	//     the same as for "caddy".
	//   - "ingress-nginx", for the annotation auth-url of ingress-nginx. The proxy sets
	//     X-Original-Method, and X-Original-URL to an absolute URL. The host of the client's
	//     request is the host of this URL. The statuses are the same as for nginx.
	//   - "envoy", for ext_authz of Envoy with http_service. The method and the host of the
	//     proxy's request are those of the client's request. If path_prefix is set,
	//     [http.StripPrefix] with this prefix must be in front of the handler. The answer is 200
	//     if the request may pass. Then X-Envoy-Auth-Headers-To-Remove names the client's fields
	//     that Envoy must not forward. A refusal is 400, 401 or 403; it is 403 in place of 500
	//     and 503, because a status of 500 or more counts as a fault of the guard, and
	//     failure_mode_allow lets the request pass. The field X-Auth-Error is the same as for
	//     nginx.
	Dialect string
	// Logger receives a record if ForwardAuth ignores fields that name another method, target
	// or host, and if Proxy does not pass a WebSocket handshake because of its pattern. The
	// guard writes at most one record of each kind per minute, with the names of the fields or
	// the patterns, and the number of requests. Outcomes of requests go to the Observer. Nil:
	// [slog.Default].
	Logger *slog.Logger
	// Headers contains the fields that the guard makes from the caller's claims. The guard
	// adds these fields to the handler's request; ForwardAuth adds them to its response.
	// The key is the name of the field. The function returns the value of the field, and
	// must be safe for concurrent use. An example:
	//
	//	"X-Subject": (*bearer.Claims).Subject
	//
	// The guard always removes the client's own copies of these fields, even if the request
	// has no valid token. It also removes copies whose name has "_" or a different
	// character in place of "-". If a value is empty, the handler's request does not contain
	// the field. New returns an error for names of fields that HTTP itself uses, such as
	// Cookie and Host.
	//
	// In a value, the guard percent-encodes the characters '%', '"', '\' and ',', a space
	// at the start or end, and every character that is not printable ASCII. The function
	// [net/url.PathUnescape] decodes a value. Nil: the guard makes no fields from the
	// claims.
	Headers map[string]func(*bearer.Claims) string
}

// New returns a Guard that verifies tokens with v. The error lists all problems at once.
// Nil opts are the same as the zero Options.
//
// *[bearer.JWTVerifier] and *[bearer.Issuers] have the methods AuthorizationServers()
// []string and Audience() []string. If v has these methods, Guard.Metadata lists the
// authorization servers. In addition, if Options.Resource is set and v has audiences,
// New returns an error unless Options.Resource is one of these audiences.
func New(v bearer.Verifier, opts *Options) (*Guard, error) {
	if opts == nil {
		opts = &Options{}
	}
	g := &Guard{verifier: v, opts: *opts}
	g.opts.Metadata, g.opts.Headers, g.opts.WebSocket = maps.Clone(opts.Metadata), nil, slices.Clone(opts.WebSocket)
	var errs []error
	if nilcheck.IsNil(v) {
		errs = append(errs, errors.New("verifier: nil; pass the result of bearer.New"))
	}
	if opts.Observer != nil && nilcheck.HasNil(opts.Observer) {
		errs = append(errs, fmt.Errorf("Options.Observer: the %T is nil, an empty list or a list that contains nil; for no observer, leave the field unset", opts.Observer))
	}
	if opts.Resource != "" {
		resource, err := newResource(opts.Resource)
		if err != nil {
			errs = append(errs, err)
		} else if g.resource = resource; opts.ResourceMetadata == "" {
			g.opts.ResourceMetadata = resource.metadataURL
		}
		if d, ok := v.(described); ok && !nilcheck.IsNil(v) {
			errs = append(errs, checkAudience(opts.Resource, d.Audience()))
		}
	}
	params := refusal.Params{Realm: opts.Realm, ResourceMetadata: g.opts.ResourceMetadata}
	errs = append(errs, params.Check()...)
	errs = append(errs, g.checkMetadata()...)
	errs = append(errs, checkWebSocket(opts.WebSocket)...)
	errs = append(errs, checkDialect(opts.Dialect))
	headers, headerErrs := compileHeaders(opts.Headers)
	errs = append(errs, headerErrs...)
	g.headers = headers
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("middleware: %w", err)
	}
	g.challenges = refusal.NewChallenges(params)
	return g, nil
}
