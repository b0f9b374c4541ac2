package bearertest

import (
	"net/http"
)

const (
	openIDPath         = "/.well-known/openid-configuration"
	serverMetadataPath = "/.well-known/oauth-authorization-server"
	authorizePath      = "/oauth/authorize"
)

// Metadata returns the document that the issuer serves as authorization server
// metadata (RFC 8414, section 2) and as OpenID provider metadata. The issuer
// supports only the client credentials grant, as "grant_types_supported" says.
// But the document also describes an authorization endpoint, because vendors have
// one, and because some client libraries accept no document without it. This
// endpoint refuses every request and never redirects.
func (i *Issuer) Metadata() []byte {
	return encode(overlay(map[string]any{
		"issuer":                                i.url,
		"authorization_endpoint":                i.base + authorizePath,
		"token_endpoint":                        i.TokenURL(),
		"jwks_uri":                              i.KeysURL(),
		"grant_types_supported":                 []string{"client_credentials"},
		"response_types_supported":              []string{"code"}, // must not be empty, and vendors have this value
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": i.opts.Algorithms,
		"dpop_signing_alg_values_supported":     proofAlgorithms(), // RFC 9449, section 5.1
	}, i.opts.Metadata))
}

// serveAuthorize refuses every request to the authorization endpoint. It does not
// read the request, so it never sends a browser to the "redirect_uri" of a request
// (RFC 6749, section 4.1.2.1).
func serveAuthorize(w http.ResponseWriter, r *http.Request) {
	refusal := &TokenError{
		Code: "unauthorized_client", Description: "this issuer has no users and supports only the grant type client_credentials",
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		refusal = &TokenError{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "the authorization endpoint accepts only GET and POST"}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeTokenError(w, refusal)
}

func (i *Issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, i.Metadata())
}

// readOnly passes GET and HEAD requests to h. It answers all other requests
// with the status 405.
func readOnly(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		h(w, r)
	})
}
