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

// authenticate is bearertest.Options.Authenticate. An unknown client costs as
// much as a known one with one secret.
func (env *Environment) authenticate(ctx context.Context, id, plain string) (bearertest.Client, error) {
	c, known := env.store.client(id)
	if known {
		callOf(ctx).note(func(call *call) { call.client = id })
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
		callOf(ctx).note(func(call *call) { call.wait = seconds })
		return bearertest.Client{}, &bearertest.TokenError{
			Status:      http.StatusTooManyRequests,
			Code:        "invalid_client",
			Description: fmt.Sprintf("too many failed attempts of this client, the next one may come in %d s", seconds),
		}
	}
	if !ok {
		return bearertest.Client{}, &bearertest.TokenError{Code: "invalid_client", Description: "unknown client or wrong secret"}
	}
	env.store.use(id, used)
	claims := c.claims()
	tokenID := env.store.ids.next("tkn_")
	claims["jti"] = tokenID
	callOf(ctx).note(func(call *call) { call.tokenID = tokenID })
	return bearertest.Client{
		ID:       c.id,
		Scopes:   c.scopes,
		Audience: c.audience,
		Lifetime: time.Duration(c.expiry) * time.Second,
		Claims:   claims,
	}, nil
}

// use notes that a secret was used. It is not worth a write to the state's
// file: that is done with the next change.
func (s *store) use(clientID, secretID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[clientID]
	if n := c.secretIndex(secretID); ok && n >= 0 {
		c = c.clone() // what readers got stays as it is
		c.secrets[n].lastUsed = time.Now().UTC().Truncate(time.Millisecond)
		s.clients[clientID] = c
		s.unsaved = true
	}
}

// shape is bearertest.Options.Shape: what every token of the vendor's has.
func shape(g *bearertest.Grant) {
	g.Header["typ"] = "JWT"
	g.Claims["nbf"] = g.Claims["iat"]
	if len(g.Scopes) > 0 {
		// Beside the string "scope": the vendor's SDKs read the one or the other.
		g.Claims["scopes"] = slices.Clone(g.Scopes)
	}
}

// token puts what the page wants to know about the token endpoint around it.
func (env *Environment) token(endpoint http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := callOf(r.Context())
		answer := &tokenAnswer{ResponseWriter: w, call: call}
		defer func() {
			client, tokenID, _ := call.read()
			result := outcome{at: time.Now(), clientID: client, status: answer.status, result: answer.result()}
			if result.result == "granted" {
				result.tokenID = tokenID
			}
			env.outcomes.add(result)
		}()
		endpoint.ServeHTTP(answer, r)
	})
}

// tokenAnswer remembers how the token endpoint answered, but no token.
type tokenAnswer struct {
	http.ResponseWriter

	call   *call
	status int
	body   bytes.Buffer // of an error
}

// WriteHeader adds when to come back to a client that failed too often.
func (a *tokenAnswer) WriteHeader(status int) {
	a.status = status
	if _, _, wait := a.call.read(); wait > 0 {
		a.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body.
func (a *tokenAnswer) Write(body []byte) (int, error) {
	if a.status >= http.StatusBadRequest && a.body.Len()+len(body) <= maxErrorBody {
		a.body.Write(body)
	}
	return a.ResponseWriter.Write(body)
}

// result returns the error code of RFC 6749, section 5.2, or what else can be
// said.
func (a *tokenAnswer) result() string {
	var failure struct {
		Error string `json:"error"`
	}
	switch {
	case a.status == 0:
		return "no answer"
	case a.status < http.StatusBadRequest:
		return "granted"
	case json.Unmarshal(a.body.Bytes(), &failure) != nil || failure.Error == "":
		return "error"
	}
	return failure.Error
}
