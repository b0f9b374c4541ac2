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

// Options is what a Guard may be told. The zero Options, and nil, are the strict
// choice.
type Options struct {
	// Realm is the realm of challenges (RFC 9110, section 11.5): printable
	// ASCII without quotes. Empty: "api", unless there is a ResourceMetadata.
	Realm string
	// Resource is the identifier of the protected resource (RFC 9728, section
	// 1.2): the https URL of the API, or on loopback an http one. Guard.Metadata
	// describes it, and challenges say where. The verifier must accept it as an
	// audience. A guard has one; prefixes that are resources of their own have
	// guards of their own. Empty: none.
	Resource string
	// ResourceMetadata is the absolute URL of the protected resource's metadata
	// (RFC 9728, section 5.1) for challenges. Where there is one, challenges
	// without an error name the scopes that the rule asks for. Empty: that of
	// Resource, if there is one.
	ResourceMetadata string
	// Metadata is further members of the metadata, such as "resource_name" and
	// "resource_documentation" (RFC 9728, section 2). "authorization_servers"
	// replaces the verifier's issuers, where the metadata of an authorization
	// server is not that of the "iss" of its tokens. What the guard itself
	// decides cannot be replaced. Nil: none.
	Metadata map[string]any
	// Observer is told the outcome of every request that the guard decides on. Nil:
	// the verifier is told, if it is a [bearer.Observer].
	Observer bearer.Observer
	// Body returns the body of a refusal, whose Header and Body are not made yet. It is
	// called once for each, by many goroutines at once. Nil: application/problem+json
	// (RFC 9457) where the client asks for it by name, and a small application/json
	// otherwise.
	Body func(r *http.Request, refusal Refusal) (contentType string, body []byte)
	// AllowPreflight lets CORS preflight requests through without a token, for
	// routes with a rule for the method that they ask about. The handler behind
	// MUST answer them and do nothing else: anybody can send one. False: they
	// are judged like other requests, which is right where the CORS middleware
	// is in front of the guard.
	AllowPreflight bool
	// ExposeChallenge lets scripts of other origins read WWW-Authenticate and
	// Retry-After of refusals (Access-Control-Expose-Headers), where the CORS
	// middleware lets them read responses at all. False: what it exposes.
	ExposeChallenge bool
	// RemoveAuthorization removes the Authorization field before the handler,
	// whatever the rule. False: the handler sees it.
	RemoveAuthorization bool
	// Headers is request fields for the handler, and response fields of
	// ForwardAuth, made of the caller's claims, as in
	//
	//	"X-Subject": (*bearer.Claims).Subject
	//
	// Copies that the client sent are removed in any case, also where there is no
	// caller, and also those with "_" or another sign for "-". In values, everything but
	// printable ASCII is percent-encoded, and so are '%', '"', '\', ',' and a space at
	// either end; [net/url.PathUnescape] decodes them. An empty value is not sent. Nil:
	// none.
	Headers map[string]func(*bearer.Claims) string
}

// New returns a Guard that asks v. The error reports all that is wrong at once.
//
// A verifier that has the methods AuthorizationServers() []string and Audience()
// []string, as those of package bearer do, is asked for Guard.Metadata.
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
		errs = append(errs, fmt.Errorf("Options.Observer: a nil %T, or one with a nil observer in it", opts.Observer))
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
