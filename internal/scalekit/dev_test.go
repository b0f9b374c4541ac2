package scalekit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

func TestKeys(t *testing.T) {
	env := startEnvironment(t)
	kid := func() string {
		token, _, err := jwt.NewParser().ParseUnverified(env.adminToken(t), jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(token.Header["kid"])
	}
	published := func() string {
		var out []string
		for _, k := range env.Issuer().Keys() {
			out = append(out, k.ID())
		}
		return strings.Join(out, " ")
	}
	shown := func() string {
		list, _ := env.callAdmin(t, http.MethodGet, "/dev/keys", "").members["keys"].([]any)
		var out []string
		for _, k := range list {
			k, _ := k.(map[string]any)
			if !valuePatterns["create_time"].MatchString(text(t, k, "create_time")) {
				t.Errorf("got create_time %v, want a Protobuf timestamp", k["create_time"])
			}
			out = append(out, fmt.Sprint(k["kid"], "=", k["status"]))
		}
		return strings.Join(out, " ")
	}
	first := kid()
	added := env.callAdmin(t, http.MethodPost, "/dev/keys", "")
	second := fmt.Sprint(memberAt(t, added.members, "key", "kid"))
	if added.StatusCode != http.StatusCreated || shown() != first+"=signing "+second+"=published" || published() != first+" "+second || kid() != first {
		t.Errorf("add a key: got status %s, keys %s and signing key %s, want a second key that does not sign", added.Status, shown(), kid())
	}
	if got := env.callAdmin(t, http.MethodPost, "/dev/keys/"+second+"/promote", ""); got.StatusCode != http.StatusOK || shown() != first+"=published "+second+"=signing" || kid() != second {
		t.Errorf("promote the second key: got status %s, keys %s and signing key %s, want the second key as the signing key", got.Status, shown(), kid())
	}
	checkError(t, "retire the signing key", env.callAdmin(t, http.MethodDelete, "/dev/keys/"+second, ""), 400, 9, "FAILED_PRECONDITION")
	old := "Bearer " + text(t, env.requestToken(t, env.ClientID, env.ClientSecret).members, "access_token")
	if got := env.callAdmin(t, http.MethodDelete, "/dev/keys/"+first, ""); got.StatusCode != http.StatusOK || published() != second {
		t.Errorf("retire the first key: got status %s and published keys %s, want status 200 and published keys %s", got.Status, published(), second)
	}
	third := env.callAdmin(t, http.MethodPost, "/dev/keys:rotate", "")
	if id := fmt.Sprint(memberAt(t, third.members, "key", "kid")); third.StatusCode != http.StatusCreated || kid() != id || published() != second+" "+id {
		t.Errorf("rotate the key: got status %s, published keys %s and signing key %s, want a third key that signs", third.Status, published(), kid())
	}
	if got := env.sendRequest(t, http.MethodGet, "/dev/keys", "", "", old); got.StatusCode != http.StatusOK {
		t.Errorf("token signed with the previous signing key: got status %s, want status 200", got.Status)
	}
	env.callAdmin(t, http.MethodDelete, "/dev/keys/"+second, "")
	checkError(t, "token signed with a retired key", env.sendRequest(t, http.MethodGet, "/dev/keys", "", "", old), 401, 16, "UNAUTHENTICATED")
	checkError(t, "promote an unknown key", env.callAdmin(t, http.MethodPost, "/dev/keys/snk_1/promote", ""), 404, 5, "NOT_FOUND")
	checkError(t, "retire an unknown key", env.callAdmin(t, http.MethodDelete, "/dev/keys/snk_1", ""), 404, 5, "NOT_FOUND")
	checkError(t, "request without a token", env.sendRequest(t, http.MethodPost, "/dev/keys:rotate", "", ""), 401, 16, "UNAUTHENTICATED")
	checkError(t, "unsupported method", env.callAdmin(t, http.MethodPut, "/dev/keys", ""), 501, 12, "UNIMPLEMENTED")
}

// getPath sends a GET request and returns the status, the content type and the body of the
// response. If there is no response, getPath returns status 0 and the error as the body.
func (env environment) getPath(t *testing.T, path string) (status int, contentType, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, env.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := env.client.Do(request)
	if err != nil {
		return 0, "", err.Error()
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(raw)
}

func TestFaults(t *testing.T) {
	env := startEnvironment(t)
	admin := "Bearer " + env.adminToken(t)
	set := func(endpoint, body string) {
		t.Helper()
		if got := env.sendRequest(t, http.MethodPut, "/dev/faults/"+endpoint, "application/json", body, admin); got.StatusCode != http.StatusOK {
			t.Fatalf("%s: got status %s with body %v, want status 200", body, got.Status, got.members)
		}
	}
	genuine := string(env.Issuer().JWKS())
	for _, row := range []struct {
		endpoint, body, path string
		status               int
		contentType, want    string // the body must begin with the text in the field "want"
	}{
		{"keys", `{"status":503}`, "/keys", 503, "application/json", ""},
		{"keys", `{"status":429,"body":"slow down","content_type":"text/plain"}`, "/keys", 429, "text/plain", "slow down"},
		{"keys", `{"document":"html"}`, "/keys", 200, "text/html; charset=utf-8", "<!doctype html>"},
		{"keys", `{"document":"html","status":502}`, "/.well-known/jwks.json", 502, "text/html; charset=utf-8", "<!doctype html>"},
		{"keys", `{"document":"not_json"}`, "/keys", 200, "application/json", "upstream"},
		{"keys", `{"document":"null"}`, "/keys", 200, "application/json", "null"},
		{"keys", `{"document":"empty_object"}`, "/keys", 200, "application/json", "{}"},
		{"keys", `{"document":"empty_body"}`, "/keys", 200, "application/json", ""},
		{"keys", `{"document":"empty_set"}`, "/keys", 200, "application/json", `{"keys":[]}`},
		{"keys", `{"document":"truncated"}`, "/keys", 200, "application/json", genuine[:len(genuine)/2]},
		{"keys", `{"document":"oversized"}`, "/keys", 200, "application/json", strings.Repeat(" ", 1<<20)},
		{"keys", `{"document":"wrong_keys"}`, "/keys", 200, "application/json", `{"keys":[{`},
		{"keys", `{"delay":"1ms"}`, "/keys", 200, "application/json", genuine},
		{"keys", `{"abort":true}`, "/keys", 0, "", "Get"},
		{"discovery", `{"document":"wrong_issuer"}`, "/.well-known/openid-configuration", 200, "application/json", "{"},
		{"discovery", `{"status":404}`, "/.well-known/oauth-authorization-server", 404, "application/json", ""},
		{"api", `{"status":503}`, organizationsPath, 503, "application/json", `{"code":14,"message":"injected fault","details":[`},
		{"api", `{"status":429}`, organizationsPath, 429, "application/json", `{"code":8,`},
		{"api", `{"status":418}`, organizationsPath, 418, "application/json", `{"code":13,`},
	} {
		set(row.endpoint, row.body)
		code, contentType, body := env.getPath(t, row.path)
		if code != row.status || contentType != row.contentType || !strings.HasPrefix(body, row.want) {
			t.Errorf("%s: got status %d, type %q and body %.60q, want status %d, type %q and a body that begins with %.60q", row.body, code, contentType, body, row.status, row.contentType, row.want)
		}
		if row.body == `{"document":"wrong_keys"}` && (body == genuine || !strings.Contains(body, env.Issuer().Keys()[0].ID())) {
			t.Errorf("got key set %s, want different keys with the same IDs", body)
		}
		if strings.Contains(row.body, "wrong_issuer") && strings.Contains(body, `"issuer":"`+env.url) {
			t.Errorf("got metadata %s, want a different issuer", body)
		}
	}
	if got := env.sendRequest(t, http.MethodDelete, "/dev/faults/keys", "", "", admin); got.StatusCode != http.StatusOK {
		t.Errorf("remove the fault: got status %s, want status 200", got.Status)
	}
	if _, _, body := env.getPath(t, "/keys"); body != genuine {
		t.Errorf("after the fault was removed: got body %s, want the genuine key set", body)
	}

	set("token", `{"error":"unauthorized_client","times":2}`)
	for n, want := range []string{"unauthorized_client", "unauthorized_client", ""} {
		if n == 0 {
			list := fmt.Sprint(env.sendRequest(t, http.MethodGet, "/dev/faults", "", "", admin).members["faults"])
			if !strings.Contains(list, "map[endpoint:token fault:map[error:unauthorized_client times:2] remaining:2]") {
				t.Errorf("got faults %s, want the fault unauthorized_client of the endpoint token with 2 remaining requests", list)
			}
		}
		got := env.requestToken(t, env.ClientID, env.ClientSecret)
		if failure, _ := got.members["error"].(string); failure != want || (want != "" && got.StatusCode != http.StatusBadRequest) {
			t.Errorf("request %d: got status %s with body %v, want error %q", n, got.Status, got.members, want)
		}
	}
	if list := fmt.Sprint(env.sendRequest(t, http.MethodGet, "/dev/faults", "", "", admin).members["faults"]); strings.Contains(list, "token") {
		t.Errorf("after 2 requests: got faults %s, want no fault of the endpoint token", list)
	}
}

func TestFaultHangs(t *testing.T) {
	env := startEnvironment(t)
	env.callAdmin(t, http.MethodPut, "/dev/faults/keys", `{"hang":true}`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, env.url+"/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := env.client.Do(request); err == nil || ctx.Err() == nil {
		t.Errorf("got error %v, want the deadline to end the request", err)
	}
}

// TestFaultRPC checks that faults of the admin API affect gRPC calls, too.
func TestFaultRPC(t *testing.T) {
	env, connection := startServing(t, false)
	ctx := withToken(t.Context(), env.adminToken(t))
	list := func() error {
		_, err := scalekitv1.NewClientServiceClient(connection).ListOrganizationClients(ctx, &scalekitv1.ListOrganizationClientsRequest{OrganizationId: env.OrganizationID})
		return err
	}
	env.callAdmin(t, http.MethodPut, "/dev/faults/api", `{"status":503,"times":1}`)
	if err := list(); status.Code(err) != codes.Unavailable {
		t.Errorf("got error %v, want an error with code Unavailable", err)
	}
	env.callAdmin(t, http.MethodPut, "/dev/faults/api", `{"delay":"1ms"}`)
	if err := list(); err != nil {
		t.Error(err)
	}
}

func TestFaultRefusals(t *testing.T) {
	env := startEnvironment(t)
	for _, row := range []struct{ endpoint, body, field string }{
		{"none", `{"status":503}`, "endpoint"},
		{"keys", ``, "status"},
		{"keys", `{}`, "status"},
		{"keys", `{"status":99}`, "status"},
		{"keys", `{"status":"503"}`, "status"},
		{"keys", `{"status":100}`, "status"},
		{"keys", `{"delay":"5"}`, "delay"},
		{"keys", `{"delay":"61s"}`, "delay"},
		{"keys", `{"delay":"-1s"}`, "delay"},
		{"keys", `{"hang":1}`, "hang"},
		{"keys", `{"times":-1,"status":500}`, "times"},
		{"keys", `{"document":"bad"}`, "document"},
		{"keys", `{"document":"wrong_issuer"}`, "document"},
		{"discovery", `{"document":"empty_set"}`, "document"},
		{"keys", `{"document":"html","body":"x"}`, "document"},
		{"keys", `{"error":"invalid_client"}`, "error"},
		{"token", `{"error":"a\"b"}`, "error"},
		{"keys", `{"body":"x","content_type":"a\r\nb"}`, "content_type"},
	} {
		got := env.callAdmin(t, http.MethodPut, "/dev/faults/"+row.endpoint, row.body)
		checkError(t, row.body, got, 400, 3, "INVALID_ARGUMENT")
		if found := fieldViolations(got); len(found) != 1 || found[0]["field"] != row.field {
			t.Errorf("%s: got violations %v, want one violation of the field %s", row.body, found, row.field)
		}
	}
	if got := env.callAdmin(t, http.MethodGet, "/dev/faults", "").members; fmt.Sprint(got) != "map[faults:[]]" {
		t.Errorf("got body %v, want an empty list of faults", got)
	}
	checkError(t, "request without a token", env.sendRequest(t, http.MethodPut, "/dev/faults/keys", "application/json", `{"status":503}`), 401, 16, "UNAUTHENTICATED")
}
