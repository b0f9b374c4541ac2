package bearertest

import (
	"net/http"
)

const (
	openIDPath         = "/.well-known/openid-configuration"
	serverMetadataPath = "/.well-known/oauth-authorization-server"
)

// Metadata returns the document that the issuer serves as authorization server
// metadata (RFC 8414, section 2) and as OpenID provider metadata. It contains
// no authorization endpoint, because the issuer supports only the client
// credentials grant.
func (i *Issuer) Metadata() []byte {
	return encode(overlay(map[string]any{
		"issuer":                                i.url,
		"token_endpoint":                        i.TokenURL(),
		"jwks_uri":                              i.KeysURL(),
		"grant_types_supported":                 []string{"client_credentials"},
		"response_types_supported":              []string{},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": i.opts.Algorithms,
	}, i.opts.Metadata))
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
