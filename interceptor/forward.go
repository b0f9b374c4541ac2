package interceptor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
)

// Forwarder is credentials that send the caller's own token on to the next
// service, for [google.golang.org/grpc.WithPerRPCCredentials] and
// [google.golang.org/grpc.PerRPCCredentials]. They do so only
//
//   - in a call made with the context of a handler behind a [Guard] with
//     Options.KeepToken, by a method whose rule is not public,
//   - if the token names the next service in "aud" (RFC 9068, section 4): a
//     service must not be handed a token that it could use elsewhere in the
//     caller's name,
//   - as long as the token has not expired, and
//   - over a connection with TLS (RFC 6750, section 5.3).
//
// Otherwise the call fails with Unauthenticated and is not sent. A token for this
// service alone cannot be forwarded: get one of the service's own, or exchange
// it (RFC 8693). The zero Forwarder refuses every call. A Forwarder is safe for
// concurrent use.
type Forwarder struct{ audience string }

// NewForwarder returns a Forwarder to the service that tokens call audience. An
// empty audience is an error.
func NewForwarder(audience string) (*Forwarder, error) {
	if audience == "" {
		return nil, errors.New("interceptor: audience: empty: name the service that tokens are forwarded to")
	}
	return &Forwarder{audience}, nil
}

// GetRequestMetadata implements [credentials.PerRPCCredentials]. Its errors are
// statuses and say nothing of the token.
func (f *Forwarder) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	info, _ := credentials.RequestInfoFromContext(ctx)
	if err := credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
		return nil, unforwarded("the connection is not secure")
	}
	caller, ok := ctx.Value(callerKey{}).(*caller)
	switch {
	case !ok:
		return nil, unforwarded("the context has no token of a caller")
	case f.audience == "" || !slices.Contains(caller.claims.Audience(), f.audience):
		return nil, unforwarded("the caller's token is not meant for the next service")
	case !time.Now().Before(caller.claims.ExpiresAt()):
		return nil, unforwarded("the caller's token expired")
	}
	return map[string]string{"authorization": "Bearer " + caller.token}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]: it is
// true always.
func (f *Forwarder) RequireTransportSecurity() bool { return true }

func unforwarded(why string) error {
	return status.Error(codes.Unauthenticated, "interceptor: not forwarded: "+why)
}

type callerKey struct{}

// caller is a token together with what was verified of it. Contexts print the
// strings that they hold; this they do not.
type caller struct {
	token  string
	claims *bearer.Claims
}

// keepToken puts into the context, beside the claims that Decide put there, the
// token that it read them from.
func keepToken(allowed context.Context, authorization []string) context.Context {
	claims, ok := bearer.FromContext(allowed)
	if !ok || len(authorization) != 1 {
		return allowed
	}
	// Decide has seen to it that this is a scheme, spaces and one token.
	token := authorization[0][strings.LastIndexByte(authorization[0], ' ')+1:]
	return context.WithValue(allowed, callerKey{}, &caller{token, claims})
}
