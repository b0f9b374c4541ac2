package scalekit_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// startWith serves an environment with this Config. It returns the environment and a
// function that stops the server and closes the environment.
func startWith(t *testing.T, cfg scalekit.Config) (environment, func()) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	if cfg.URL == "" {
		cfg.URL = "http://" + server.Listener.Addr().String()
	}
	env, credentials, err := scalekit.New(cfg)
	if err != nil {
		t.Fatal(errors.Join(err, server.Listener.Close()))
	}
	server.Config.Handler = env.Handler()
	server.Start()
	end := sync.OnceFunc(func() {
		server.Close()
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return environment{env, credentials, "http://" + server.Listener.Addr().String(), server.Client(), nil}, end
}

func TestStateSurvives(t *testing.T) {
	const url = "https://acme.scalekit.dev"
	file := filepath.Join(t.TempDir(), "state.json")
	env, end := startWith(t, scalekit.Config{URL: url, State: file})
	c := env.registerClient(t, registration)
	env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"Other","external_id":"o","slug":"o","metadata":{"key":"v"}}`)
	env.callAdmin(t, http.MethodPost, env.clientsPath()+"/"+c.id+"/secrets", "")
	if _, err := env.RotateKey(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := scalekit.New(scalekit.Config{URL: url, State: file}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("file in use: got error %v, want an error about a different process", err)
	}
	token := text(t, env.requestToken(t, c.id, c.plain).members, "access_token")
	before, keys := env.Dump(), string(env.Issuer().JWKS())
	used := env.callAdmin(t, http.MethodGet, env.clientsPath()+"/"+c.id, "").members
	admin := env.Credentials
	end()

	content, err := os.ReadFile(file) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{admin.ClientSecret, c.plain, token} {
		if bytes.Contains(content, []byte(plain)) {
			t.Error("the state file contains a token or the plain text of a secret")
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v and error %v, want mode 0600 and no error", info.Mode(), err)
	}
	if left, _ := filepath.Glob(file + ".*.tmp"); len(left) > 0 {
		t.Errorf("got temporary files %v, want no temporary files", left)
	}

	env, _ = startWith(t, scalekit.Config{URL: url, State: file, NewSecret: true})
	if env.ClientID != admin.ClientID || env.OrganizationID != admin.OrganizationID || env.ClientSecret == admin.ClientSecret || env.ClientSecret == "" {
		t.Errorf("got client %s and organization %s, want the saved client and the saved organization, and a new secret", env.ClientID, env.OrganizationID)
	}
	again := env.callAdmin(t, http.MethodGet, env.clientsPath()+"/"+c.id, "").members
	if got, want := text(t, again["client"].(map[string]any), "update_time"), text(t, used["client"].(map[string]any), "update_time"); got != want { //nolint:errcheck // if the type is wrong, a panic fails the test
		t.Errorf("got update_time %s, want update_time %s", got, want)
	}
	if memberAt(t, again, "client", "secrets").([]any)[0].(map[string]any)["last_used_time"] != memberAt(t, used, "client", "secrets").([]any)[0].(map[string]any)["last_used_time"] { //nolint:errcheck // if the type is wrong, a panic fails the test
		t.Error("the restart changed a last_used_time")
	}
	if got := string(env.Issuer().JWKS()); got != keys {
		t.Errorf("got keys %s, want keys %s", got, keys)
	}
	env.ClientSecret = admin.ClientSecret
	if got := env.requestToken(t, c.id, c.plain); got.StatusCode != http.StatusOK {
		t.Errorf("token request: got status %s, want status 200", got.Status)
	}
	checkError(t, "duplicate external_id", env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"Third","external_id":"o"}`), 409, 6, "ALREADY_EXISTS")
	if after := env.Dump(); !strings.Contains(after, strings.Split(before, "\n")[0]) {
		t.Errorf("got state\n%s\nwant state\n%s", after, before)
	}
	if next := env.registerClient(t, "{}"); next.id <= c.id {
		t.Errorf("got client ID %s, want a greater ID than %s", next.id, c.id)
	}
}

