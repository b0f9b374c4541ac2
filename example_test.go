package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/scopes"
)

// A verifier finds the issuer's keys by discovery.
func ExampleNew() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()

	v, err := bearer.New(bearer.Config{
		Issuer:   issuer.URL(),
		Audience: []string{"deployment-api"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	ctx := context.Background()
	claims, err := v.Verify(ctx, issuer.Token(map[string]any{
		"aud": "deployment-api", "client_id": "ci", "scope": "read:deployments",
	}))
	fmt.Println(claims.ClientID(), "may", claims.Scopes(), err)

	_, err = v.Verify(ctx, issuer.Token(map[string]any{"aud": "billing-api"}))
	fmt.Println(errors.Is(err, bearer.WrongAudience))

	_, err = v.Verify(ctx, issuer.Token(map[string]any{"aud": "deployment-api", "exp": time.Now().Add(-time.Hour)}))
	fmt.Println(errors.Is(err, bearer.Expired))
	// Output:
	// ci may read:deployments <nil>
	// true
	// true
}

// New reports all problems of a configuration at once.
func ExampleNew_errors() {
	_, err := bearer.New(bearer.Config{
		Issuer:     "https://acme.scalekit.dev",
		Algorithms: []string{"HS256"},
		MaxAge:     -time.Hour,
	})
	fmt.Println(err)
	// Output:
	// bearer: Config.Algorithms: "HS256": with a shared secret, every service that verifies tokens can also sign them; valid are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519
	// Config.Audience: required, because a token for a different API must be refused (RFC 9068, section 4)
	// Config.MaxAge: -1h0m0s is negative; 0 means no limit
}

// Deployer holds the custom claims of tokens that deployment clients send.
type Deployer struct {
	Claims struct {
		Repository string `json:"github_repository"`
	} `json:"custom_claims"`
}

// The verifier decodes the custom claims into your own type, once for each token.
func ExampleCustom() {
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{
		Issuer:   issuer.URL(),
		Audience: []string{"deployment-api"},
		Custom:   bearer.JSON[Deployer],
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	token := issuer.Token(map[string]any{
		"aud":           "deployment-api",
		"custom_claims": map[string]string{"github_repository": "acmecorp/inventory-service"},
	})
	// A guard calls Decide and passes ctx to the handler.
	ctx, err := bearer.Decide(context.Background(), v, bearer.Request{
		Authorization: []string{"Bearer " + token},
		Rule:          scopes.All(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	deployer, ok := bearer.Custom[Deployer](ctx)
	fmt.Println(deployer.Claims.Repository, ok)
	// Output: acmecorp/inventory-service true
}

// Several observers, such as metrics, logs and traces, receive the same events.
func ExampleObservers() {
	refusals := bearer.ObserverFunc(func(_ context.Context, e bearer.Event) {
		if e.Reason != "" {
			fmt.Println("refused:", e.Reason)
		}
	})
	all := bearer.ObserverFunc(func(context.Context, bearer.Event) { fmt.Println("event") })
	observer := bearer.Observers{all, refusals}
	// Set observer as Config.Observer. The guard calls the observer. If there is no guard, the
	// verifier calls the observer.
	observer.Observe(context.Background(), bearer.Event{Reason: bearer.Expired})
	// Output:
	// event
	// refused: expired
}

// A log observer writes a record for each refusal. The example removes the time and the
// duration, so that the output is always the same.
func ExampleNewLogObserver() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}}))
	log, err := bearer.NewLogObserver(logger, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	// Set log as Config.Observer. The guard calls the observer. If there is no guard, the
	// verifier calls the observer.
	log.Observe(context.Background(), bearer.Event{
		Transport: "http", Route: "POST /deployments", Issuer: "https://acme.scalekit.dev", Reason: bearer.WrongAudience,
	})
	// Output:
	// level=WARN msg="bearer: request refused" reason=audience transport=http route="POST /deployments" issuer=https://acme.scalekit.dev
}

// Explain runs every check and gives advice for each failed check.
func ExampleExplain() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	token := issuer.Token(map[string]any{"aud": "billing-api", "scope": "read:deployments"})
	x := bearer.Explain(context.Background(), v, bearer.Request{
		Authorization: []string{"Bearer " + token},
		Rule:          scopes.All("deploy:applications"),
	})
	fmt.Println("refused:", x.Reason)
	for _, c := range x.Checks {
		if c.State == "failed" {
			fmt.Printf("%s: got %s, want %s (%s)\n", c.Name, c.Got, c.Want, c.Section)
		}
	}
	// Output:
	// refused: audience
	// audience: got aud ["billing-api"], want one of "deployment-api" in aud (RFC 9068, section 4; RFC 7519, section 4.1.3)
	// rule: got scopes "read:deployments", want scope "deploy:applications" (RFC 6750, section 3.1)
}
