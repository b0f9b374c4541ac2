package conformance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// boundVector is a row of testdata/dpop/vectors.json; see internal/vectors/cmd/dpop.
type boundVector struct {
	Name  string         `json:"name"`
	Rules []string       `json:"rules"`
	Setup string         `json:"setup"`
	HTTP  []boundRequest `json:"http"`
	GRPC  []boundRequest `json:"grpc"`
}

type boundRequest struct {
	After         float64  `json:"after"`
	Method        string   `json:"method"`
	Target        string   `json:"target"`
	Host          string   `json:"host"`
	Plain         bool     `json:"plain"`
	Upgrade       bool     `json:"upgrade"`
	Authorization []string `json:"authorization"`
	Proofs        []string `json:"proofs"`
	Reason        string   `json:"reason"`
	Code          string   `json:"code"`
}

// boundOutcome is the verdict on a request, and the error code in the challenge.
type boundOutcome struct{ reason, code string }

// TestBoundRules sends each vector to Decide, to the HTTP guard and to the gRPC guard, each with a
// verifier and a memory of used proofs of its own.
func TestBoundRules(t *testing.T) {
	keys, vectors := loadBound(t)
	byRule := map[string][]*boundVector{}
	for _, v := range vectors {
		for _, id := range v.Rules {
			byRule[id] = append(byRule[id], v)
		}
	}
	for id := range byRule {
		if _, ok := checklist.Find(id); !ok {
			t.Errorf("got rule %q in a vector, want a rule of the checklist", id)
		}
	}
	for _, rule := range checklist.Rules {
		if len(byRule[rule.ID]) == 0 {
			continue
		}
		checklist.Test(t, rule.ID, func(t *checklist.T) {
			for _, v := range byRule[rule.ID] {
				for way, ask := range boundWays {
					requests := v.HTTP
					if way == "gRPC" {
						requests = v.GRPC
					}
					synctest.Test(t.T, func(bubble *testing.T) {
						send := ask(bubble, newBoundSetup(bubble, keys, v.Setup))
						start := time.Now()
						for i, r := range requests {
							time.Sleep(time.Duration(r.After*float64(time.Second)) - time.Since(start))
							want := boundOutcome{r.Reason, r.Code}
							if way == "Decide" {
								want.code = ""
							}
							t.Want(fmt.Sprintf("%s, request %d, %s", v.Name, i+1, way), send(r), want)
						}
					})
				}
			}
		})
	}
}

