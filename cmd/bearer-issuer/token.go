package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// initialState is the seed of a new environment if -seed is not set. Its client has a generated
// secret, and the settings of the client that the banner registers.
const initialState = `
organizations:
  - display_name: Example Organization
    clients:
      - name: GitHub Actions Deployment Service
        description: Service account of GitHub Actions for deployments
        custom_claims: {github_repository: acmecorp/inventory-service, environment: production_us}
        scopes: [deploy:applications, read:deployments]
        audience: [deployment-api.acmecorp.com]
        expiry: 3600
`

// tokenFunction returns a line that declares the function token of a POSIX shell. The function
// prints an access token of the client. It passes its arguments to curl. If the response has no
// token, the function prints the response to standard error, because an empty token hides the
// error. If the client is nil, its credentials are in variables of the shell.
func tokenFunction(issuer string, client *scalekit.ClientCredentials) string {
	id, secret := `"client_id=$M2M_CLIENT_ID"`, `"client_secret=$M2M_CLIENT_SECRET"`
	if client != nil {
		id, secret = "client_id="+formValue(client.ID), "client_secret="+formValue(client.Secret)
	}
	return "token() { curl -sS -w '\\n' " + quoteForShell(issuer+"/oauth/token") + " -d grant_type=client_credentials -d " + id + " -d " + secret +
		` "$@" | sed -n -e 's/.*"access_token":"\([^"]*\)".*/\1/p' -e t -e '/./w /dev/stderr'; }`
}

// formValue encodes a value for a form. The result needs no quotes in a shell.
func formValue(value string) string {
	// A shell may replace ~ by a folder. The characters : and / need no encoding.
	return strings.NewReplacer("~", "%7E", "%3A", ":", "%2F", "/").Replace(url.QueryEscape(value))
}

// apiCalls returns commands that call an API of the user with tokens of the client, and the
// settings of this API. If the client is nil, it is the client that the banner registers.
func apiCalls(issuer string, client *scalekit.ClientCredentials) string {
	scopes, audience := []string{"deploy:applications", "read:deployments"}, []string{"deployment-api.acmecorp.com"}
	if client != nil {
		scopes, audience = client.Scopes, client.Audience
	}
	const request = `  curl -i -X POST http://127.0.0.1:8080/deployments -H "Authorization: Bearer $(token%s)"` + "\n"
	var out strings.Builder
	if len(scopes) < 2 {
		fmt.Fprintf(&out, "\nCall your own API with such a token:\n\n"+request, "")
	} else {
		fmt.Fprintf(&out, "\nCall your own API with a token that has all scopes, and with a token that has one scope:\n\n"+request+request,
			"", " -d scope="+formValue(scopes[len(scopes)-1]))
	}
	if len(audience) == 0 {
		return out.String() + "\nThe tokens have no audience. An API refuses the tokens until the client has an audience.\n"
	}
	quoted := make([]string, len(audience))
	for i, name := range audience {
		quoted[i] = fmt.Sprintf("%+q", name)
	}
	fmt.Fprintf(&out, `
An API that uses package bearer accepts the tokens with these fields of bearer.Config:

Issuer:   %q,
Audience: []string{%s},
Profile:  bearer.Scalekit,

The program bearer-explain shows each check of a token:

  token | bearer-explain -issuer %s -audience %s -profile scalekit
`, issuer, strings.Join(quoted, ", "), shellWord(issuer), shellWord(audience[0]))
	return out.String()
}

// shellWord quotes text for a shell if the text needs quotes.
func shellWord(text string) string {
	if formValue(text) == text {
		return text
	}
	return quoteForShell(text)
}
