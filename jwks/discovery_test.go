package jwks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// site is a fake web server. It maps URLs to documents. A document of the form "-> URL" is a
// redirect to this URL.
type site map[string]string

func (s site) answer(req *http.Request) *http.Response {
	doc, ok := s[req.URL.String()]
	if !ok {
		return response(req, http.StatusNotFound, nil, nil)
	}
	if to, ok := strings.CutPrefix(doc, "-> "); ok {
		return response(req, http.StatusFound, http.Header{"Location": {to}}, nil)
	}
	return response(req, http.StatusOK, nil, []byte(doc))
}

func metadata(issuer, keys string) string {
	data, err := json.Marshal(map[string]any{"issuer": issuer, "jwks_uri": keys, "token_endpoint": issuer + "/token"})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// The function discover calls jwks.Discover and waits for the first fetch. It must be called in
// a synctest bubble.
func discover(t *testing.T, name string, i *issuer, change ...func(*jwks.Options)) *jwks.Cache {
	t.Helper()
	o := options(i)
	o.Issuer = ""
	for _, c := range change {
		c(o)
	}
	c, err := jwks.Discover(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	synctest.Wait()
	return c
}

func TestDiscovery(t *testing.T) {
	const root, path, slash = "https://as.test", "https://as.test/t/1", "https://as.test/t/1/"
	const keys = "https://cdn.test/keys.json"
	wrong := metadata("https://evil.test", keys)
	for _, tt := range []struct {
		name    string
		issuer  string
		site    site
		options jwks.Options
		want    string
		fetches int
	}{
		{"metadata is at the OpenID Connect URL", root, site{root + "/.well-known/openid-configuration": metadata(root, keys)}, jwks.Options{}, "ok", 2},
		{"metadata is at the OpenID Connect URL, and issuer has a path", path, site{path + "/.well-known/openid-configuration": metadata(path, keys)}, jwks.Options{}, "ok", 2},
		{"metadata is at the OpenID Connect URL, and issuer has a trailing slash", slash, site{path + "/.well-known/openid-configuration": metadata(slash, keys)}, jwks.Options{}, "ok", 2},
		{"metadata is at the RFC 8414 URL", root, site{root + "/.well-known/oauth-authorization-server": metadata(root, keys)}, jwks.Options{}, "ok", 3},
		{"metadata is at the RFC 8414 URL, and issuer has a path", path, site{root + "/.well-known/oauth-authorization-server/t/1": metadata(path, keys)}, jwks.Options{}, "ok", 3},
		{"metadata is at the RFC 8414 URL, and issuer has a trailing slash", slash, site{root + "/.well-known/oauth-authorization-server/t/1": metadata(slash, keys)}, jwks.Options{}, "ok", 3},
		{"URL has openid-configuration before the issuer's path", path, site{root + "/.well-known/openid-configuration/t/1": metadata(path, keys)}, jwks.Options{}, "ok", 4},
		{"URL has oauth-authorization-server after the issuer's path", path, site{path + "/.well-known/oauth-authorization-server": metadata(path, keys)}, jwks.Options{}, "ok", 5},
		{"first document has a wrong issuer, and second document is good", root, site{root + "/.well-known/openid-configuration": wrong, root + "/.well-known/oauth-authorization-server": metadata(root, keys)}, jwks.Options{}, "ok", 3},
		{"first URL redirects to a different origin, and second document is good", root, site{root + "/.well-known/openid-configuration": "-> https://login.test/", root + "/.well-known/oauth-authorization-server": metadata(root, keys)}, jwks.Options{}, "ok", 3},
		{"first URL redirects within the origin", root, site{root + "/.well-known/openid-configuration": "-> /meta", root + "/meta": metadata(root, keys)}, jwks.Options{}, "ok", 3},
		{"metadata has a different issuer", root, site{root + "/.well-known/openid-configuration": wrong}, jwks.Options{}, "unavailable", 2},
		{"issuer in metadata has an additional slash", root, site{root + "/.well-known/openid-configuration": metadata(root+"/", keys)}, jwks.Options{}, "unavailable", 2},
		{"issuer in metadata has the wrong case", root, site{root + "/.well-known/openid-configuration": metadata("https://AS.test", keys)}, jwks.Options{}, "unavailable", 2},
		{"metadata has no member issuer", root, site{root + "/.well-known/openid-configuration": `{"jwks_uri":"` + keys + `"}`}, jwks.Options{}, "unavailable", 2},
		{"metadata has the member issuer twice", root, site{root + "/.well-known/openid-configuration": `{"issuer":"x",` + metadata(root, keys)[1:]}, jwks.Options{}, "unavailable", 2},
		{"metadata does not contain jwks_uri", root, site{root + "/.well-known/openid-configuration": `{"issuer":"` + root + `"}`}, jwks.Options{}, "unavailable", 2},
		{"jwks_uri is an http URL", root, site{root + "/.well-known/openid-configuration": metadata(root, "http://cdn.test/keys.json")}, jwks.Options{}, "unavailable", 2},
		{"jwks_uri is an http URL with a loopback address", root, site{root + "/.well-known/openid-configuration": metadata(root, "http://127.0.0.1/keys.json")}, jwks.Options{}, "unavailable", 2},
		{"jwks_uri is a file URL", root, site{root + "/.well-known/openid-configuration": metadata(root, "file:///etc/passwd")}, jwks.Options{}, "unavailable", 2},
		{"jwks_uri is a relative URL", root, site{root + "/.well-known/openid-configuration": metadata(root, "/keys.json")}, jwks.Options{}, "unavailable", 2},
		{"metadata is HTML", root, site{root + "/.well-known/openid-configuration": `<html>`}, jwks.Options{}, "unavailable", 2},
		{"MetadataURL is set", "stytch.test/project-1", site{"https://meta.test/m": metadata("stytch.test/project-1", keys)}, jwks.Options{MetadataURL: "https://meta.test/m"}, "ok", 2},
		{"MetadataURL and MetadataIssuer are set", path, site{"https://meta.test/m": metadata("https://as.test/{tenant}", keys)}, jwks.Options{MetadataURL: "https://meta.test/m", MetadataIssuer: "https://as.test/{tenant}"}, "ok", 2},
		{"MetadataURL is set, but the metadata has a different issuer", path, site{"https://meta.test/m": wrong}, jwks.Options{MetadataURL: "https://meta.test/m"}, "unavailable", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.site[keys] = string(document(ecKey("a")))
				i := &issuer{answer: tt.site.answer}
				c := discover(t, tt.issuer, i, func(o *jwks.Options) {
					o.MetadataURL, o.MetadataIssuer = tt.options.MetadataURL, tt.options.MetadataIssuer
				})
				_, err := c.Lookup("a", "ES256")
				want(t, "outcome of the lookup", outcome(err), tt.want)
				want(t, "requests", i.fetches(), tt.fetches)
				want(t, "Status.Issuer", c.Status().Issuer, tt.issuer)
				if tt.want == "ok" {
					want(t, "Status.URL", c.Status().URL, keys)
				} else {
					wantText(t, err, "discovery of ")
				}
			})
		})
	}
}