// TestStateDamaged checks that New reports a damaged state file and does not change the
// file.
func TestStateDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	env, end := startWith(t, scalekit.Config{State: file})
	env.registerClient(t, registration)
	end()
	whole, err := os.ReadFile(file) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(whole), `"keys":[`)
	damaged := map[string][]byte{
		"empty file":                        {},
		"JSON object without members":       []byte("{}"),
		"different version":                 bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":2`), 1),
		"unknown member":                    bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":1,"more":1`), 1),
		"two JSON documents":                append(bytes.TrimSpace(whole), whole...),
		"empty list of keys":                []byte(before + `"keys":[]}`),
		"hash that is too short":            bytes.Replace(whole, []byte(`"sha256":"`), []byte(`"sha256":"AAAA","suffix":"x","active":true,"was":"`), 1),
		"client of an unknown organization": bytes.Replace(whole, []byte(`"organization_id":"org_`), []byte(`"organization_id":"org_9`), 1),
	}
	for n := 0; n < len(whole)-2; n += 1 + len(whole)/97 {
		damaged[fmt.Sprintf("truncated after %d bytes", n)] = whole[:n:n]
	}
	damaged["last brace is missing"] = whole[: len(whole)-2 : len(whole)-2]
	for name, content := range damaged {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1", State: file})
		if err == nil || !strings.Contains(err.Error(), "state.json") || !strings.Contains(err.Error(), "the file is not used") {
			t.Errorf("%s: got error %v, want an error that names the file", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "MII") {
			t.Errorf("%s: got error %v, want an error without a part of a key", name, err)
		}
		if left, _ := os.ReadFile(file); !bytes.Equal(left, content) { //nolint:gosec // the test's own file
			t.Errorf("%s: New changed the file", name)
		}
	}
}

// TestStateCannotBeWritten checks that a request for a change gets an error if the state
// file cannot be written, and that the state stays unchanged.
func TestStateCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	env, end := startWith(t, scalekit.Config{State: filepath.Join(folder, "sub", "..", "state.json")})
	c := env.registerClient(t, registration)
	before, keys := env.Dump(), string(env.Issuer().JWKS())
	repair := env.FailSaves()
	for _, call := range []struct{ method, path string }{
		{http.MethodPost, env.clientsPath()},
		{http.MethodPatch, env.clientsPath() + "/" + c.id},
		{http.MethodDelete, env.clientsPath() + "/" + c.id},
		{http.MethodPost, env.clientsPath() + "/" + c.id + "/secrets"},
		{http.MethodDelete, organizationsPath + "/" + env.OrganizationID},
	} {
		checkError(t, call.method+" "+call.path, env.callAdmin(t, call.method, call.path, `{"name":"new"}`), 500, 13, "INTERNAL")
	}
	if _, err := env.RotateKey(); err == nil {
		t.Error("RotateKey returned no error, although the key cannot be saved")
	}
	if env.Dump() != before || string(env.Issuer().JWKS()) != keys {
		t.Error("the state contains a change that was not written to the file")
	}
	repair()
	end()
}

func TestStateConcurrently(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	env, end := startWith(t, scalekit.Config{State: file})
	c := env.registerClient(t, "{}")
	admin := "Bearer " + env.adminToken(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				env.sendRequest(t, http.MethodPost, env.clientsPath(), "application/json", "{}", admin)
				env.sendRequest(t, http.MethodPost, env.clientsPath()+"/"+c.id+"/secrets", "", "", admin)
				env.requestToken(t, c.id, c.plain)
			}
			if _, err := env.RotateKey(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	before := env.Dump()
	if keys := env.Issuer().Keys(); len(keys) != 5 {
		t.Errorf("got %d keys, want 5 keys", len(keys))
	}
	end()
	env, _ = startWith(t, scalekit.Config{State: file})
	if env.CountClients() != 22 || env.Dump() != before {
		t.Errorf("got %d clients with state\n%s\nwant 22 clients with state\n%s", env.CountClients(), env.Dump(), before)
	}
}
