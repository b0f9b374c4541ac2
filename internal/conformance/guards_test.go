package conformance_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// guardSet contains a verifier, and an HTTP guard and a gRPC guard that use the verifier.
type guardSet struct {
	verifier bearer.Verifier
	http     *middleware.Guard
	grpc     *interceptor.Guard // the method of methodOf has the rule
}

func newGuardSet(tb testing.TB, v bearer.Verifier, required ...string) *guardSet {
	tb.Helper()
	methods := scopes.Methods{methodOf(""): scopes.All()}
	for _, required := range required {
		methods[methodOf(required)] = rule(required)
	}
	guard, err := middleware.New(v, nil)
	if err != nil {
		tb.Fatal(err)
	}
	rpc, err := interceptor.New(v, methods, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &guardSet{v, guard, rpc}
}

// These are the beginnings of texts that require something other than scopes.
const (
	roleMark         = "role:"
	includesMark     = "includes:"
	alternativesMark = "any:"
)

// required returns what the route of a row requires: scopes, or a role, a claim or alternatives
// after a mark.
func required(row *conformance.Vector) string {
	switch {
	case row.Role != "":
		return roleMark + row.Role
	case row.Includes != "":
		return includesMark + row.Includes
	case row.Alternatives != nil:
		return alternativesMark + strings.Join(row.Alternatives, "|")
	}
	return row.Scope
}

// rule returns the rule of a route. The argument is a result of the function required.
func rule(required string) scopes.Rule {
	if role, ok := strings.CutPrefix(required, roleMark); ok {
		return bearer.HasRole(role)
	}
	if included, ok := strings.CutPrefix(required, includesMark); ok {
		claim, value, _ := strings.Cut(included, "=")
		return bearer.ClaimIncludes(claim, value)
	}
	if list, ok := strings.CutPrefix(required, alternativesMark); ok {
		var rules []scopes.Rule
		for alternative := range strings.SplitSeq(list, "|") {
			rules = append(rules, scopes.All(strings.Fields(alternative)...))
		}
		return scopes.Or(rules...)
	}
	return scopes.All(strings.Fields(required)...)
}

// methodOf returns the gRPC method with this rule. The name of a method has no blanks and no
// slashes.
func methodOf(required string) string {
	if required == "" {
		required = "any"
	}
	return "/s/" + strings.NewReplacer(" ", "+", "/", "!").Replace(required)
}

// answer is the response that a client receives. The field reached shows whether the handler
// ran.
type answer struct {
	status    int               // status of the HTTP response
	code      codes.Code        // code of the gRPC response
	reason    string            // reason in the google.rpc.ErrorInfo detail of the gRPC response
	info      map[string]string // metadata of this detail
	challenge []string
	reached   bool // the handler ran with claims in its context
}

// overHTTP sends a request with these values of the Authorization field.
func (s *guardSet) overHTTP(ctx context.Context, required string, values []string) answer {
	var a answer
	h := s.http.Require(rule(required))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, a.reached = bearer.FromContext(r.Context())
		w.WriteHeader(http.StatusOK)
	}))
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	if len(values) > 0 {
		req.Header["Authorization"] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	a.status, a.challenge = w.Code, w.Header().Values("WWW-Authenticate")
	return a
}

// overGRPC makes a unary call and opens a stream. It fails the test if the two verdicts
// differ, and returns the answer to the unary call.
func (s *guardSet) overGRPC(ctx context.Context, tb testing.TB, required string, values []string) answer {
	tb.Helper()
	method := methodOf(required)
	var unary, opened answer
	sent := &transport{method: method}
	ctx = metadata.NewIncomingContext(ctx, metadata.MD{"authorization": values})
	ctx = grpc.NewContextWithServerTransportStream(ctx, sent)
	_, err := s.grpc.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(ctx context.Context, _ any) (any, error) {
		_, unary.reached = bearer.FromContext(ctx)
		return nil, nil
	})
	unary.code, unary.challenge = status.Code(err), sent.header.Get("www-authenticate")
	unary.reason, unary.info = errorInfo(err)
	err = s.grpc.Stream(nil, &serverStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: method}, func(_ any, ss grpc.ServerStream) error { //nolint:contextcheck // a stream has its own context
		_, opened.reached = bearer.FromContext(ss.Context())
		return nil
	})
	opened.code = status.Code(err)
	opened.reason, opened.info = errorInfo(err)
	if unary.code != opened.code || unary.reason != opened.reason || unary.reached != opened.reached || !maps.Equal(unary.info, opened.info) {
		tb.Errorf("gRPC: got code %v, reason %q and metadata %q for a unary call, and code %v, reason %q and metadata %q for a stream, want the same verdict", unary.code, unary.reason, unary.info, opened.code, opened.reason, opened.info)
	}
	return unary
}

// errorInfo returns the reason and the metadata in the google.rpc.ErrorInfo detail of a status.
func errorInfo(err error) (reason string, metadata map[string]string) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason(), info.GetMetadata()
		}
	}
	return "", nil
}

// serverStream is a stream that has only a context, because the interceptor calls no other
// method.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // returned by Context
}

func (s *serverStream) Context() context.Context { return s.ctx }

// transport records the header metadata that an interceptor sends.
type transport struct {
	method string
	header metadata.MD
}

func (t *transport) Method() string { return t.method }

func (t *transport) SetHeader(md metadata.MD) error {
	t.header = metadata.Join(t.header, md)
	return nil
}

func (t *transport) SendHeader(md metadata.MD) error { return t.SetHeader(md) }

func (t *transport) SetTrailer(metadata.MD) error { return nil }
