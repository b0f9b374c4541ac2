package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bearerkit/bearer/bearertest"
)

// fakeKeycloak answers as Keycloak does: the metadata and the tokens have the outer name, and
// jwks_uri depends on hostname-backchannel-dynamic.
type fakeKeycloak struct {
	*bearertest.Issuer
	*httptest.Server

	outer   string // KC_HOSTNAME
	inner   string // the name of the requests; empty means the URL of the server
	dynamic bool   // KC_HOSTNAME_BACKCHANNEL_DYNAMIC
}

func newFakeKeycloak(t *testing.T, outer string, dynamic, tls bool) *fakeKeycloak {
	t.Helper()
	k := &fakeKeycloak{Issuer: bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: outer + "/realms/ci"}), outer: outer, dynamic: dynamic}
	k.Server = httptest.NewUnstartedServer(k)
	k.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	if tls {
		k.StartTLS()
	} else {
		k.Start()
	}
	t.Cleanup(k.Server.Close)
	return k
}

func (k *fakeKeycloak) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	switch r.URL.Path {
	case "/realms/ci/.well-known/openid-configuration":
		outer, backchannel := k.outer+"/realms/ci", k.outer+"/realms/ci"
		if k.dynamic {
			backchannel = cmp.Or(k.inner, k.Server.URL) + "/realms/ci"
		}
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer":                 outer,
			"authorization_endpoint": outer + "/protocol/openid-connect/auth",
			"token_endpoint":         backchannel + "/protocol/openid-connect/token",
			"jwks_uri":               backchannel + "/protocol/openid-connect/certs",
		})
	case "/realms/ci/protocol/openid-connect/certs":
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal(k.JWKS(), &set); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		// Keycloak also publishes a key for encryption.
		set.Keys = append(set.Keys, map[string]any{"kid": "enc", "kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "n": set.Keys[0]["n"], "e": "AQAB"})
		_ = json.NewEncoder(w).Encode(set)
	default:
		http.NotFound(w, r)
	}
}

// token returns a token of a service account with the claims that Keycloak writes. The claims
// override them.
func (k *fakeKeycloak) token(claims map[string]any) string {
	all := map[string]any{
		"iss": k.outer + "/realms/ci", "aud": "deployments", "sub": "1d2d88f8-8b68-4b6b-883f-1af68b598612", "typ": "Bearer", "azp": "reader", "client_id": "reader", "acr": "1",
		"preferred_username": "service-account-reader", "email_verified": false, "allowed-origins": []string{"/*"}, "clientHost": "172.17.0.1", "clientAddress": "172.17.0.1",
		"scope": "read:deployments", "exp": time.Now().Add(5 * time.Minute),
	}
	for name, value := range claims {
		all[name] = value
	}
	return k.Mint(map[string]any{"typ": "JWT"}, all)
}

// readVariables returns the variables of the API in a YAML file. The path leads to the variables in
// one of the documents of the file.
func readVariables(t *testing.T, file string, document int, path ...string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file) //nolint:gosec // a file of this folder
	if err != nil {
		t.Fatal(err)
	}
	node := map[string]any{}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for range document + 1 {
		clear(node)
		if err := decoder.Decode(&node); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	for _, name := range path {
		next, ok := node[name].(map[string]any)
		if !ok {
			t.Fatalf("%s: got no object %q, want the path %q", file, name, path)
		}
		node = next
	}
	variables := map[string]string{}
	for name, value := range node {
		text, ok := value.(string)
		if !ok {
			t.Fatalf("%s: %s: got %v, want a string", file, name, value)
		}
		variables[name] = text
	}
	return variables
}

// records is a log.
type records struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// startAPI runs the program with the variables, and returns its URL and its log.
func startAPI(t *testing.T, variables map[string]string) (url string, log *records) {
	t.Helper()
	variables["ADDR"] = "127.0.0.1:0"
	log = new(records)
	ctx, cancel := context.WithCancel(context.Background())
	addr, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, func(name string) string { return variables[name] }, slog.New(slog.NewTextHandler(log, nil)), func(a net.Addr) { addr <- a })
	}()
	select {
	case a := <-addr:
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("run: got error %v, want none", err)
			}
		})
		return "http://" + a.String(), log
	case err := <-ended:
		cancel()
		t.Fatalf("run: got error %v, want a server", err)
		return "", nil
	}
}

