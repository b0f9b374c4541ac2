package bearer_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/scopes"
)

// A guard of a transport that this module does not have, such as a message broker,
// is a call of Decide: the same verdicts, the same observers.
func ExampleDecide() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	receive := func(header map[string]string) {
		ctx, err := bearer.Decide(context.Background(), v, bearer.Request{
			Transport:     "amqp",
			Route:         "deployments.create", // the queue, never what the sender chose
			Authorization: []string{header["authorization"]},
			Rule:          scopes.All("deploy:applications"),
		})
		switch {
		case errors.Is(err, bearer.KeysUnavailable):
			fmt.Println("put it back: our side's fault")
		case err != nil:
			fmt.Println("drop it:", err)
		default:
			claims, _ := bearer.FromContext(ctx)
			fmt.Println("deploy for", claims.ClientID())
		}
	}
	token := issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": "deploy:applications"})
	receive(map[string]string{"authorization": "Bearer " + token})
	receive(map[string]string{})
	// Output:
	// deploy for ci
	// drop it: bearer: no_token: no Authorization field
}

// A test of a handler needs no token: the caller's claims are put into its context.
func ExampleNewContext() {
	handle := func(ctx context.Context) string {
		claims, ok := bearer.FromContext(ctx)
		if !ok {
			return "nobody"
		}
		return claims.ClientID()
	}

	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	claims, err := v.Verify(context.Background(), issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(handle(bearer.NewContext(context.Background(), claims)))
	fmt.Println(handle(context.Background()))
	// Output:
	// ci
	// nobody
}
