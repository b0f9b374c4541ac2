package interceptor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/guard"
)

// domain is who gives the reasons in google.rpc.ErrorInfo.
const domain = "github.com/bearerkit/bearer"

// defaultRetry is what a client is told to wait where nobody knows better.
const defaultRetry = 5 * time.Second

// deny makes the status of a refusal and sends the challenge along with it, as
// header metadata, or as trailer metadata where the header is out already. Of
// err only the reason, the missing scopes and the time to wait reach the client.
func (g *Guard) deny(ctx context.Context, err error) error {
	refusal := asRefusal(err)
	if ctx.Err() != nil && refusal.Reason == bearer.KeysUnavailable {
		// The caller did not wait for keys. That is no outage, and nobody is
		// there to come again.
		return status.FromContextError(ctx.Err()).Err()
	}
	if text := g.challenges.For(refusal); text != "" {
		challenge := metadata.Pairs("www-authenticate", text)
		// Behind net/http's server there is no such trailer: it drops the field
		// (RFC 9110, section 6.5.1) and logs that it did.
		if grpc.SetHeader(ctx, challenge) != nil && ctx.Value(http.ServerContextKey) == nil {
			// It fails outside of a server's call only, where nobody reads it.
			_ = grpc.SetTrailer(ctx, challenge)
		}
	}
	return statusOf(refusal).Err()
}

// asRefusal returns the error of [bearer.Decide] as what it is.
func asRefusal(err error) *bearer.Error {
	if refusal, ok := errors.AsType[*bearer.Error](err); ok {
		return refusal
	}
	return &bearer.Error{Reason: bearer.Internal}
}

// statusOf returns the status with its details (google.rpc.ErrorInfo, and
// google.rpc.RetryInfo where waiting helps).
func statusOf(refusal *bearer.Error) *status.Status {
	info := &errdetails.ErrorInfo{Reason: strings.ToUpper(string(refusal.Reason)), Domain: domain}
	if names := guard.Scopes(refusal); len(names) > 0 {
		info.Metadata = map[string]string{"scope": strings.Join(names, " ")}
	}
	details := []protoadapt.MessageV1{info}
	if refusal.Reason == bearer.KeysUnavailable {
		wait := refusal.RetryAfter
		if wait <= 0 {
			wait = defaultRetry
		}
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	}
	st := status.New(code(refusal.Reason), guard.Describe(refusal.Reason))
	if detailed, err := st.WithDetails(details...); err == nil {
		st = detailed
	}
	return st
}

// code maps a reason to its gRPC code. A request that is not clear is
// Unauthenticated: InvalidArgument would speak of the message.
func code(reason bearer.Reason) codes.Code {
	switch reason {
	case bearer.MissingScope:
		return codes.PermissionDenied
	case bearer.KeysUnavailable:
		return codes.Unavailable
	case bearer.Internal:
		return codes.Internal
	default:
		return codes.Unauthenticated
	}
}
