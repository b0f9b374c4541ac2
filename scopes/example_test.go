package scopes_test

import (
	"context"
	"fmt"

	"github.com/bearerkit/bearer/scopes"
)

// The text of a rule can be a part of a sentence. The error of Allow names all missing scopes.
func ExampleAnd() {
	rule := scopes.And(scopes.All("deploy:applications"), scopes.Any("region:eu", "region:us"))
	fmt.Println(rule)
	granted, err := scopes.Parse("region:us")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rule.Allow(context.Background(), granted))
	// Output:
	// scope "deploy:applications" and (scopes "region:eu" or "region:us")
	// missing scope deploy:applications
}
