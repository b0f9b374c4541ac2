package scalekit

import (
	"context"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const maxTokenSize = 16 << 10

// authorize returns an error unless the values of an Authorization header are
// one token of the environment's own client.
func (env *Environment) authorize(ctx context.Context, authorization []string) error {
	if len(authorization) == 0 || authorization[0] == "" {
		return &apiError{code: codeUnauthenticated, message: "Token empty"}
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	if len(authorization) > 1 || !strings.EqualFold(scheme, "Bearer") || len(token) > maxTokenSize {
		return &apiError{code: codeUnauthenticated, message: "Token invalid"}
	}
	var claims struct {
		jwt.RegisteredClaims
		ClientID string `json:"client_id"`
	}
	// Not package bearer: what serves the examples must not stand on what they
	// show. The environment's tokens name no audience.
	if _, err := jwt.ParseWithClaims(token, &claims, env.key,
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(env.issuer.URL()),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
	); err != nil {
		return &apiError{code: codeUnauthenticated, message: "Token invalid or expired"}
	}
	caller, ok := env.store.client(claims.ClientID)
	switch {
	case !ok:
		return &apiError{code: codeUnauthenticated, message: "Token invalid or expired"}
	case caller.organizationID != "":
		return &apiError{code: codePermissionDenied, message: "Token is not one of an environment client"}
	}
	callOf(ctx).note(func(call *call) { call.client = claims.ClientID })
	return nil
}

// key finds the key of a token among those that the environment publishes.
func (env *Environment) key(token *jwt.Token) (any, error) {
	for _, k := range env.issuer.Keys() {
		if k.ID() == token.Header["kid"] {
			return k.Public(), nil
		}
	}
	return nil, errors.New("no such key")
}