func loadBound(t *testing.T) (*jwks.Set, []*boundVector) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/dpop/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Keys    jsontext.Value `json:"keys"`
		Vectors []*boundVector `json:"vectors"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 200 {
		t.Fatalf("got %d vectors, want at least 200", len(file.Vectors))
	}
	keys, err := jwks.Parse(file.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return keys, file.Vectors
}

// boundSetup is the configuration of an API.
type boundSetup struct {
	verifier *bearer.JWTVerifier
	rule     scopes.Rule
	last     bearer.Reason // of the last request, for the observer
}

func newBoundSetup(t *testing.T, keys *jwks.Set, name string) *boundSetup {
	t.Helper()
	opts := dpop.Options{Origins: []string{"https://api.example"}, Logger: slog.New(slog.DiscardHandler)}
	s := &boundSetup{rule: scopes.All("a")}
	cfg := bearer.Config{Issuer: "https://issuer.example", Audience: []string{"api"}, Keys: keys, Logger: opts.Logger}
	switch name {
	case "", "none":
	case "required":
		cfg.RequireBound = true
	case "optional":
		s.rule = scopes.Optional(s.rule)
	case "report-only":
		s.rule = scopes.ReportOnly(s.rule)
	case "nonce":
		opts.NonceKeys, opts.NoncePeriod = [][]byte{[]byte(strings.Repeat("k", 32))}, time.Minute
	case "prefix":
		opts.Origins = []string{"https://api.example/v1"}
	case "two":
		opts.Origins = append(opts.Origins, "https://old.example")
	case "any":
		opts.Origins, opts.InsecureAnyOrigin = nil, true
	case "skip-replays":
		opts.SkipReplays = true
	default:
		t.Fatalf("got setup %q, want a known one", name)
	}
	binding, err := dpop.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if name != "none" {
		cfg.Bindings = []bearer.Binding{binding}
	}
	if s.verifier, err = bearer.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.verifier.Close() })
	return s
}

// Observe implements [bearer.Observer].
func (s *boundSetup) Observe(_ context.Context, e bearer.Event) { s.last = e.Reason }

// boundWays lists the ways to send a request. Each returns a function that sends one request.
var boundWays = map[string]func(*testing.T, *boundSetup) func(boundRequest) boundOutcome{
	"Decide": decideBound, "HTTP": boundOverHTTP, "gRPC": boundOverGRPC,
}

func decideBound(t *testing.T, s *boundSetup) func(boundRequest) boundOutcome {
	t.Helper()
	return func(r boundRequest) boundOutcome {
		path, _, _ := strings.Cut(r.Target, "?")
		req := bearer.Request{
			Authorization: bytesOf(r.Authorization), Proofs: bytesOf(r.Proofs), Rule: s.rule,
			Method: r.Method, Scheme: "https", Host: r.Host, Path: path,
		}
		if _, rest, absolute := strings.Cut(path, "://"); absolute {
			req.Host, req.Path, _ = strings.Cut(rest, "/")
			req.Path = "/" + req.Path
		}
		if req.Host == "" {
			req.Host = "api.example"
		}
		if r.Plain {
			req.Scheme = "http"
		}
		if r.Upgrade {
			req.Scheme = strings.Replace(req.Scheme, "http", "ws", 1)
		}
		_, err := bearer.Decide(t.Context(), s.verifier, req)
		refused, _ := errors.AsType[*bearer.Error](err)
		if refused == nil {
			return boundOutcome{}
		}
		return boundOutcome{reason: string(refused.Reason)}
	}
}

// bytesOf returns the values in which each character stands for one byte.
func bytesOf(values []string) []string {
	var all []string
	for _, value := range values {
		text := make([]byte, 0, len(value))
		for _, c := range value {
			text = append(text, byte(c)) //nolint:gosec // the file has only characters up to U+00FF
		}
		all = append(all, string(text))
	}
	return all
}

// boundOverHTTP sends an HTTP request to the HTTP guard. The request line is read like that of a server.
func boundOverHTTP(t *testing.T, s *boundSetup) func(boundRequest) boundOutcome {
	t.Helper()
	guard, err := middleware.New(s.verifier, &middleware.Options{Observer: s})
	if err != nil {
		t.Fatal(err)
	}
	handler := guard.Require(s.rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return func(r boundRequest) boundOutcome {
		host := r.Host
		if host == "" {
			host = "api.example"
		}
		lines := []string{r.Method + " " + r.Target + " HTTP/1.1", "Host: " + host}
		if r.Upgrade {
			lines = append(lines, "Connection: Upgrade", "Upgrade: websocket")
		}
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.Join(lines, "\r\n") + "\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		// A server of net/http accepts fewer characters in a field than adapters of other servers.
		req.Header["Authorization"], req.Header["Dpop"] = bytesOf(r.Authorization), bytesOf(r.Proofs)
		if !r.Plain {
			req.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req.WithContext(t.Context()))
		if wantStatus := statusOf(r.Reason); w.Code != wantStatus {
			return boundOutcome{fmt.Sprintf("status %d, want %d", w.Code, wantStatus), ""}
		}
		return s.outcome(w.Header().Values("WWW-Authenticate"))
	}
}

func statusOf(reason string) int {
	switch reason {
	case "":
		return http.StatusOK
	case "request":
		return http.StatusBadRequest
	case "scope":
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// outcome returns the reason of the last request, and the error code of the challenges.
func (s *boundSetup) outcome(challenges []string) boundOutcome {
	var codes []string
	for _, challenge := range challenges {
		for _, match := range regexp.MustCompile(`error="(\w+)"`).FindAllStringSubmatch(challenge, -1) {
			codes = append(codes, match[1])
		}
	}
	o := boundOutcome{reason: string(s.last), code: strings.Join(slices.Compact(codes), " ")}
	s.last = ""
	return o
}

// boundOverGRPC makes a unary call.
func boundOverGRPC(t *testing.T, s *boundSetup) func(boundRequest) boundOutcome {
	t.Helper()
	return func(r boundRequest) boundOutcome {
		guard, err := interceptor.New(s.verifier, scopes.Methods{r.Target: s.rule}, &interceptor.Options{Observer: s})
		if err != nil {
			t.Fatal(err)
		}
		md := metadata.MD{":authority": {r.Host}, "authorization": bytesOf(r.Authorization), "dpop": bytesOf(r.Proofs)}
		if r.Host == "" {
			md[":authority"] = []string{"api.example"}
		}
		p := &peer.Peer{}
		if !r.Plain && r.Host == "" {
			p.AuthInfo = credentials.TLSInfo{}
		}
		sent := &transport{method: r.Target}
		ctx := peer.NewContext(metadata.NewIncomingContext(t.Context(), md), p)
		ctx = grpc.NewContextWithServerTransportStream(ctx, sent)
		_, err = guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: r.Target}, func(context.Context, any) (any, error) { return nil, nil })
		if (err == nil) != (r.Reason == "") {
			return boundOutcome{fmt.Sprintf("error %v", err), ""}
		}
		return s.outcome(sent.header.Get("www-authenticate"))
	}
}
