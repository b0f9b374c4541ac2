package middleware

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/cleanpath"
)

// wellKnown is the path of the metadata (RFC 9728, section 3).
const wellKnown = "/.well-known/oauth-protected-resource"

// described is a verifier that lists its issuers and audiences.
type described interface {
	// AuthorizationServers returns the current issuer identifiers.
	AuthorizationServers() []string
	// Audience returns the accepted audiences.
	Audience() []string
}

// resource is the parsed Options.Resource.
type resource struct {
	identifier  string
	metadataURL string
	path, query string // the path and the query of metadataURL

	mu       sync.Mutex // guards the fields below
	document []byte     // the metadata, as JSON; nil before the first request
	built    time.Time  // when the document was built
}

// documentLifetime is the time for which the guard answers requests with the same document. A
// document costs time in proportion to the numbers of routes and issuers, and requests need no
// token.
const documentLifetime = time.Second

// newResource checks an identifier (RFC 9728, section 1.2) and derives the URL of its
// metadata. To derive the URL, newResource inserts the well-known path between the host and
// the path of the identifier (section 3.1).
func newResource(identifier string) (*resource, error) {
	bad := func(what string) (*resource, error) {
		return nil, fmt.Errorf("Options.Resource: %q: %s (RFC 9728, section 1.2)", identifier, what)
	}
	u, err := url.Parse(identifier)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Opaque != "":
		return bad("must be an absolute URL without user info")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return bad("must be https, or http on loopback")
	case u.Fragment != "" || strings.Contains(identifier, "#"):
		return bad("must not have a fragment")
	case u.RawPath != "" || strings.ContainsAny(u.Path, "{}") || (u.Path != "" && !cleanpath.Clean(u)):
		return bad("the path must be clean, without braces and without escapes such as %2F")
	}
	at := *u
	if at.Path == "/" {
		at.Path = ""
	}
	at.Path = wellKnown + at.Path
	return &resource{identifier: identifier, metadataURL: at.String(), path: at.Path, query: at.RawQuery}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// checkAudience returns an error if the verifier does not accept the resource's identifier
// as an audience. Clients request tokens with this audience (RFC 8707).
func checkAudience(identifier string, audience []string) error {
	if len(audience) == 0 || slices.Contains(audience, identifier) {
		return nil
	}
	return fmt.Errorf("Options.Resource: %q: the verifier accepts only the audience %q; add the resource to Config.Audience", identifier, audience)
}

// reservedMembers lists the members of the metadata that the guard sets itself, and the
// members of features that the guard does not support.
var reservedMembers = []string{
	"resource", "scopes_supported", "bearer_methods_supported", "signed_metadata",
	"tls_client_certificate_bound_access_tokens", "authorization_details_types_supported",
	"dpop_signing_alg_values_supported", "dpop_bound_access_tokens_required",
}

// checkMetadata returns all problems in Options.Metadata.
func (g *Guard) checkMetadata() []error {
	var errs []error
	members := g.opts.Metadata
	if len(members) > 0 && g.opts.Resource == "" {
		errs = append(errs, errors.New("Options.Metadata: must be empty if Options.Resource is empty; set Options.Resource or remove the members"))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(reservedMembers, name) {
			errs = append(errs, fmt.Errorf("Options.Metadata: %q: this member is reserved; remove it", name))
		}
	}
	if uri, ok := members["jwks_uri"]; ok {
		if text, _ := uri.(string); !strings.HasPrefix(text, "https://") {
			errs = append(errs, fmt.Errorf(`Options.Metadata: "jwks_uri": %q: must be an https URL`, uri))
		}
	}
	if algs, ok := members["resource_signing_alg_values_supported"]; ok {
		if list, isList := algs.([]string); !isList || slices.Contains(list, "none") {
			errs = append(errs, fmt.Errorf(`Options.Metadata: "resource_signing_alg_values_supported": %q: want a []string without "none"`, algs))
		}
	}
	if servers, ok := members["authorization_servers"]; ok {
		if list, isList := servers.([]string); !isList || len(list) == 0 {
			errs = append(errs, fmt.Errorf(`Options.Metadata: "authorization_servers": %q: want a []string with at least one URL`, servers))
		}
	}
	if _, err := json.Marshal(members); err != nil {
		errs = append(errs, fmt.Errorf("Options.Metadata: the members cannot be encoded as JSON: %w", err))
	}
	return errs
}

// Metadata returns the pattern and the handler for the metadata of Options.Resource (RFC
// 9728, section 3). Register the handler with
//
//	mux.Handle(guard.Metadata())
//
// The response lists the scopes of all rules that were declared with the guard so far, and the
// current issuers of the verifier. The guard builds the response at most once per second, and
// caches may keep the response for 5 min. If the verifier has many issuers and you do not want
// to list them, set "authorization_servers" in Options.Metadata. The metadata
// is public, and web pages of all origins may read it. If you use Enforce, add a public rule
// for the pattern. Without Options.Resource, the handler answers 404.
func (g *Guard) Metadata() (pattern string, handler http.Handler) {
	if g.resource == nil {
		return wellKnown, http.NotFoundHandler()
	}
	pattern = g.resource.path
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}"
	}
	return pattern, http.HandlerFunc(g.serveMetadata)
}

func (g *Guard) serveMetadata(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// The metadata is public, so web pages of every origin may read it.
	h.Set("Access-Control-Allow-Origin", "*")
	switch {
	case r.URL.Path != g.resource.path || r.URL.RawQuery != g.resource.query:
		http.NotFound(w, r)
		return
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	document, err := g.metadataDocument(time.Now())
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(document) // an error means that the client is gone
}

// metadataDocument returns the metadata as JSON. The caller must not modify the result.
func (g *Guard) metadataDocument(now time.Time) ([]byte, error) {
	r := g.resource
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.document != nil && now.Sub(r.built) < documentLifetime {
		return r.document, nil
	}
	document, err := json.Marshal(g.metadata())
	if err != nil {
		return nil, err
	}
	document = append(document, '\n')
	r.document, r.built = document, now
	return document, nil
}

// describeBindings sets the members that describe DPoP (RFC 9728, section 2), if bindings has DPoP.
func describeBindings(members map[string]any, bindings []bearer.Binding) {
	i := slices.IndexFunc(bindings, func(b bearer.Binding) bool { return b.Member == "jkt" })
	if i < 0 || len(bindings[i].Algorithms) == 0 {
		return
	}
	members["dpop_signing_alg_values_supported"] = bindings[i].Algorithms
	if !slices.ContainsFunc(bindings, func(b bearer.Binding) bool { return b.Member != "jkt" }) {
		members["dpop_bound_access_tokens_required"] = true
	}
}

// metadata returns the members of the document, without empty members (RFC 9728, section
// 3.2).
func (g *Guard) metadata() map[string]any {
	members := map[string]any{}
	if d, ok := g.verifier.(described); ok {
		if servers := d.AuthorizationServers(); len(servers) > 0 {
			members["authorization_servers"] = servers
		}
	}
	maps.Copy(members, g.opts.Metadata)
	if v, ok := g.verifier.(interface{ Accepts() []bearer.Binding }); ok {
		describeBindings(members, v.Accepts())
	}
	members["resource"] = g.resource.identifier
	members["bearer_methods_supported"] = []string{"header"}
	var names []string
	for _, route := range g.Routes() {
		names = append(names, route.Rule.Scopes()...)
	}
	if len(names) > 0 {
		slices.Sort(names)
		members["scopes_supported"] = slices.Compact(names)
	}
	return members
}
