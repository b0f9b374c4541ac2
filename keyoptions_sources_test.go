package bearer_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// cluster has two addresses of an API server that requires a token. Its certificate comes from an
// authority of its own, and it names the address of a node in "jwks_uri".
type cluster struct {
	*bearertest.Issuer

	service, node *httptest.Server
	ca, token     string // files in the pod
	atNode        atomic.Int64
}

const clusterIssuer = "https://kubernetes.default.svc.cluster.local"

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Issuer: bearertest.NewIssuer(nil)}
	t.Cleanup(c.Close)
	serve := func(answer func(http.ResponseWriter)) *httptest.Server {
		srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(c.node.URL, r.Host) {
				c.atNode.Add(1)
			}
			if r.Header.Get("Authorization") != "Bearer pod-token-2" {
				http.Error(w, "Unauthorized", http.StatusUnauthorized)
				return
			}
			answer(w)
		}))
		t.Cleanup(srv.Close)
		return srv
	}
	c.node = serve(func(w http.ResponseWriter) {
		resp, err := http.Get(c.KeysURL())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(w, resp.Body)
	})
	c.service = serve(func(w http.ResponseWriter) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/openid/v1/jwks"}`, clusterIssuer, c.node.URL)
	})
	folder := t.TempDir()
	c.ca, c.token = filepath.Join(folder, "ca.crt"), filepath.Join(folder, "token")
	writeText(t, c.ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.node.Certificate().Raw})))
	writeText(t, c.token, "pod-token-1\n")
	return c
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// config returns a configuration that discovers the keys. The function change changes it.
func (c *cluster) config(change func(*jwks.Options)) bearer.Config {
	opts := &jwks.Options{
		MetadataURL: c.service.URL + "/.well-known/openid-configuration", RootCAFile: c.ca, AuthorizationFile: c.token,
		Timeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler),
	}
	change(opts)
	return bearer.Config{Issuer: clusterIssuer, Audience: []string{audience}, Profile: bearer.Kubernetes, KeyOptions: opts}
}

// TestKubernetes verifies the token of a service account in a cluster, with Config only.
func TestKubernetes(t *testing.T) {
	c := newCluster(t)
	issuers := new(bearer.Issuers)
	defer func() { _ = issuers.Close() }()
	if err := issuers.Add(c.config(func(*jwks.Options) {})); err != nil {
		t.Fatal(err)
	}
	if err := issuers.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("old token of the pod: got error %v, want 401", err)
	}
	writeText(t, c.token, "pod-token-2\n") // Kubernetes renews the token
	if err := issuers.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), c.node.URL+" must not get") || !strings.Contains(err.Error(), "AuthorizationOrigins") {
		t.Errorf("other origin in jwks_uri: got error %v, want the field to set", err)
	}
	if n := c.atNode.Load(); n != 0 {
		t.Errorf("requests at the other origin: got %d, want none", n)
	}
	for name, change := range map[string]func(*jwks.Options){
		"AuthorizationOrigins": func(o *jwks.Options) { o.AuthorizationOrigins = []string{c.node.URL} },
		"KeysURL":              func(o *jwks.Options) { o.MetadataURL, o.KeysURL = "", c.node.URL+"/openid/v1/jwks" },
	} {
		if err := issuers.Replace(c.config(change)); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		_, err := issuers.Verify(t.Context(), c.Mint(map[string]any{"typ": nil}, members{
			"iss": clusterIssuer, "aud": []string{audience}, "sub": "system:serviceaccount:ci:deployer",
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "kubernetes.io": members{"namespace": "ci"},
		}))
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

// TestKeysURLOfFiles reads keys from a folder, with Config only.
func TestKeysURLOfFiles(t *testing.T) {
	i := newRealm(t, true)
	resp, err := http.Get(i.keysURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	keys, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "keys.json"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{Issuer: "acme", Audience: []string{audience}, KeyOptions: &jwks.Options{KeysURL: "file://" + filepath.ToSlash(folder)}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	if _, err := v.Verify(t.Context(), i.Token(members{"iss": "acme", "aud": audience})); err != nil {
		t.Errorf("got error %v, want none", err)
	}
	for name, opts := range map[string]*jwks.Options{
		"a host":      {KeysURL: "file://host/keys"},
		"MetadataURL": {MetadataURL: "file:///keys"},
		"a token":     {KeysURL: "file:///keys", AuthorizationFile: filepath.Join(folder, "keys.json")},
	} {
		if _, err := bearer.New(bearer.Config{Issuer: "acme", Audience: []string{audience}, KeyOptions: opts}); err == nil || !strings.Contains(err.Error(), "Config.KeyOptions.") {
			t.Errorf("%s: got error %v, want an error of Config.KeyOptions", name, err)
		}
	}
}
