package main

import (
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/internal/terminal"
)

// banner is the data of bannerText.
type banner struct {
	scalekit.Credentials

	URL, State, Seed string
	CA               string // file with the generated certificate; empty without -tls
	Exposed          bool   // other machines can reach the program
	PageExposed      bool   // other machines can use the actions of the web page
	PID              int    // 0 if this system cannot send SIGHUP
}

// bannerText is the template of the text that the program prints at its start. The commands
// in the text need a POSIX shell, curl and sed. The user can run the commands in this order
// without changes. Only the calls of the user's own API and bearer-explain need another program.
const bannerText = `This Scalekit environment is for development and tests only.
{{if .Exposed}}WARNING: other machines can reach this issuer, guess secrets and request tokens.
{{end}}{{if .PageExposed}}WARNING: every machine that can reach the web page can mint tokens without a secret.
{{end}}{{if .State}}The state and the private keys are in {{.State}}.
{{else}}The state is kept in memory and lost when this program ends.
{{end}}{{if and .Seed .Resumed}}The seed was ignored, because the state file already exists.
{{end}}
environment URL    {{.URL}}
client ID          {{.ClientID}}
client secret      {{or .ClientSecret "(was printed when the state was created)"}}
organization ID    {{or .OrganizationID "(none)"}}
{{if not .ClientSecret}}
To add a secret, restart the program with -new-secret.
{{end}}{{if not .OrganizationID}}
Create an organization with POST /api/v1/organizations.
{{end -}}
{{range .Clients}}
client             {{line .Name}}
  client ID        {{line .ID}}
  client secret    {{line .Secret}}
{{end}}{{if .CA}}
Clients must trust the certificate in {{.CA}}.
Run the next commands in the shell of the clients. The commands set variables.
Until you unset the variables, some clients trust only this certificate.

  export CURL_CA_BUNDLE={{quote .CA}}
  export SSL_CERT_FILE={{quote .CA}}
  export NODE_EXTRA_CA_CERTS={{quote .CA}}
  export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH={{quote .CA}}
  export REQUESTS_CA_BUNDLE={{quote .CA}}
{{end}}{{if .First}}
Paste this line into a second terminal. The command token then prints an access token:

  {{function .URL .First}}
{{calls .URL .First}}{{end}}
Open {{.URL}} in a browser to mint and check tokens and to see the current state.

The next commands use the admin API. Set the variables for Scalekit's SDKs:

  export SCALEKIT_ENVIRONMENT_URL={{quote .URL}}
  export SCALEKIT_CLIENT_ID={{quote .ClientID}}
  SCALEKIT_CLIENT_SECRET={{if .ClientSecret}}{{quote .ClientSecret}}{{else}}"${SCALEKIT_CLIENT_SECRET:?set it to the secret}"{{end}}
  export SCALEKIT_CLIENT_SECRET

Get an admin token for the environment's own client:

  ADMIN_TOKEN=$(curl -sS '{{.URL}}/oauth/token' \
    -d 'grant_type=client_credentials' \
    -d "client_id=$SCALEKIT_CLIENT_ID" \
    -d "client_secret=$SCALEKIT_CLIENT_SECRET" |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
{{if .OrganizationID}}
Register {{if .First}}one more{{else}}an{{end}} M2M client for the organization:

  ORGANIZATIONS='{{.URL}}/api/v1/organizations'
  REGISTERED=$(curl -sS -L "$ORGANIZATIONS/{{.OrganizationID}}/clients" \
    -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $ADMIN_TOKEN" \
    -d '{
      "name": "GitHub Actions Deployment Service",
      "description": "Service account of GitHub Actions for deployments",
      "custom_claims": [
        {"key": "github_repository", "value": "acmecorp/inventory-service"},
        {"key": "environment", "value": "production_us"}
      ],
      "scopes": ["deploy:applications", "read:deployments"],
      "audience": ["deployment-api.acmecorp.com"],
      "expiry": 3600
    }')
  echo "$REGISTERED"

Get an access token for this client:

  M2M_CLIENT_ID=$(echo "$REGISTERED" |
    sed -n 's/.*"client_id":"\([^"]*\)".*/\1/p')
  M2M_CLIENT_SECRET=$(echo "$REGISTERED" |
    sed -n 's/.*"plain_secret":"\([^"]*\)".*/\1/p')
  curl -sS -X POST '{{.URL}}/oauth/token' \
    -H 'Content-Type: application/x-www-form-urlencoded' \
    -d 'grant_type=client_credentials' \
    -d "client_id=$M2M_CLIENT_ID" \
    -d "client_secret=$M2M_CLIENT_SECRET"
{{if not .First}}
After this line, the command token prints an access token of this client:

  {{function .URL nil}}
{{calls .URL nil}}{{end}}{{end}}
Fetch the keys and the metadata:

  curl -sS '{{.URL}}/keys'
  curl -sS '{{.URL}}/.well-known/openid-configuration'

For a drill, rotate the signing key. Then let requests for the key set fail, and
end this fault:

  curl -sS -X POST '{{.URL}}/dev/keys:rotate' \
    -H "Authorization: Bearer $ADMIN_TOKEN"
  curl -sS -X PUT '{{.URL}}/dev/faults/keys' \
    -H "Authorization: Bearer $ADMIN_TOKEN" -d '{"status": 503}'
  curl -sS -X DELETE '{{.URL}}/dev/faults/keys' \
    -H "Authorization: Bearer $ADMIN_TOKEN"

Ctrl-C stops this program.{{if .PID}} The command "kill -HUP {{.PID}}" rotates the signing key.{{end}}
`

// writeBanner prints the banner. Sentences fit the screen. Commands and credentials have the same lines
// on every screen, because the user copies them.
func writeBanner(w io.Writer, s terminal.Screen, b banner) error {
	text, err := template.New("banner").Funcs(template.FuncMap{
		"quote": quoteForShell, "line": quote.Line, "function": tokenFunction, "calls": apiCalls,
	}).Parse(bannerText)
	if err != nil {
		return err
	}
	var plain, out strings.Builder
	if err := text.Execute(&plain, b); err != nil {
		return err
	}
	for line := range strings.Lines(plain.String()) {
		line = strings.TrimSuffix(line, "\n")
		if isSentence := !strings.Contains(line, "  "); isSentence { // commands and credentials contain two spaces
			line = s.Hang(line, 0)
		}
		if strings.HasPrefix(line, "WARNING:") {
			line = s.Paint(terminal.Bad, line)
		}
		out.WriteString(line + "\n")
	}
	_, err = io.WriteString(w, out.String())
	return err
}

// screenOf returns the screen behind w.
func screenOf(w io.Writer) terminal.Screen { return terminal.Of(w, os.Getenv) }

// quoteForShell quotes text as one word of a POSIX shell.
func quoteForShell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
