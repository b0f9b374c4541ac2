package scalekit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/bearertest"
)

const maxErrorBody = 4 << 10

// authenticate implements bearertest.Options.Authenticate. It takes the same time for
// an unknown client as for a known client with one secret.
func (env *Environment) authenticate(ctx context.Context, id, plain string) (bearertest.Client, error) {
	c, known := env.store.client(id)
	if known {
		callFrom(ctx).note(func(call *call) { call.client = id })
	} else {
		c.secrets = []secret{{}}
	}
	var used string
	hash := sha256.Sum256([]byte(plain))
	ok, wait := env.attempts.try(id, known, func() bool {
		for _, candidate := range c.secrets {
			if candidate.matches(hash) {
				used = candidate.id
			}
		}
		return known && used != ""
	})
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		callFrom(ctx).note(func(call *call) { call.wait = seconds })
		return bearertest.Client{}, &bearertest.TokenError{
			Status:      http.StatusTooManyRequests,
			Code:        "invalid_client",
			Description: fmt.Sprintf("too many failed attempts by this client; try again in %d s", seconds),
		}
	}
	if !ok {
		return bearertest.Client{}, &bearertest.TokenError{Code: "invalid_client", Description: "unknown client or wrong secret"}
	}
	env.store.use(id, used)
	claims := c.claims()
	tokenID := env.store.ids.next("tkn_")
	claims["jti"] = tokenID
	callFrom(ctx).note(func(call *call) { call.tokenID = tokenID })
	return bearertest.Client{
		ID:       c.id,
		Scopes:   c.scopes,
		Audience: c.audience,
		Lifetime: time.Duration(c.expiry) * time.Second,
		Claims:   claims,
	}, nil
}

// use sets the last_used_time of a secret. It does not write the state file: the next
// change or Close writes the time.
func (s *store) use(clientID, secretID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[clientID]
	if n := c.secretIndex(secretID); ok && n >= 0 {
		c = c.clone() // other goroutines may still read the old slice
		c.secrets[n].lastUsed = time.Now().UTC().Truncate(time.Millisecond)
		s.clients[clientID] = c
		s.unsaved = true
	}
}

// shape implements bearertest.Options.Shape. It gives tokens the vendor's form.
func shape(g *bearertest.Grant) {
	g.Header["typ"] = "JWT"
	g.Claims["nbf"] = g.Claims["iat"]
	if len(g.Scopes) > 0 {
		// The array "scopes" repeats the string "scope": some of the vendor's SDKs
		// read "scopes", and others read "scope".
		g.Claims["scopes"] = slices.Clone(g.Scopes)
	}
}

// token wraps the token endpoint and records the outcome of each request. The web page
// shows the outcomes.
func (env *Environment) token(endpoint http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := callFrom(r.Context())
		response := &tokenResponse{ResponseWriter: w, call: call}
		defer func() {
			client, tokenID, _ := call.read()
			result := outcome{at: time.Now(), clientID: client, status: response.status, result: response.result()}
			if result.result == "granted" {
				result.tokenID = tokenID
			}
			env.outcomes.add(result)
		}()
		endpoint.ServeHTTP(response, r)
	})
}

// tokenResponse records the status of a response and the body of an error. It does not
// record tokens.
type tokenResponse struct {
	http.ResponseWriter

	call   *call
	status int
	body   bytes.Buffer // body of an error response
}

// WriteHeader adds Retry-After if the client has failed too often.
func (r *tokenResponse) WriteHeader(status int) {
	r.status = status
	if _, _, wait := r.call.read(); wait > 0 {
		r.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body and records it if the response is an error.
func (r *tokenResponse) Write(body []byte) (int, error) {
	if r.status >= http.StatusBadRequest && r.body.Len()+len(body) <= maxErrorBody {
		r.body.Write(body)
	}
	return r.ResponseWriter.Write(body)
}

// result returns "granted" or the error code (RFC 6749, section 5.2). Without an error
// code it returns "error", and without a response "no response".
func (r *tokenResponse) result() string {
	var failure struct {
		Error string `json:"error"`
	}
	switch {
	case r.status == 0:
		return "no response"
	case r.status < http.StatusBadRequest:
		return "granted"
	case json.Unmarshal(r.body.Bytes(), &failure) != nil || failure.Error == "":
		return "error"
	}
	return failure.Error
}