// do sends a request, and returns the status and the body.
func do(t *testing.T, method, url, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// setting is a Keycloak and the variables of the API.
type setting struct {
	keycloak  *fakeKeycloak
	variables map[string]string
}

// inCompose returns the setting of compose.yaml. The outer name gets a port that is closed, because
// the container cannot reach this name.
func inCompose(t *testing.T, dynamic bool) setting {
	t.Helper()
	closed := httptest.NewServer(nil)
	closed.Close()
	outer := strings.Replace(closed.URL, "127.0.0.1", "localhost", 1)
	k := newFakeKeycloak(t, outer, dynamic, false)
	variables := readVariables(t, "compose.yaml", 0, "services", "api", "environment")
	replace(t, variables, "http://localhost:8180", outer)
	replace(t, variables, "http://keycloak:8080", k.Server.URL)
	return setting{k, variables}
}

// inCluster returns the setting of kubernetes.yaml.
func inCluster(t *testing.T) setting {
	t.Helper()
	k := newFakeKeycloak(t, "https://auth.example.com", true, true)
	variables := readVariables(t, "kubernetes.yaml", 2, "data")
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	replace(t, variables, "https://keycloak.auth.svc:8443", k.Server.URL)
	replace(t, variables, "/etc/keycloak-ca/ca.crt", file)
	volume := t.TempDir()
	if err := os.Chmod(volume, 0o777); err != nil { //nolint:gosec // an emptyDir has this mode
		t.Fatal(err)
	}
	replace(t, variables, "/data/", volume+"/")
	variables["STORE_KEY"] = strings.Repeat("k", 32)
	return setting{k, variables}
}

// replace replaces a text in all variables. The text must occur.
func replace(t *testing.T, variables map[string]string, from, to string) {
	t.Helper()
	found := false
	for name, value := range variables {
		found = found || strings.Contains(value, from)
		variables[name] = strings.ReplaceAll(value, from, to)
	}
	if !found {
		t.Fatalf("got no variable with %q in %v, want one", from, variables)
	}
}

// TestAccepted runs the API with the shipped configurations. Each value of
// hostname-backchannel-dynamic works with one of them.
func TestAccepted(t *testing.T) {
	withKeysURL := func(t *testing.T, dynamic bool) setting {
		t.Helper()
		s := inCompose(t, dynamic)
		s.variables["METADATA_URL"], s.variables["KEYS_URL"] = "", s.keycloak.Server.URL+"/realms/ci/protocol/openid-connect/certs"
		return s
	}
	for name, setup := range map[string]func(*testing.T) setting{
		"compose.yaml":              func(t *testing.T) setting { t.Helper(); return inCompose(t, true) },
		"KEYS_URL, dynamic":         func(t *testing.T) setting { t.Helper(); return withKeysURL(t, true) },
		"KEYS_URL, without dynamic": func(t *testing.T) setting { t.Helper(); return withKeysURL(t, false) },
		"kubernetes.yaml":           inCluster,
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			url, log := startAPI(t, s.variables)
			for _, row := range []struct {
				method, path, token string
				want                int
				body                string
			}{
				{"GET", "/deployments", s.keycloak.token(nil), 200, "list for reader\n"},
				{"POST", "/deployments", s.keycloak.token(nil), 403, ""},
				{"POST", "/deployments", s.keycloak.token(map[string]any{"scope": "read:deployments deploy:applications", "azp": "deployer", "client_id": nil}), 200, "create for deployer\n"},
				{"GET", "/deployments", "", 401, ""},
				{"GET", "/deployments", s.keycloak.token(map[string]any{"typ": "ID"}), 401, ""},
				{"GET", "/readyz", "", 200, ""},
				{"GET", "/livez", "", 200, ""},
			} {
				status, body := do(t, row.method, url+row.path, row.token)
				if status != row.want || row.body != "" && body != row.body {
					t.Errorf("%s %s: got status %d and body %q, want status %d and body %q; log:\n%s", row.method, row.path, status, body, row.want, row.body, log)
				}
			}
		})
	}
}

