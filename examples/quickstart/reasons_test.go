package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestREADMEReasons compares the README's table of reasons with the responses of the HTTP
// guard and of the gRPC guard.
func TestREADMEReasons(t *testing.T) {
	var documented []string
	for line := range strings.Lines(readme(t)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.Contains(cells[1], "`") {
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(cells[1], -1) {
			documented = append(documented, name[1])
			got := responsesFor(t, bearer.Reason(name[1]))
			want := [3]string{strings.TrimSpace(cells[2]), strings.Trim(cells[3], " `"), strings.TrimSpace(cells[4])}
			if got != want {
				t.Errorf("%s: got cells %q, want cells %q", name[1], got, want)
			}
		}
	}
	declared := declaredReasons(t)
	slices.Sort(declared)
	slices.Sort(documented)
	if !slices.Equal(declared, documented) || len(declared) == 0 {
		t.Errorf("got reasons %q in the README, want reasons %q", documented, declared)
	}
}

// responsesFor returns the HTTP status, the error code and the gRPC code of a refusal with
// this reason.
func responsesFor(t *testing.T, reason bearer.Reason) (seen [3]string) {
	t.Helper()
	refuse := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, reason })

	overHTTP, err := middleware.New(refuse, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer x")
	overHTTP.Require(scopes.All())(http.NotFoundHandler()).ServeHTTP(w, r)
	seen[0] = strings.Fields(httpStatus(w.Code))[0]
	if w.Header().Get("Retry-After") != "" {
		seen[0] += ", with Retry-After"
	}
	if code := regexp.MustCompile(`\berror="([^"]*)"`).FindStringSubmatch(w.Header().Get("WWW-Authenticate")); code != nil {
		seen[1] = code[1]
	}

	overGRPC, err := interceptor.New(refuse, scopes.Methods{deployv1.Deployments_Create_FullMethodName: scopes.All()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer x"))
	_, err = overGRPC.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: deployv1.Deployments_Create_FullMethodName},
		func(context.Context, any) (any, error) { return nil, nil })
	seen[2] = status.Code(err).String()
	return seen
}
