package interceptor_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// boundService is a gRPC service that accepts bound tokens, and a client with a key.
type boundService struct {
	issuer *bearertest.Issuer
	client *dpop.Signer
	conn   *grpc.ClientConn
	bound  string // a token that is bound to the key of the client
	stop   func()
}

func newBoundService(t *testing.T, proofs dpop.Options, opts *interceptor.Options) *boundService {
	t.Helper()
	if proofs.Origins == nil && !proofs.InsecureAnyOrigin {
		proofs.Origins = []string{"https://api.example"}
	}
	proofs.Logger = slog.New(slog.DiscardHandler)
	binding, err := dpop.New(proofs)
	if err != nil {
		t.Fatal(err)
	}
	s := &boundService{issuer: newIssuer(t)}
	v := newVerifier(t, s.issuer, func(c *bearer.Config) {
		c.Bindings, c.Logger = []bearer.Binding{binding}, slog.New(slog.DiscardHandler)
	})
	guard := newGuard(t, v, scopes.Methods{"/test.v1.Echo/*": scopes.All("say")}, opts)
	s.conn, s.stop = connect(t, onBufconn, echo{
		say: func(ctx context.Context) (string, error) {
			claims, _ := bearer.FromContext(ctx)
			return claims.BoundTo("jkt"), nil
		},
		talk: func(ss grpc.ServerStream) error { return ss.RecvMsg(new(wrapperspb.StringValue)) },
	}, guard.ServerOptions()...)
	if s.client, err = dpop.GenerateSigner(); err != nil {
		t.Fatal(err)
	}
	s.bound = s.issuer.Token(map[string]any{"scope": "say", "exp": time.Now().Add(time.Hour), "cnf": map[string]any{"jkt": s.client.Thumbprint()}})
	return s
}

func (s *boundService) proof(t *testing.T, method, uri, nonce string) string {
	t.Helper()
	text, err := s.client.Proof(method, uri, s.bound, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with returns a context with the metadata of a call.
func with(ctx context.Context, authorization string, proofs ...string) context.Context {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", authorization)
	for _, proof := range proofs {
		ctx = metadata.AppendToOutgoingContext(ctx, "dpop", proof) //nolint:fatcontext // there are at most two values
	}
	return ctx
}

// TestDPoP calls a service with bound tokens. The proof is for POST, the authority and the method.
func TestDPoP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBoundService(t, dpop.Options{}, nil)
		defer s.stop()
		const uri = "https://api.example" + say
		good := func() string { return s.proof(t, "POST", uri, "") }
		used := good()
		for _, row := range []struct {
			name          string
			authorization string
			proofs        []string
			reason        string // in ErrorInfo; "" if the call is allowed
		}{
			{"bound token with its proof", "DPoP " + s.bound, []string{used}, ""},
			{"replay", "DPoP " + s.bound, []string{used}, "PROOF"},
			{"unbound token", "Bearer " + s.issuer.Token(map[string]any{"scope": "say"}), nil, ""},
			{"no proof", "DPoP " + s.bound, nil, "PROOF"},
			{"two proofs", "DPoP " + s.bound, []string{good(), good()}, "PROOF"},
			{"downgrade", "Bearer " + s.bound, []string{good()}, "BINDING"},
			{"GET", "DPoP " + s.bound, []string{s.proof(t, "GET", uri, "")}, "PROOF"},
			{"other method", "DPoP " + s.bound, []string{s.proof(t, "POST", "https://api.example"+talk, "")}, "PROOF"},
			{"service alone", "DPoP " + s.bound, []string{s.proof(t, "POST", "https://api.example/test.v1.Echo", "")}, "PROOF"},
		} {
			out := new(wrapperspb.StringValue)
			var header metadata.MD
			err := s.conn.Invoke(with(t.Context(), row.authorization, row.proofs...), say, wrapperspb.String(""), out, grpc.Header(&header))
			if got := reasonInfo(err); got != row.reason || (err == nil) != (row.reason == "") {
				t.Errorf("%s: got reason %q (%v), want %q", row.name, got, err, row.reason)
			}
			if challenges := header.Get("www-authenticate"); (len(challenges) == 2 && strings.HasPrefix(challenges[1], "DPoP ")) != (err != nil) {
				t.Errorf("%s: got challenges %q, want one for each scheme after a refusal", row.name, challenges)
			}
			if strings.HasPrefix(row.name, "bound") && out.GetValue() != s.client.Thumbprint() {
				t.Errorf("%s: got BoundTo %q, want the thumbprint of the client's key", row.name, out.GetValue())
			}
		}
		// The key "dpop-bin" is a different key.
		ctx := metadata.AppendToOutgoingContext(with(t.Context(), "DPoP "+s.bound), "dpop-bin", good())
		if err := s.conn.Invoke(ctx, say, wrapperspb.String(""), new(wrapperspb.StringValue)); reasonInfo(err) != "PROOF" {
			t.Errorf("dpop-bin: got %v, want reason PROOF", err)
		}
	})
}

