package interceptor

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
)

// NewForwarder returns credentials that forward the caller's own token to the service with this
// audience: the forwarder. Use them with [google.golang.org/grpc.WithPerRPCCredentials] or
// [google.golang.org/grpc.PerRPCCredentials]. If audience is empty, NewForwarder returns an error. The
// forwarder forwards a token only if
//
//   - the call uses the context of a handler,
//   - the handler's [Guard] has Options.KeepToken,
//   - the rule of the handler's method is not public,
//   - the token is not bound to a key of the caller (RFC 9449, RFC 8705), because the next service
//     would refuse it,
//   - the token names the next service in "aud" (RFC 9068, section 4),
//   - the token has not expired for the verifier of the Guard ([bearer.Claims.ValidUntil]), and
//   - the connection uses TLS (RFC 6750, section 5.3).
//
// Otherwise the call fails with Unauthenticated and is not sent.
//
// The check of "aud" protects the caller. If service A gets a token for service B, A can
// misuse the token at B. If the caller's token does not name the next service, use a token
// that your service requests for itself, or exchange the caller's token (RFC 8693).
//
// Its errors are gRPC statuses and contain no part of the token. The forwarder is safe for concurrent
// use.
func NewForwarder(audience string) (credentials.PerRPCCredentials, error) {
	if audience == "" {
		return nil, errors.New("interceptor: audience: empty; it must be the audience of the next service")
	}
	return &forwarder{audience}, nil
}

type forwarder struct{ audience string }

// GetRequestMetadata implements [credentials.PerRPCCredentials]. Its errors are gRPC
// statuses and contain no part of the token.
func (f *forwarder) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	info, _ := credentials.RequestInfoFromContext(ctx)
	if err := credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
		return nil, unforwarded("the connection is not secure")
	}
	caller, ok := ctx.Value(callerKey{}).(*caller)
	switch {
	case !ok:
		return nil, unforwarded("the context contains no token of a caller")
	case isBound(caller.claims):
		return nil, unforwarded("the caller's token is bound to a key of the caller, so only the caller can use it")
	case !slices.Contains(caller.claims.Audience(), f.audience):
		return nil, unforwarded("the caller's token is not meant for the next service")
	case !time.Now().Before(caller.claims.ValidUntil()):
		return nil, unforwarded("the caller's token expired")
	}
	// Decide has checked that the value is a scheme, spaces and one token.
	value := *caller.authorization
	return map[string]string{"authorization": "Bearer " + value[strings.LastIndexByte(value, ' ')+1:]}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]. It always returns
// true.
func (f *forwarder) RequireTransportSecurity() bool { return true }

// isBound reports whether the token is bound to a key of its client.
func isBound(claims *bearer.Claims) bool {
	var members map[string]any
	if cnf, ok := claims.Value("cnf"); ok && json.Unmarshal(cnf, &members) == nil {
		for member := range members {
			if claims.BoundTo(member) != "" {
				return true
			}
		}
	}
	return false
}

func unforwarded(cause string) error {
	return status.Error(codes.Unauthenticated, "interceptor: the token was not forwarded: "+cause)
}

type callerKey struct{}

// caller is a token with its verified claims. A context contains a *caller and not the
// token as a string, because a printed context shows values that are strings. A printed
// context must not show the token. With some verbs, it shows the fields of a caller, so
// a caller has only pointers.
type caller struct {
	authorization *string // the value of the field "authorization"
	claims        *bearer.Claims
}

// keepToken returns a context that contains the caller's token. Forwarders read the token
// from this context. The argument "allowed" is the context from Decide. This context
// contains the claims of the same token.
func keepToken(allowed context.Context, authorization []string) context.Context {
	claims, ok := bearer.FromContext(allowed)
	if !ok || len(authorization) != 1 {
		return allowed
	}
	return context.WithValue(allowed, callerKey{}, &caller{&authorization[0], claims})
}
