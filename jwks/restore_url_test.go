package jwks_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/jwks"
)

// Stored keys belong to the URL from which they came. If Options.KeysURL changes, the keys of the
// old URL are not restored: it may have changed because these keys are not to be trusted.
func TestRestoreAndKeysURL(t *testing.T) {
	const name = "https://issuer.test"
	const discovered, inside, other = "", "https://inside.example/keys", "https://other.example/keys"
	for label, row := range map[string]struct {
		before, after string
		restored      bool
	}{
		"the same URL":         {inside, inside, true},
		"another URL":          {inside, other, false},
		"a query that differs": {inside + "?a=1", inside + "?a=2", false},
		"from discovery":       {discovered, inside, false},
		"to discovery":         {inside, discovered, false},
	} {
		t.Run(label, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				run := func(url string, down bool) *jwks.Cache {
					i := newIssuer(ecKey("a"))
					keys := i.doc
					i.update(func(i *issuer) {
						i.down = down
						i.answer = func(r *http.Request) *http.Response {
							if strings.Contains(r.URL.Path, "well-known") {
								return response(r, http.StatusOK, nil, []byte(metadata(name, name+"/keys")))
							}
							return response(r, http.StatusOK, nil, keys)
						}
					})
					o := options(i)
					o.KeysURL, o.Store = url, store
					c, err := jwks.Discover(name, o)
					if err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					return c
				}
				_ = run(row.before, false).Close()
				c := run(row.after, true)
				defer func() { _ = c.Close() }()
				_, err := c.Lookup("a", "ES256")
				want(t, "restored", err == nil, row.restored)
			})
		})
	}
}
