package main

import (
	"io"
	"strings"
	"text/template"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// banner is what the program knows when it starts.
type banner struct {
	scalekit.Credentials

	URL, State, Seed string
	CA               string // the certificate to trust; empty: none was made
	Exposed          bool   // others can reach it
	PID              int
}

// bannerText is what the program says when it starts. Its commands need a POSIX
// shell, curl and sed, and can be run one after the other as they stand.
const bannerText = `A Scalekit environment, for development and tests only.
{{if .Exposed}}WARNING: it listens beyond this machine. Whoever reaches it can try secrets and ask for tokens.
{{end}}{{if .State}}Its state is in {{.State}}, private keys included.
{{else}}Its state is in memory and ends with this program.
{{end}}{{if and .Seed .Resumed}}The state was there before, so the seed was not looked at.
{{end}}
environment URL    {{.URL}}
client ID          {{.ClientID}}
client secret      {{or .ClientSecret "(as told when the state was new; -new-secret adds one)"}}
organization ID    {{or .OrganizationID "(none: POST /api/v1/organizations makes one)"}}
{{range .Clients}}
client             {{.Name}}
  client ID        {{.ID}}
  client secret    {{.Secret}}
{{end}}
Open {{.URL}} in a browser to look at it.
{{if .CA}}
Clients must trust its certificate, which is in {{.CA}}.
All but Node then trust nothing else in this shell:

  export CURL_CA_BUNDLE={{quote .CA}} SSL_CERT_FILE={{quote .CA}}
  export NODE_EXTRA_CA_CERTS={{quote .CA}} GRPC_DEFAULT_SSL_ROOTS_FILE_PATH={{quote .CA}} REQUESTS_CA_BUNDLE={{quote .CA}}
{{end}}
For the vendor's SDKs:

  export SCALEKIT_ENVIRONMENT_URL={{quote .URL}}
  export SCALEKIT_CLIENT_ID={{quote .ClientID}}
  export SCALEKIT_CLIENT_SECRET={{if .ClientSecret}}{{quote .ClientSecret}}{{else}}"${SCALEKIT_CLIENT_SECRET:?the secret of before}"{{end}}

Get an admin token, with the environment's own client:

  ADMIN_TOKEN=$(curl -sS '{{.URL}}/oauth/token' \
    -d 'grant_type=client_credentials' \
    -d "client_id=$SCALEKIT_CLIENT_ID" \
    -d "client_secret=$SCALEKIT_CLIENT_SECRET" |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
{{if .OrganizationID}}
Register an M2M client for the organization:

  REGISTERED=$(curl -sS -L '{{.URL}}/api/v1/organizations/{{.OrganizationID}}/clients' \
    -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $ADMIN_TOKEN" \
    -d '{
      "name": "GitHub Actions Deployment Service",
      "description": "Service account for GitHub Actions to deploy applications to production",
      "custom_claims": [
        {"key": "github_repository", "value": "acmecorp/inventory-service"},
        {"key": "environment", "value": "production_us"}
      ],
      "scopes": ["deploy:applications", "read:deployments"],
      "audience": ["deployment-api.acmecorp.com"],
      "expiry": 3600
    }')
  echo "$REGISTERED"

Get an access token for it:

  M2M_CLIENT_ID=$(echo "$REGISTERED" | sed -n 's/.*"client_id":"\([^"]*\)".*/\1/p')
  M2M_CLIENT_SECRET=$(echo "$REGISTERED" | sed -n 's/.*"plain_secret":"\([^"]*\)".*/\1/p')
  curl -sS -X POST '{{.URL}}/oauth/token' \
    -H 'Content-Type: application/x-www-form-urlencoded' \
    -d 'grant_type=client_credentials' \
    -d "client_id=$M2M_CLIENT_ID" \
    -d "client_secret=$M2M_CLIENT_SECRET"
{{end}}
Fetch the keys and the metadata:

  curl -sS '{{.URL}}/keys'
  curl -sS '{{.URL}}/.well-known/openid-configuration'

Rotate the signing key, and let the key set fail three times, for a drill:

  curl -sS -X POST '{{.URL}}/dev/keys:rotate' -H "Authorization: Bearer $ADMIN_TOKEN"
  curl -sS -X PUT '{{.URL}}/dev/faults/keys' -H "Authorization: Bearer $ADMIN_TOKEN" -d '{"status": 503, "times": 3}'

Ctrl-C stops it, and "kill -HUP {{.PID}}" rotates the signing key as well.
`

func writeBanner(w io.Writer, b banner) error {
	text, err := template.New("banner").Funcs(template.FuncMap{"quote": quote}).Parse(bannerText)
	if err != nil {
		return err
	}
	return text.Execute(w, b)
}

// quote makes one word of a text for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