// If the issuer's host does not answer, only one metadata URL is tried.
func TestDiscoveryDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{down: true}
		c := discover(t, "https://as.test/t/1", i)
		want(t, "requests", i.fetches(), 1)
		i.update(func(i *issuer) { i.down, i.hang = false, true })
		start := time.Now()
		want(t, "outcome of a lookup while the issuer hangs", keyOutcome(t, c, "a"), "unavailable")
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("wait while the issuer hangs: got %v, want at most 2 s", d)
		}
	})
}

// The cache fetches the metadata again within 1 h. If the key set is no longer at its URL, the
// cache fetches the metadata sooner.
func TestDiscoveryRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const root, meta = "https://as.test", "https://as.test/.well-known/oauth-authorization-server"
		s := site{meta: metadata(root, root+"/old"), root + "/old": string(document(ecKey("a")))}
		i := &issuer{answer: s.answer}
		var events recorder
		c := discover(t, root, i, func(o *jwks.Options) { o.Observe = events.add })
		want(t, "lookup of the key at the first URL", keyOutcome(t, c, "a"), "ok")

		// The key set moves to another URL. The first lookup of a new key finds the new URL.
		i.update(func(*issuer) {
			delete(s, root+"/old")
			s[meta], s[root+"/new"] = metadata(root, root+"/new"), string(document(ecKey("b")))
		})
		time.Sleep(2 * time.Minute)
		want(t, "lookup of the key at the new URL", keyOutcome(t, c, "b"), "ok")
		want(t, "URL", c.Status().URL, root+"/new")

		// The cache does not use bad metadata.
		for _, bad := range []string{"", "null", metadata("https://evil.test", root+"/evil"), metadata(root, "http://cdn.test/")} {
			i.update(func(*issuer) {
				s[meta] = bad
				s[root+"/evil"] = string(document(ecKey("evil")))
			})
			failedBefore := events.count(jwks.MetadataFailed)
			time.Sleep(3 * time.Hour)
			want(t, "lookup of the good key while the metadata is bad", keyOutcome(t, c, "b"), "ok")
			want(t, "lookup of the evil key while the metadata is bad", keyOutcome(t, c, "evil"), "unknown")
			if events.count(jwks.MetadataFailed) == failedBefore {
				t.Error("bad metadata: got no MetadataFailed event, want at least one")
			}
		}
		// When the metadata is good again, the cache uses it within 1 h.
		i.update(func(*issuer) {
			s[meta], s[root+"/third"] = metadata(root, root+"/third"), string(document(ecKey("c")))
		})
		time.Sleep(80 * time.Minute)
		_, err := c.Lookup("c", "ES256")
		want(t, "lookup of the key at the newest URL", outcome(err), "ok")
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// The key set has moved, and requests to the old host hang. So the first fetch has no time left
// for the metadata. The second fetch begins with the metadata.
func TestMovedFromHangingHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const root, meta = "https://as.test", "https://as.test/.well-known/openid-configuration"
		s := site{meta: metadata(root, root+"/old"), root + "/old": string(document(ecKey("a")))}
		i := &issuer{answer: s.answer}
		var moved atomic.Bool
		c := discover(t, root, i, func(o *jwks.Options) {
			o.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
				if moved.Load() && req.URL.Path == "/old" {
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				if err := req.Context().Err(); err != nil {
					return nil, err
				}
				return i.RoundTrip(req)
			})
		})
		time.Sleep(2 * time.Minute)
		i.update(func(*issuer) {
			s[meta], s[root+"/new"] = metadata(root, root+"/new"), string(document(ecKey("b")))
		})
		moved.Store(true)
		want(t, "lookup of the new key while the old host hangs", keyOutcome(t, c, "b"), "unavailable")
		time.Sleep(7 * time.Second) // until the first fetch and the pause after its failure have ended
		_, err := c.Lookup("b", "ES256")
		want(t, "lookup of the new key after the next fetch", outcome(err), "ok")
		want(t, "URL", c.Status().URL, root+"/new")
	})
}

