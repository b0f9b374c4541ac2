package bearertest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/durations"
)

const (
	tokenPath   = "/oauth/token"
	maxFormSize = 64 << 10
)

// Grant describes a token before the token endpoint signs it; see
// [Options].Shape.
type Grant struct {
	// Client is the client that requested the token, without its secret.
	Client Client
	// Scopes lists the granted scopes in the order of the request. The member
	// "scope" of the response contains these scopes.
	Scopes []string
	// Header and Claims are the header and the claims of the token. The "alg" in
	// Header selects the key. If this algorithm is not supported, the response is
	// the error server_error.
	//
	// The "expires_in" of the response is "exp" minus "iat". If "exp" or "iat" is
	// not an int64, the current time is used instead.
	//
	// If the request has a DPoP proof, "cnf" in Claims has the thumbprint of its
	// key (RFC 9449, section 6.1).
	Header, Claims map[string]any
}

// TokenError is an error response of the token endpoint (RFC 6749, section
// 5.2).
type TokenError struct {
	// Status is the HTTP status. Zero means 401 if Code is invalid_client, 500 if
	// Code is server_error, and 400 for any other Code.
	Status int
	// Code is the member "error" of the response.
	Code string
	// Description is the member "error_description" of the response. The client
	// can read it. RFC 6749 allows only ASCII characters, but not " and \. If
	// Description is empty, the response does not have the member.
	Description string
}

// Error returns a text with Code and Description.
func (e *TokenError) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Code + ": " + e.Description
}

func (e *TokenError) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == "invalid_client":
		return http.StatusUnauthorized
	case e.Code == "server_error":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// tokenResponse is the successful response of RFC 6749, section 5.1.
type tokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
}

// serveToken serves the token endpoint (RFC 6749, sections 3.2 and 4.4).
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	// RFC 6749, section 5.1: caches must not store tokens.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeTokenError(w, &TokenError{
			Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "the token endpoint accepts only POST",
		})
		return
	}
	i.proofs.addNonce(w, r)
	response, err := i.grant(r)
	if err != nil {
		refusal := &TokenError{Code: "server_error"}
		errors.As(err, &refusal)
		writeTokenError(w, refusal)
		return
	}
	body, err := json.Marshal(response)
	panicIfError(err)
	writeJSON(w, http.StatusOK, body)
}

// The method grant returns the response to a token request. If the request is
// refused, the error is a *TokenError. For any other error, the response is the
// error server_error.
func (i *Issuer) grant(r *http.Request) (*tokenResponse, error) {
	form, err := readForm(r)
	if err != nil {
		return nil, err
	}
	switch form["grant_type"] {
	case "client_credentials":
	case "":
		return nil, &TokenError{Code: "invalid_request", Description: "grant_type is missing"}
	default:
		return nil, &TokenError{Code: "unsupported_grant_type", Description: "this issuer supports only the grant type client_credentials"}
	}
	id, secret, err := credentials(r, form)
	if err != nil {
		return nil, err
	}
	client, err := i.authenticate(r.Context(), id, secret)
	if err != nil {
		return nil, err
	}
	if durations.Check("", client.Lifetime, leastLifetime, defaultLifetime) != nil { // only Options.Authenticate can return such a client
		return nil, &TokenError{Code: "server_error", Description: fmt.Sprintf("Options.Authenticate: Client.Lifetime: %d has no unit", int64(client.Lifetime))}
	}
	scopes, err := client.grantable(form["scope"])
	if err != nil {
		return nil, err
	}
	g := i.newGrant(client, scopes)
	thumbprint, err := i.proofs.thumbprint(r.Header.Values(proofField), client.RequireBound)
	if err != nil {
		return nil, err
	}
	if thumbprint == "" {
		return i.sign(g, "Bearer")
	}
	g.Claims["cnf"] = map[string]any{"jkt": thumbprint}
	return i.sign(g, "DPoP") // RFC 9449, section 5
}

// newGrant returns a grant with the header and claims of an RFC 9068 token.
func (i *Issuer) newGrant(client Client, scopes []string) *Grant {
	client.Secret = ""
	now := time.Now()
	claims := i.claims(now)
	claims["sub"], claims["client_id"] = client.ID, client.ID
	if client.Lifetime != 0 {
		claims["exp"] = now.Add(client.Lifetime).Unix()
	}
	if len(client.Audience) > 0 {
		claims["aud"] = slices.Clone(client.Audience)
	}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	return &Grant{
		Client: client,
		Scopes: scopes,
		Header: i.SigningKey("").header(),
		Claims: overlay(claims, client.Claims),
	}
}

