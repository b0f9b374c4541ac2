package bearer_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/scopes"
)

// Call Decide to guard a transport that this module does not support, such as a message
// broker. Decide gives the same verdicts as the guards for HTTP and gRPC, and calls the same
// observers.
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
			Route:         "deployments.create", // Use the name of the queue. Never use a value that the sender chose.
			Authorization: []string{header["authorization"]},
			Rule:          scopes.All("deploy:applications"),
		})
		switch {
		case errors.Is(err, bearer.KeysUnavailable):
			fmt.Println("retry later: the keys are not available")
		case err != nil:
			fmt.Println("drop the message:", err)
		default:
			if claims, ok := bearer.FromContext(ctx); ok {
				fmt.Println("deploy for", claims.ClientID())
			}
		}
	}
	token := issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": "deploy:applications"})
	receive(map[string]string{"authorization": "Bearer " + token})
	receive(map[string]string{})
	// Output:
	// deploy for ci
	// drop the message: bearer: no_token: the request has no Authorization field
}

// A test of a handler needs no token, because NewContext puts the caller's claims into the
// context.
func ExampleNewContext() {
	handle := func(ctx context.Context) string {
		claims, ok := bearer.FromContext(ctx)
		if !ok {
			return "no caller"
		}
		return claims.ClientID()
	}

	claims := bearertest.Claims(map[string]any{"client_id": "ci"})
	fmt.Println(handle(bearer.NewContext(context.Background(), claims)))
	fmt.Println(handle(context.Background()))
	// Output:
	// ci
	// no caller
}
