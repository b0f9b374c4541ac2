package interceptor

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
)

// domain is the domain of the reasons in google.rpc.ErrorInfo.
const domain = "github.com/bearerkit/bearer"

// deny returns the status of a refusal, and sends the challenge as header metadata. If the
// header was already sent, deny sends the challenge as trailer metadata. From err, deny
// uses only the reason, the required and missing scopes, the time to wait, and the schemes and the nonce
// for the challenges.
func (g *Guard) deny(ctx context.Context, err error) error {
	answer := refusal.Of(err)
	if ctx.Err() != nil && answer.Reason == bearer.KeysUnavailable {
		// The call ended while it waited for keys. This is not an outage, and the client
		// does not need a time to wait.
		return status.FromContextError(ctx.Err()).Err()
	}
	if values := g.challenges.For(answer); values != nil {
		challenge := metadata.MD{"www-authenticate": values}
		if answer.Nonce != "" {
			challenge[nonceKey] = []string{answer.Nonce}
		}
		// net/http's server drops this trailer (RFC 9110, section 6.5.1) and writes a log
		// line for each dropped trailer. So deny sets no trailer if net/http's server
		// serves the call.
		if grpc.SetHeader(ctx, challenge) != nil && ctx.Value(http.ServerContextKey) == nil {
			// SetTrailer fails only if the call has no transport. Such a call has no
			// client, so deny ignores the error.
			_ = grpc.SetTrailer(ctx, challenge)
		}
	}
	return statusOf(answer).Err()
}

// statusOf returns the status with a google.rpc.ErrorInfo detail. If waiting helps, the
// status also has a google.rpc.RetryInfo detail.
func statusOf(answer refusal.Answer) *status.Status {
	info := &errdetails.ErrorInfo{Reason: strings.ToUpper(string(answer.Reason)), Domain: domain}
	if len(answer.Scopes) > 0 {
		info.Metadata = map[string]string{"scope": strings.Join(answer.Scopes, " ")}
	}
	if len(answer.Missing) > 0 {
		info.Metadata["missing_scope"] = strings.Join(answer.Missing, " ")
	}
	details := []protoadapt.MessageV1{info}
	if answer.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(answer.RetryAfter)})
	}
	st := status.New(codes.Code(answer.Code), answer.Description)
	if detailed, err := st.WithDetails(details...); err == nil {
		st = detailed
	}
	return st
}
