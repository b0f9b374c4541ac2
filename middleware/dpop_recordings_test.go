package middleware_test

import (
	"bufio"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

type recording struct{ *testkit.Recording }

// readRecordings returns the recordings. The keys are the names of the clients.
func readRecordings(t *testing.T) map[string]recording {
	t.Helper()
	all := make(map[string]recording)
	for name, r := range testkit.Recordings(t, "../testdata") {
		all[name] = recording{r}
	}
	return all
}

// guard returns a handler that accepts the token of the recording.
func (r recording) guard(t *testing.T, opts dpop.Options) http.Handler {
	t.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	binding, err := dpop.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.Parse(r.KeySet)
	if err != nil {
		t.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{
		Issuer: r.Metadata.Issuer, Audience: []string{r.Audience}, Keys: keys, Bindings: []bearer.Binding{binding}, Logger: opts.Logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	g, err := middleware.New(v, &middleware.Options{Logger: opts.Logger})
	if err != nil {
		t.Fatal(err)
	}
	return g.Require(scopes.All("read:deployments"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())
		w.Header().Set("Thumbprint", claims.BoundTo("jkt"))
	}))
}

// origins returns the origins of the APIs in the recording.
func (r recording) origins() (list []string) {
	for _, request := range r.Requests {
		list = append(list, "https://"+request.Host)
	}
	return slices.Compact(list)
}

// request returns a recorded request with its token.
func (r recording) request(t *testing.T, n int) *http.Request {
	t.Helper()
	recorded := r.Requests[n]
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(recorded.Line + "\r\nHost: " + recorded.Host + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Dpop"] = slices.Clone(recorded.Proofs)
	req.Header.Set("Authorization", "DPoP "+r.Grant.AccessToken)
	return req
}

// TestDPoPRecordings sends the requests of clients of other projects to a guard, at the time of
// the recording. Each request is accepted once.
func TestDPoPRecordings(t *testing.T) {
	for name, r := range readRecordings(t) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(r.Time))
			h := r.guard(t, dpop.Options{Origins: r.origins()})
			for _, again := range []bool{false, true} {
				for n, recorded := range r.Requests {
					w := serve(h, r.request(t, n))
					if again {
						checkRefused(t, name+", again: "+recorded.Line, w, "DPoP", "invalid_dpop_proof")
						continue
					}
					p, err := proof.Read(recorded.Proofs[0])
					if err != nil {
						t.Fatal(err)
					}
					if got := w.Header().Get("Thumbprint"); w.Code != http.StatusOK || got != p.Thumbprint() {
						t.Errorf("%s: %s: got status %d, thumbprint %q and challenges %q, want 200 and %s", name, recorded.Line, w.Code, got, w.Header()["Www-Authenticate"], p.Thumbprint())
					}
				}
			}
		})
	}
}

// checkRefused requires the status 401 and an error in the challenge of one scheme.
func checkRefused(t *testing.T, name string, w *httptest.ResponseRecorder, scheme, code string) {
	t.Helper()
	challenges := w.Header().Values("WWW-Authenticate")
	found := slices.ContainsFunc(challenges, func(c string) bool {
		return strings.HasPrefix(c, scheme+" ") && strings.Contains(c, `error="`+code+`"`)
	})
	if w.Code != http.StatusUnauthorized || !found {
		t.Errorf("%s: got status %d and challenges %q, want 401 and the error %s of %s", name, w.Code, challenges, code, scheme)
	}
}

// changes are changes of one fact of a recorded request: the time, the request, its credentials or
// the options of the API.
var changes = []struct {
	name         string
	after        time.Duration         // since the time of the recording
	opts         dpop.Options          // without Origins: the origins of the recording
	edit         func(r *http.Request) // may be nil
	scheme, code string                // of the error in the challenge; "": accepted
}{
	{"unchanged", 0, dpop.Options{}, nil, "", ""},
	{"a different query", 0, dpop.Options{}, func(r *http.Request) { r.URL.RawQuery = "limit=100" }, "", ""},
	{"61 s later", 61 * time.Second, dpop.Options{}, nil, "DPoP", "invalid_dpop_proof"},
	{"61 s later, with MaxAge", 61 * time.Second, dpop.Options{MaxAge: 2 * time.Minute}, nil, "", ""},
	{"expired token", 10 * time.Minute, dpop.Options{}, nil, "DPoP", "invalid_token"},
	{"the clock of the client is ahead", -30 * time.Second, dpop.Options{}, nil, "DPoP", "invalid_dpop_proof"},
	{"nonce of a different API", 0, dpop.Options{NonceKeys: [][]byte{make([]byte, 32)}}, nil, "DPoP", "use_dpop_nonce"},
	{"different origin", 0, dpop.Options{Origins: []string{"https://api.example"}}, nil, "DPoP", "invalid_dpop_proof"},
	{"proxy that ends TLS, without Origins", 0, dpop.Options{InsecureAnyOrigin: true}, nil, "DPoP", "invalid_dpop_proof"},
	{"TLS, without Origins", 0, dpop.Options{InsecureAnyOrigin: true}, func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, "", ""},
	{"different method", 0, dpop.Options{}, func(r *http.Request) { r.Method = "PUT" }, "DPoP", "invalid_dpop_proof"},
	{"different path", 0, dpop.Options{}, func(r *http.Request) { r.RequestURI = "/orders/9" }, "DPoP", "invalid_dpop_proof"},
	{"no proof", 0, dpop.Options{}, func(r *http.Request) { r.Header.Del("DPoP") }, "DPoP", "invalid_dpop_proof"},
	{"the proof twice", 0, dpop.Options{}, func(r *http.Request) { r.Header.Add("DPoP", r.Header.Get("DPoP")) }, "DPoP", "invalid_dpop_proof"},
	{"the token as proof", 0, dpop.Options{}, func(r *http.Request) {
		r.Header.Set("DPoP", strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP "))
	}, "DPoP", "invalid_dpop_proof"},
	{"scheme Bearer", 0, dpop.Options{}, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer"+strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP"))
	}, "Bearer", "invalid_token"},
}

// TestDPoPRecordingsRefused changes one fact of each recorded request.
func TestDPoPRecordingsRefused(t *testing.T) {
	for name, r := range readRecordings(t) {
		for _, row := range changes {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(r.Time.Add(row.after)))
				opts := row.opts
				if opts.Origins == nil && !opts.InsecureAnyOrigin {
					opts.Origins = r.origins()
				}
				h := r.guard(t, opts)
				for n := range r.Requests {
					req := r.request(t, n)
					if row.edit != nil {
						row.edit(req)
					}
					title := row.name + ", " + name + ", " + r.Requests[n].Line
					if w := serve(h, req); row.code != "" {
						checkRefused(t, title, w, row.scheme, row.code)
					} else if w.Code != http.StatusOK {
						t.Errorf("%s: got status %d and challenges %q, want 200", title, w.Code, w.Header().Values("WWW-Authenticate"))
					}
				}
			})
		}
	}
}

// TestDPoPRecordingsStolen sends the token of each client with the proofs of the other clients.
func TestDPoPRecordingsStolen(t *testing.T) {
	all := readRecordings(t)
	for name, r := range all {
		for thief, other := range all {
			if name == thief {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(r.Time))
				h := r.guard(t, dpop.Options{Origins: append(r.origins(), other.origins()...)})
				for n := range other.Requests {
					req := other.request(t, n)
					req.Header.Set("Authorization", "DPoP "+r.Grant.AccessToken)
					checkRefused(t, "token of "+name+", proof of "+thief, serve(h, req), "DPoP", "invalid_token")
				}
			})
		}
	}
}
