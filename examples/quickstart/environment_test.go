package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// realEnvironment starts an embedded environment and registers a client. It returns the
// environment variables that name the environment and the client. With these variables, the
// program treats the environment as a real environment and does not have the private key of
// the issuer.
func realEnvironment(t *testing.T) map[string]string {
	t.Helper()
	env, err := embedded(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.close(); err != nil {
			t.Error(err)
		}
	})
	return map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": env.url,
		"M2M_CLIENT_ID":            env.client.ClientID,
		"M2M_CLIENT_SECRET":        env.client.ClientSecret,
	}
}

func TestRealEnvironment(t *testing.T) {
	env := realEnvironment(t)
	env["SCALEKIT_ENVIRONMENT_URL"] += "/" // a URL copied from a dashboard may end in a slash
	out, err := runWith(t, env, nil)
	if err != nil {
		t.Errorf("got error %v, want no error", err)
	}
	rows := map[string]int{
		"ok    accepted ": 3, "ok    no token ": 3, "ok    tampered ": 3, "ok    missing scope ": 3,
		"skip  expired ": 3, "skip  wrong audience ": 3, "skip  wrong issuer ": 3,
	}
	for row, want := range rows {
		if got := strings.Count(out, "\n"+row); got != want {
			t.Errorf("got %d rows with %q, want %d rows:\n%s", got, row, want, out)
		}
	}
	for _, want := range []string{
		"\n12 of 12 calls as expected, 21 skipped\n", "(from SCALEKIT_ENVIRONMENT_URL)", "needs the issuer's private key",
		"github_repository=acmecorp/inventory-service",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("want output with %q, got\n%s", want, out)
		}
	}
	if strings.Contains(out, env["M2M_CLIENT_SECRET"]) {
		t.Error("the output contains the client's secret")
	}
}

func TestRealEnvironmentWrongVerdicts(t *testing.T) {
	out, err := runWith(t, realEnvironment(t), wrongCaller)
	if err == nil || !strings.Contains(out, "\n9 of 12 calls as expected, 21 skipped\n") {
		t.Errorf("got error %v and the output below, want an error and output with \"9 of 12 calls\"\n%s", err, out)
	}
}

func TestRealEnvironmentFaults(t *testing.T) {
	env := realEnvironment(t)
	opaque := httptest.NewUnstartedServer(nil)
	t.Cleanup(opaque.Close)
	opaque.Config.Handler = opaqueIssuer("http://" + opaque.Listener.Addr().String())
	opaque.Start()
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)

	tests := []struct{ name, variable, value, want string }{
		{"URL is not set", "SCALEKIT_ENVIRONMENT_URL", "", "missing environment variables: SCALEKIT_ENVIRONMENT_URL;"},
		{"secret is not set", "M2M_CLIENT_SECRET", "", "missing environment variables: M2M_CLIENT_SECRET;"},
		{"URL without a scheme", "SCALEKIT_ENVIRONMENT_URL", "acme.scalekit.dev", "acme.scalekit.dev"},
		{"http URL of another machine", "SCALEKIT_ENVIRONMENT_URL", "http://acme.scalekit.dev", "use https"},
		{"no environment at the URL", "SCALEKIT_ENVIRONMENT_URL", gone.URL, "404"},
		{"unknown client", "M2M_CLIENT_ID", "m2morg_1", "invalid_client"},
		{"wrong secret", "M2M_CLIENT_SECRET", "x", "invalid_client"},
		{"opaque access tokens", "SCALEKIT_ENVIRONMENT_URL", opaque.URL, "not a JWT"},
		{"wrong audience", "M2M_AUDIENCE", "other-api.acmecorp.com", "had an unexpected result"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed := map[string]string{tt.variable: tt.value}
			for name, value := range env {
				if _, ok := changed[name]; !ok {
					changed[name] = value
				}
			}
			out, err := runWith(t, changed, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want an error with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error()+out, env["M2M_CLIENT_SECRET"]) {
				t.Error("the output or the error contains the client's secret")
			}
		})
	}
}

// opaqueIssuer returns the handler of an issuer with opaque access tokens.
func opaqueIssuer(url string) http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		})
	}
	answer("GET /.well-known/openid-configuration", `{"issuer":"`+url+`","jwks_uri":"`+url+`/keys"}`)
	answer("GET /keys", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`) // RFC 8037, appendix A.2
	answer("POST /oauth/token", `{"access_token":"opaque","token_type":"Bearer","expires_in":60}`)
	return mux
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"serve"}, {"-serve=maybe"}, {"-h"}} {
		if out, err := runWith(t, nil, nil, args...); err == nil || out != "" {
			t.Errorf("%q: got error %v and output %q, want an error and empty output", args, err, out)
		}
	}
}
