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

// authenticate implements bearertest.Options.Authenticate. It takes the same time for an
// unknown client and for a known client with one secret.
func (env *Environment) authenticate(ctx context.Context, id, plain string) (bearertest.Client, error) {
	c, known := env.store.client(id)
	if known {
		callFrom(ctx).modify(func(call *callRecord) { call.client = id })
	} else {
		c.secrets = []secret{{}}
	}
	var used string
	hash := sha256.Sum256([]byte(plain))
	ok, wait := env.attempts.limitedCheck(id, known, func() bool {
		for _, candidate := range c.secrets {
			if candidate.hasHash(hash) {
				used = candidate.id
			}
		}
		return known && used != ""
	})
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		callFrom(ctx).modify(func(call *callRecord) { call.wait = seconds })
		return bearertest.Client{}, &bearertest.TokenError{
			Status:      http.StatusTooManyRequests,
			Code:        "invalid_client",
			Description: fmt.Sprintf("too many failed attempts by this client; try again in %d s", seconds),
		}
	}
	if !ok {
		return bearertest.Client{}, &bearertest.TokenError{Code: "invalid_client", Description: "unknown client or wrong secret"}
	}
	env.store.markUsed(id, used)
	claims := c.claims()
	tokenID := env.store.ids.nextID("tkn_")
	claims["jti"] = tokenID
	callFrom(ctx).modify(func(call *callRecord) { call.tokenID = tokenID })
	return bearertest.Client{
		ID:       c.id,
		Scopes:   c.scopes,
		Audience: c.audience,
		Lifetime: time.Duration(c.expiry) * time.Second,
		Claims:   claims,
	}, nil
}

// markUsed sets the last_used_time of a secret. It does not write the state file. The next
// change or Close writes the time to the state file.
func (s *store) markUsed(clientID, secretID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[clientID]
	if n := c.secretIndex(secretID); ok && n >= 0 {
		c = c.clone() // other goroutines can read the old slice at this time
		c.secrets[n].lastUsed = time.Now().UTC().Truncate(time.Millisecond)
		s.clients[clientID] = c
		s.unsaved = true
	}
}

// shapeToken implements bearertest.Options.Shape. It changes a token to the vendor's form.
func shapeToken(g *bearertest.Grant) {
	g.Header["typ"] = "JWT"
	g.Claims["nbf"] = g.Claims["iat"]
	if len(g.Scopes) > 0 {
		// The array "scopes" contains the same scopes as the string "scope". Some of
		// the vendor's SDKs read "scopes", and some other SDKs read "scope".
		g.Claims["scopes"] = slices.Clone(g.Scopes)
	}
}

// recordOutcomes returns a handler that passes each request to the token endpoint and
// records the outcome of the request. The web page shows the outcomes.
func (env *Environment) recordOutcomes(tokenEndpoint http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := callFrom(r.Context())
		response := &tokenResponse{ResponseWriter: w, call: call}
		defer func() {
			client, tokenID, _ := call.read()
			result := outcome{at: time.Now(), clientID: client, status: response.status, result: response.resultText()}
			if result.result == "granted" {
				result.tokenID = tokenID
			}
			env.outcomes.add(result)
		}()
		tokenEndpoint.ServeHTTP(response, r)
	})
}

// tokenResponse records the status of a response. If the response is an error,
// tokenResponse records the body, too. It does not record tokens.
type tokenResponse struct {
	http.ResponseWriter

	call   *callRecord
	status int
	body   bytes.Buffer // body of an error response
}

// WriteHeader writes the header. If the client has failed too often, WriteHeader adds the
// field Retry-After.
func (r *tokenResponse) WriteHeader(status int) {
	r.status = status
	if _, _, wait := r.call.read(); wait > 0 {
		r.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body. If the response is an error, Write also records
// this part. The record has at most maxErrorBody bytes.
func (r *tokenResponse) Write(body []byte) (int, error) {
	if r.status >= http.StatusBadRequest && r.body.Len()+len(body) <= maxErrorBody {
		r.body.Write(body)
	}
	return r.ResponseWriter.Write(body)
}

// resultText returns "granted" for a granted token, and the error code for an error (RFC
// 6749, section 5.2). If the error has no error code, resultText returns "error". If no
// response was sent, resultText returns "no response".
func (r *tokenResponse) resultText() string {
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
