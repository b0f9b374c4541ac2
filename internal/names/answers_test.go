package names_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// reasons returns the constants of type bearer.Reason. It reads them from the source, so that a new
// constant needs no change here.
func reasons(t *testing.T) []bearer.Reason {
	t.Helper()
	source, err := os.ReadFile(repository + "reason.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []bearer.Reason
	for _, match := range regexp.MustCompile(`(?m)^\t\w+ +Reason = "(\w+)"`).FindAllSubmatch(source, -1) {
		all = append(all, bearer.Reason(match[1]))
	}
	return all
}

// withoutRule stands for a request with a valid token and without a rule. Its reason is
// bearer.MissingScope, but the responses differ.
const withoutRule = "scope (no rule)"

// credentials returns a verifier and a token. The verifier refuses the token with reason.
func credentials(t *testing.T, reason bearer.Reason) (bearer.Verifier, string) {
	t.Helper()
	if reason == withoutRule {
		issuer := testkit.NewIssuer(t, "EdDSA")
		return testkit.NewVerifier(t, issuer, nil), issuer.Token(nil)
	}
	err := &bearer.Error{Reason: reason, Required: []string{"a", "b"}, Missing: []string{"b"}, RetryAfter: time.Second}
	return testkit.Refuse(err), "x"
}

// httpRefusal returns the answer of a real HTTP guard to a request that is refused with reason.
func httpRefusal(t *testing.T, reason bearer.Reason, accept string) *httptest.ResponseRecorder {
	t.Helper()
	verifier, token := credentials(t, reason)
	guard, err := middleware.New(verifier, &middleware.Options{ExposeChallenge: true, Realm: "r", ResourceMetadata: "https://api.example/meta"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	handler := guard.Enforce(&scopes.Table{})(http.NewServeMux())
	if reason != withoutRule {
		handler = guard.Require(scopes.All("a"))(http.NotFoundHandler())
	}
	handler.ServeHTTP(w, r)
	return w
}

// serverStream records the header fields of a gRPC response.
type serverStream struct{ header metadata.MD }

func (s *serverStream) Method() string { return "/s/m" }
func (s *serverStream) SetHeader(md metadata.MD) error {
	s.header = metadata.Join(s.header, md)
	return nil
}
func (s *serverStream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }
func (s *serverStream) SetTrailer(metadata.MD) error    { return nil }

// grpcRefusal returns the status and the header of a real gRPC guard for a call that is refused with
// reason.
func grpcRefusal(t *testing.T, reason bearer.Reason) (*status.Status, metadata.MD) {
	t.Helper()
	verifier, token := credentials(t, reason)
	rules := scopes.Methods{"/s/m": scopes.All("a")}
	if reason == withoutRule {
		rules = scopes.Methods{"/s/other": scopes.All("a")}
	}
	guard, err := interceptor.New(verifier, rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream := &serverStream{}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token))
	ctx = grpc.NewContextWithServerTransportStream(ctx, stream)
	_, err = guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/s/m"}, func(context.Context, any) (any, error) { return struct{}{}, nil })
	return status.Convert(err), stream.header
}

// reasonNames returns the reasons, and for each reason the parts of both responses that do not
// depend on the request.
func reasonNames(t *testing.T) list {
	t.Helper()
	var names list
	for _, reason := range append(reasons(t), withoutRule) {
		response := httpRefusal(t, reason, "")
		var body map[string]string
		if err := json.UnmarshalRead(response.Body, &body); err != nil {
			t.Fatalf("%s: %v", reason, err)
		}
		names.add("reason", string(reason))
		names.add("reason", string(reason), "HTTP status", strconv.Itoa(response.Code))
		names.add("reason", string(reason), "error code", body["error"])
		names.add("reason", string(reason), "description", body["error_description"])
		grpcStatus, _ := grpcRefusal(t, reason)
		names.add("reason", string(reason), "gRPC code", grpcStatus.Code().String())
		for _, detail := range grpcStatus.Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				names.add("reason", string(reason), "ErrorInfo", info.GetDomain(), info.GetReason())
			}
		}
		if grpcStatus.Message() != body["error_description"] {
			t.Errorf("%s: got the message %q in gRPC, want the description %q of HTTP", reason, grpcStatus.Message(), body["error_description"])
		}
	}
	return names
}

// responseNames returns the names in responses: fields, parameters of challenges, members of JSON
// bodies and gRPC metadata.
func responseNames(t *testing.T) list {
	t.Helper()
	var names list
	parameter := regexp.MustCompile(`(\w+)="`)
	for _, reason := range reasons(t) {
		for _, accept := range []string{"", "application/problem+json"} {
			response := httpRefusal(t, reason, accept)
			for name := range response.Header() {
				if name == "Www-Authenticate" {
					name = "WWW-Authenticate"
				}
				names.add("response field", name)
			}
			for _, match := range parameter.FindAllStringSubmatch(response.Header().Get("WWW-Authenticate"), -1) {
				names.add("challenge parameter", match[1])
			}
			var body any
			if err := json.UnmarshalRead(response.Body, &body); err != nil {
				t.Fatalf("%s: %v", reason, err)
			}
			names.members("member of "+response.Header().Get("Content-Type"), "", body)
		}
		grpcStatus, header := grpcRefusal(t, reason)
		for name := range header {
			names.add("gRPC metadata", name)
		}
		for _, detail := range grpcStatus.Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				for key := range info.GetMetadata() {
					names.add("ErrorInfo metadata", key)
				}
			}
		}
	}
	names.readiness(t)
	names.checks(t)
	slices.Sort(names)
	return slices.Compact(names)
}

// readiness adds the members of the answers of readiness checks.
func (l *list) readiness(t *testing.T) {
	t.Helper()
	keys := jwks.Status{Ready: true, Stale: true, Restored: true, Age: time.Second, LastSuccess: time.Unix(1, 0), Keys: []*jwks.Key{{}}}
	sources := make(reporter, 101) // more issuers than the answer lists
	sources[0] = bearer.IssuerStatus{Issuer: "https://a.example", Keys: &keys}
	sources[1] = bearer.IssuerStatus{Issuer: "https://b.example", Sources: []jwks.Status{keys}}
	handler, err := middleware.NewReadiness(sources, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	l.members("member of readiness", "", body)
}

// checks adds the names of the checks that bearer.Explain lists.
func (l *list) checks(t *testing.T) {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	request := bearer.Request{Rule: scopes.All("a"), Authorization: []string{"Bearer " + issuer.Token(nil)}}
	for _, check := range bearer.Explain(t.Context(), testkit.NewVerifier(t, issuer, nil), request).Checks {
		l.add("check of bearer.Explain", check.Name)
	}
}

// members adds the path of each member of a JSON value.
func (l *list) members(kind, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			name = strings.TrimPrefix(path+"."+name, ".")
			l.add(kind, name)
			l.members(kind, name, member)
		}
	case []any:
		for _, element := range value {
			l.members(kind, path+"[]", element)
		}
	}
}
