package scalekit

import (
	"context"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const maxTokenSize = 16 << 10

// authorize returns an error unless the Authorization header has exactly one
// value: a valid token of the environment's own client.
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
	// Package bearer is not used here: the examples demonstrate bearer, so their
	// issuer must not depend on it. The audience is not checked: tokens of the
	// environment's own client have none.
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
		return &apiError{code: codePermissionDenied, message: "Token does not belong to the environment's own client"}
	}
	callFrom(ctx).note(func(call *call) { call.client = claims.ClientID })
	return nil
}

// key returns the published key whose ID is the token's kid. It is a jwt.Keyfunc.
func (env *Environment) key(token *jwt.Token) (any, error) {
	for _, k := range env.issuer.Keys() {
		if k.ID() == token.Header["kid"] {
			return k.Public(), nil
		}
	}
	return nil, errors.New("no published key has the token's kid")
}
