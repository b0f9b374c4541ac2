package interceptor_test

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// TestStreamsDoNotMix opens 1,000 streams over one connection and keeps the streams open. Each
// stream has its own client. In every round, each handler must get the claims of its own
// client. Run the test with the race detector.
func TestStreamsDoNotMix(t *testing.T) {
	const streams, rounds = 1000, 3
	issuer := newIssuer(t)
	for name, opts := range map[string]interceptor.Options{"no rechecks": {}, "ExpireStreams": {ExpireStreams: true, KeepToken: true}} {
		t.Run(name, func(t *testing.T) {
			guard := newGuard(t, newVerifier(t, issuer, func(c *bearer.Config) { c.Custom = bearer.JSON[ownClaims] }), scopes.Methods{talk: scopes.All("talk")}, &opts)
			conn, _ := connect(t, onLoopback, echo{talk: serveOwn}, guard.ServerOptions()...)
			var open, done sync.WaitGroup
			open.Add(streams)
			for n := range streams {
				done.Go(func() {
					who := fmt.Sprintf("client-%d", n)
					token := issuer.Token(map[string]any{"sub": who, "client_id": who, "own": who, "scope": "talk only:" + who})
					talking := openTalk(t.Context(), t, conn, "Bearer "+token)
					for round := range rounds {
						out := new(wrapperspb.StringValue)
						err := talking.SendMsg(wrapperspb.String(token))
						if err == nil {
							err = talking.RecvMsg(out)
						}
						if round == 0 {
							open.Done()
							open.Wait() // wait until all streams are open
						}
						if err != nil || out.GetValue() != who {
							t.Errorf("got the answer %q (error: %v), want %s", out.GetValue(), err, who)
							break
						}
					}
					if err := talking.CloseSend(); err != nil {
						t.Error(err)
					}
					if err := drain(talking); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
		})
	}
}

// ownClaims contains the custom claims of the test.
type ownClaims struct {
	Own string `json:"own"`
}

// serveOwn answers each message with the client's name. The handler's context contains claims,
// custom claims, scopes and a token. If these values belong to different clients, serveOwn
// answers with a text that begins with "a mixture".
func serveOwn(ss grpc.ServerStream) error {
	for {
		in := new(wrapperspb.StringValue)
		if err := ss.RecvMsg(in); err != nil {
			return endOfStream(err)
		}
		claims, _ := bearer.FromContext(ss.Context())
		custom, _ := bearer.Custom[ownClaims](ss.Context())
		who := claims.Subject()
		sent := metadata.ValueFromIncomingContext(ss.Context(), "authorization")
		if claims.ClientID() != who || custom.Own != who || !claims.Scopes().Has("only:"+who) || len(sent) != 1 || sent[0] != "Bearer "+in.GetValue() {
			who = fmt.Sprintf("a mixture: %s, %s, %s, %v", who, claims.ClientID(), custom.Own, claims.Scopes())
		}
		if err := ss.SendMsg(wrapperspb.String(who)); err != nil {
			return err
		}
	}
}
