package interceptor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/guard"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// domain is who gives the reasons in google.rpc.ErrorInfo.
const domain = "github.com/bearerkit/bearer"

// defaultRetry is what a client is told to wait where nobody knows better.
const defaultRetry = 5 * time.Second

// deny makes the status of a refusal. Of err only the reason, the missing scopes
// and the time to wait reach the client.
func (g *Guard) deny(ctx context.Context, err error) error {
	refusal, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		refusal = &bearer.Error{Reason: bearer.Internal}
	}
	if text := g.challenges.For(refusal); text != "" {
		// It fails outside of a server's call only, where nobody reads it.
		_ = grpc.SetHeader(ctx, metadata.Pairs("www-authenticate", text))
	}
	info := &errdetails.ErrorInfo{Reason: strings.ToUpper(string(refusal.Reason)), Domain: domain}
	if len(refusal.Missing) > 0 {
		info.Metadata = map[string]string{"scope": strings.Join(refusal.Missing, " ")}
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
	return st.Err()
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