// With InsecureAnyOrigin, the authority and the connection decide.
func TestDPoPAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBoundService(t, dpop.Options{InsecureAnyOrigin: true}, nil)
		defer s.stop()
		for uri, want := range map[string]codes.Code{"http://bufconn" + say: codes.OK, "https://bufconn" + say: codes.Unauthenticated, "http://other" + say: codes.Unauthenticated} {
			err := s.conn.Invoke(with(t.Context(), "DPoP "+s.bound, s.proof(t, "POST", uri, "")), say, wrapperspb.String(""), new(wrapperspb.StringValue))
			if status.Code(err) != want {
				t.Errorf("%s: got %v, want %v", uri, err, want)
			}
		}
	})
}

// The nonce is in the metadata of the response.
func TestDPoPNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBoundService(t, dpop.Options{NonceKeys: [][]byte{[]byte(strings.Repeat("k", 32))}}, nil)
		defer s.stop()
		const uri = "https://api.example" + say
		invoke := func(nonce string) (metadata.MD, error) {
			var header metadata.MD
			err := s.conn.Invoke(with(t.Context(), "DPoP "+s.bound, s.proof(t, "POST", uri, nonce)), say, wrapperspb.String(""), new(wrapperspb.StringValue), grpc.Header(&header))
			return header, err
		}
		header, err := invoke("")
		nonces := header.Get("dpop-nonce")
		if reasonInfo(err) != "PROOF_NONCE" || len(nonces) != 1 {
			t.Fatalf("no nonce: got %v and nonces %q, want reason PROOF_NONCE and one nonce", err, nonces)
		}
		if header, err := invoke(nonces[0]); err != nil || header.Get("dpop-nonce") != nil {
			t.Errorf("with the nonce: got %v and metadata %v, want no error and no nonce", err, header)
		}
		time.Sleep(time.Minute)
		if header, err := invoke(nonces[0]); err != nil || len(header.Get("dpop-nonce")) != 1 || slices.Equal(header.Get("dpop-nonce"), nonces) {
			t.Errorf("in the next period: got %v and metadata %v, want no error and a new nonce", err, header)
		}
	})
}

// An open stream is checked again without a new proof, for longer than the proof is valid.
func TestDPoPStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBoundService(t, dpop.Options{}, &interceptor.Options{RecheckStreams: time.Minute, ExpireStreams: true})
		defer s.stop()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		proof := s.proof(t, "POST", "https://api.example"+talk, "")
		open := func() grpc.ClientStream {
			talking, err := s.conn.NewStream(with(ctx, "DPoP "+s.bound, proof), &echoDesc.Streams[0], talk)
			if err != nil {
				t.Fatal(err)
			}
			return talking
		}
		start := time.Now()
		talking := open()
		synctest.Wait()
		if err := open().RecvMsg(new(wrapperspb.StringValue)); reasonInfo(err) != "PROOF" {
			t.Errorf("second stream with the same proof: got %v, want reason PROOF", err)
		}
		err := talking.RecvMsg(new(wrapperspb.StringValue))
		if lasted := time.Since(start); reasonInfo(err) != "EXPIRED" || lasted < 59*time.Minute {
			t.Errorf("got %v after %v, want reason EXPIRED after 1 h", err, lasted)
		}
	})
}

// A Forwarder refuses a token that is bound to a key of the caller. Only the caller has the key.
func TestForwardBoundToken(t *testing.T) {
	issuer := newIssuer(t)
	n := newNextService(t, issuer)
	defer n.stop()
	client, err := dpop.GenerateSigner()
	if err != nil {
		t.Fatal(err)
	}
	binding, err := dpop.New(dpop.Options{Origins: []string{"https://api.example"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Bindings = []bearer.Binding{binding} })
	guard := newGuard(t, v, scopes.Methods{say: scopes.All("say")}, &interceptor.Options{KeepToken: true})
	conn, _ := connect(t, onBufconn, echo{say: func(ctx context.Context) (string, error) { return n.callSay(ctx, newForwarder(t, nextAudience)) }}, guard.ServerOptions()...)
	claims := map[string]any{"sub": "ann", "scope": "say", "aud": []string{audience, nextAudience}}
	text, _, err := callSay(t.Context(), conn, "Bearer "+issuer.Token(claims))
	checkForwarded(t, "unbound token", text, err, "next sees ann")

	claims["cnf"] = map[string]any{"jkt": client.Thumbprint()}
	token := issuer.Token(claims)
	proof, err := client.Proof("POST", "https://api.example"+say, token, "")
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Invoke(with(t.Context(), "DPoP "+token, proof), say, wrapperspb.String(""), new(wrapperspb.StringValue))
	checkForwarded(t, "bound token", "", err, "only the caller can use it")
	if n.reached != 1 {
		t.Errorf("got %d calls of the next service, want 1", n.reached)
	}
}