// mistakes are the configurations and the tokens that docs/keycloak.md describes in its section
// about mistakes. The name of a row is a heading of the page.
var mistakes = []struct {
	name   string
	setup  func(t *testing.T) setting
	claims map[string]any // of the token
	want   int
}{
	{"The container cannot reach jwks_uri", func(t *testing.T) setting { t.Helper(); return inCompose(t, false) }, nil, 503},
	{"ISSUER has the inner name, with METADATA_URL", func(t *testing.T) setting {
		t.Helper()
		s := inCompose(t, true)
		s.variables["ISSUER"] = s.keycloak.Server.URL + "/realms/ci"
		return s
	}, nil, 401},
	{"ISSUER has the inner name, with KEYS_URL", func(t *testing.T) setting {
		t.Helper()
		s := inCompose(t, true)
		s.variables["ISSUER"], s.variables["METADATA_URL"] = s.keycloak.Server.URL+"/realms/ci", ""
		s.variables["KEYS_URL"] = s.keycloak.Server.URL + "/realms/ci/protocol/openid-connect/certs"
		return s
	}, nil, 401},
	{"The client has no audience mapper", func(t *testing.T) setting { t.Helper(); return inCompose(t, true) }, map[string]any{"aud": "account"}, 401},
	{"The client has no scope basic", func(t *testing.T) setting { t.Helper(); return inCompose(t, true) }, map[string]any{"sub": nil}, 401},
	{"The certificate of the authority is missing", func(t *testing.T) setting {
		t.Helper()
		s := inCluster(t)
		s.variables["ROOT_CA_FILE"] = ""
		return s
	}, nil, 503},
}

// TestMistakes runs the API with each mistake. The log must contain the record that the page
// quotes, without the attributes that differ in each run.
func TestMistakes(t *testing.T) {
	page, err := os.ReadFile("../../docs/keycloak.md")
	if err != nil {
		t.Skip("this copy has no docs/keycloak.md")
	}
	varying := regexp.MustCompile(`(time|kid|jti|took)=\S+ `)
	for _, row := range mistakes {
		t.Run(row.name, func(t *testing.T) {
			s := row.setup(t)
			url, log := startAPI(t, s.variables)
			if row.claims != nil { // the record differs if the API has no keys yet
				if status, _ := do(t, http.MethodGet, url+"/deployments", s.keycloak.token(nil)); status != http.StatusOK {
					t.Errorf("got status %d for a valid token, want 200", status)
				}
			}
			if status, _ := do(t, http.MethodGet, url+"/deployments", s.keycloak.token(row.claims)); status != row.want {
				t.Errorf("got status %d, want %d", status, row.want)
			}
			inner, outer := "http://keycloak:8080", "localhost:8180"
			if strings.HasPrefix(s.keycloak.Server.URL, "https") {
				inner, outer = "https://keycloak.auth.svc:8443", s.keycloak.outer
			}
			text := strings.NewReplacer(strings.TrimPrefix(s.keycloak.outer, "http://"), outer, s.keycloak.Server.URL, inner).Replace(log.String())
			text = varying.ReplaceAllString(text, "")
			_, section, found := strings.Cut(string(page), "\n### "+row.name+"\n")
			section, _, _ = strings.Cut(section, "\n### ")
			quote := regexp.MustCompile("(?s)\n```text\n(.*?) ?…\n```").FindStringSubmatch(section)
			if !found || quote == nil || !strings.Contains(text, quote[1]) {
				t.Errorf("docs/keycloak.md, section %q: got the quote %q, want a part of this log:\n%s", row.name, quote, text)
			}
		})
	}
}