func (i *Issuer) sign(g *Grant, tokenType string) (*tokenResponse, error) {
	if i.opts.Shape != nil {
		i.opts.Shape(g)
	}
	alg, ok := g.Header["alg"].(string)
	if !ok || !isSupported(alg) {
		return nil, fmt.Errorf("algorithm %v is not supported", g.Header["alg"])
	}
	now := time.Now().Unix()
	expiry, ok := g.Claims["exp"].(int64)
	if !ok {
		expiry = now
	}
	issued, ok := g.Claims["iat"].(int64)
	if !ok {
		issued = now
	}
	return &tokenResponse{
		AccessToken: i.SigningKey(alg).Sign(encode(overlay(g.Header, nil)), encode(overlay(g.Claims, nil))),
		TokenType:   tokenType,
		ExpiresIn:   expiry - issued,
		Scope:       strings.Join(g.Scopes, " "),
	}, nil
}

// grantable returns the scopes that the issuer grants to the client. The
// argument is the parameter scope of the request. If it is empty, grantable
// returns all scopes of the client (RFC 6749, section 3.3).
func (c Client) grantable(requested string) ([]string, error) {
	if requested == "" {
		return slices.Clone(c.Scopes), nil
	}
	var granted []string
	for scope := range strings.SplitSeq(requested, " ") {
		if !isScope(scope) {
			return nil, &TokenError{Code: "invalid_scope", Description: "the scope parameter is malformed"}
		}
		if !slices.Contains(c.Scopes, scope) {
			return nil, &TokenError{Code: "invalid_scope", Description: "a scope is unknown or not granted to this client"}
		}
		if !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	return granted, nil
}

// readForm returns the parameters of the body. It ignores parameters of the
// URL, because RFC 6749, section 2.3.1, forbids credentials in the URL.
func readForm(r *http.Request) (map[string]string, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, &TokenError{Code: "invalid_request", Description: "the body must be application/x-www-form-urlencoded"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFormSize+1))
	if err != nil || len(body) > maxFormSize {
		return nil, &TokenError{Code: "invalid_request", Description: "the body is too large or incomplete"}
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &TokenError{Code: "invalid_request", Description: "the body is malformed"}
	}
	form := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 { // RFC 6749, section 3.2
			return nil, &TokenError{Code: "invalid_request", Description: "a parameter is repeated"}
		}
		form[name] = all[0]
	}
	return form, nil
}

// The function credentials returns the client's ID and secret from HTTP Basic
// or from the body (RFC 6749, section 2.3.1). It refuses a request that has
// both (section 2.3). It ignores an Authorization header with a different
// scheme, because the SDK of a vendor sends a Bearer token with the request.
func credentials(r *http.Request, form map[string]string) (id, secret string, err error) {
	authorization := r.Header.Values("Authorization")
	basic := slices.ContainsFunc(authorization, func(value string) bool {
		scheme, _, _ := strings.Cut(value, " ")
		return strings.EqualFold(scheme, "Basic")
	})
	if !basic {
		if form["client_id"] == "" || form["client_secret"] == "" {
			return "", "", &TokenError{Code: "invalid_client", Description: "client credentials are missing"}
		}
		return form["client_id"], form["client_secret"], nil
	}
	id, secret, ok := r.BasicAuth()
	if len(authorization) > 1 || form["client_secret"] != "" {
		return "", "", &TokenError{Code: "invalid_request", Description: "the client authenticates in more than one way"}
	}
	// RFC 6749, section 2.3.1: the client form-encodes the ID and the secret
	// before it joins them.
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	if !ok || err1 != nil || err2 != nil {
		return "", "", &TokenError{Code: "invalid_client", Description: "the Basic credentials are malformed"}
	}
	if other := form["client_id"]; other != "" && other != id {
		return "", "", &TokenError{Code: "invalid_request", Description: "client_id differs from the ID in the Basic credentials"}
	}
	return id, secret, nil
}

func writeTokenError(w http.ResponseWriter, e *TokenError) {
	if e.status() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="token endpoint"`) // RFC 9110, section 15.5.2
	}
	body, err := json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, e.Description})
	panicIfError(err)
	writeJSON(w, e.status(), body)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only if the client closed the connection
}