func TestRedirects(t *testing.T) {
	const keys = "https://as.test/keys"
	doc := string(document(ecKey("a")))
	for _, tt := range []struct {
		name string
		site site
		want string
	}{
		{"redirect within the origin", site{keys: "-> /k2", "https://as.test/k2": doc}, "ok"},
		{"redirect within the origin, URL with port 443", site{keys: "-> https://as.test:443/k2", "https://as.test:443/k2": doc}, "ok"},
		{"three redirects within the origin", site{keys: "-> /2", "https://as.test/2": "-> /3", "https://as.test/3": "-> /4", "https://as.test/4": doc}, "ok"},
		{"redirect to the same URL", site{keys: "-> /keys"}, "unavailable"},
		{"redirect to a different host", site{keys: "-> https://evil.test/", "https://evil.test/": doc}, "unavailable"},
		{"redirect to a different port", site{keys: "-> https://as.test:8443/k2", "https://as.test:8443/k2": doc}, "unavailable"},
		{"redirect to a different scheme", site{keys: "-> http://as.test/k2", "http://as.test/k2": doc}, "unavailable"},
		{"redirect to a different host and back", site{keys: "-> https://evil.test/", "https://evil.test/": "-> " + keys}, "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &issuer{answer: tt.site.answer}
				c, err := jwks.New(keys, options(i))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				synctest.Wait()
				_, err = c.Lookup("a", "ES256")
				want(t, "outcome of the lookup", outcome(err), tt.want)
				i.mu.Lock()
				defer i.mu.Unlock()
				foreign := slices.ContainsFunc(i.urls, func(url string) bool { return !strings.HasPrefix(url, "https://as.test") })
				want(t, fmt.Sprintf("requests %v include a different origin", i.urls), foreign || slices.Contains(i.urls, "https://as.test:8443/k2"), false)
			})
		})
	}
}
