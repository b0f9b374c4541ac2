package middleware

import (
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/refusal"
)

// Options configures a Guard. Nil is the same as the zero Options. Only AllowPreflight lets
// more requests through than the zero Options.
type Options struct {
	// Realm is the realm in the challenges of refusals (RFC 9110, section 11.5): printable
	// ASCII without '"' and '\'. Empty: "api" if there is no ResourceMetadata, and
	// otherwise no realm.
	Realm string
	// Resource is the identifier of the protected resource (RFC 9728, section 1.2): the
	// https URL of the API, or an http URL on loopback. The verifier must accept the
	// identifier as an audience. Guard.Metadata describes the resource, and challenges
	// contain the URL of this metadata. A guard has one resource; if an API consists of
	// several resources, use one guard for each resource. Empty: none.
	Resource string
	// ResourceMetadata is the absolute URL of the protected resource's metadata (RFC 9728,
	// section 5.1) for challenges. Empty: the metadata URL of Resource, if Resource is set.
	// With a metadata URL, the challenge of a 401 also names the scopes that the rule
	// requires.
	ResourceMetadata string
	// Metadata contains further members of the metadata, such as "resource_name" and
	// "resource_documentation" (RFC 9728, section 2). "authorization_servers" replaces the
	// verifier's issuers; set this member if an authorization server publishes its metadata
	// under a URL that differs from the "iss" of its tokens. New refuses members that the
	// guard sets itself. Nil: none.
	Metadata map[string]any
	// Observer receives the outcome of every request, except requests to public routes and
	// preflight requests that AllowPreflight lets through. Nil: the verifier receives the
	// outcomes, if it is a [bearer.Observer].
	Observer bearer.Observer
	// Body returns the content type and the body of a refusal. It is called once per
	// refusal, before refusal.Header and refusal.Body are set. It must be safe for
	// concurrent use. Nil: application/problem+json (RFC 9457) if the client's Accept field
	// names that type and does not prefer application/json, and otherwise a small
	// application/json object.
	Body func(r *http.Request, refusal Refusal) (contentType string, body []byte)
	// AllowPreflight lets CORS preflight requests through without a token, if the route has
	// a rule for the method that the preflight request announces. The handler MUST only
	// answer such a request and do nothing else, because every client can send preflight
	// requests. False: preflight requests need a token like other requests. Use false if
	// the CORS middleware runs before the guard.
	AllowPreflight bool
	// ExposeChallenge adds WWW-Authenticate and Retry-After of refusals to
	// Access-Control-Expose-Headers. Scripts of other origins can then read these fields,
	// if the CORS middleware allows those origins to read responses. False: scripts can
	// read only the fields that the CORS middleware exposes.
	ExposeChallenge bool
	// RemoveAuthorization removes the Authorization field from the handler's request, also
	// for public routes. False: the handler's request contains the field.
	RemoveAuthorization bool
	// Headers contains the fields that the guard makes from the caller's claims: request
	// fields for the handler, and response fields of ForwardAuth. The key is the name of
	// the field, and the function returns its value and must be safe for concurrent use. An
	// example:
	//
	//	"X-Subject": (*bearer.Claims).Subject
	//
	// The guard always removes the client's own copies of these fields, even if the request
	// has no valid token. It also removes copies with "_" or another character in place of
	// "-". If a value is empty, the handler's request does not contain the field. New
	// refuses the names of fields that HTTP itself uses, such as Cookie and Host.
	//
	// The guard percent-encodes values: everything except printable ASCII, and also '%',
	// '"', '\', ',', and a space at the start or end. [net/url.PathUnescape] decodes a
	// value. Nil: none.
	Headers map[string]func(*bearer.Claims) string
}

// New returns a Guard that verifies tokens with v. The error lists all problems at once.
// Nil opts are the same as the zero Options.
//
// If v has the methods AuthorizationServers() []string and Audience() []string, as the
// verifiers of package bearer have, Guard.Metadata lists the authorization servers, and New
// checks that the audience contains Options.Resource.
func New(v bearer.Verifier, opts *Options) (*Guard, error) {
	if opts == nil {
		opts = &Options{}
	}
	g := &Guard{verifier: v, opts: *opts}
	g.opts.Metadata, g.opts.Headers = maps.Clone(opts.Metadata), nil
	var errs []error
	if nilcheck.IsNil(v) {
		errs = append(errs, errors.New("verifier: nil"))
	}
	if opts.Observer != nil && nilcheck.HasNil(opts.Observer) {
		errs = append(errs, fmt.Errorf("Options.Observer: the %T is nil or contains a nil observer; leave the field unset for none", opts.Observer))
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
	headers, headerErrs := compileHeaders(opts.Headers)
	errs = append(errs, headerErrs...)
	g.headers = headers
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("middleware: %w", err)
	}
	g.challenges = refusal.NewChallenges(params)
	return g, nil
}
