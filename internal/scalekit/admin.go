package scalekit

import (
	"context"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const maxTokenSize = 16 << 10

// authorize checks the values of the Authorization header. There must be exactly one
// value, and it must contain a valid token of the environment's own client. Otherwise,
// the result is an error.
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
	// This function verifies the token without package bearer. The examples test
	// package bearer with this issuer, so a fault of package bearer must not change
	// the behaviour of the issuer. Tokens of the environment's own client have no
	// audience, so no audience is checked.
	if _, err := jwt.ParseWithClaims(token, &claims, env.verificationKey,
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
	callFrom(ctx).modify(func(call *callRecord) { call.client = claims.ClientID })
	return nil
}

// verificationKey is a jwt.Keyfunc. It returns the published key whose ID is the kid of
// the token.
func (env *Environment) verificationKey(token *jwt.Token) (any, error) {
	for _, k := range env.issuer.Keys() {
		if k.ID() == token.Header["kid"] {
			return k.Public(), nil
		}
	}
	return nil, errors.New("no published key has the token's kid")
}
