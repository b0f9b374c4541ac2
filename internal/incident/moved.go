package incident

import (
	"bytes"
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// metadataAge is the age of the metadata in the incident MovedKeys. A cache may need metadata of
// more than a minute, because requests with unknown keys must not cause requests for the metadata
// all the time.
const metadataAge = 61 * time.Second

// MovedKeys is an incident in which the metadata of the issuer names a new address of the key set.
// The old address still answers, with the old keys. A key rotation follows, so the new key is only
// at the new address. 20 callers present tokens signed with the new key for 2 s. The metadata is
// metadataAge old by then, so the incident takes more than a minute. Result.PerStep has the number
// of requests for the old address, for the new address and for the metadata.
func MovedKeys(ctx context.Context, s Subject) (Result, error) {
	discover := func(s *Setup) { s.Discover = true }
	return play(ctx, s, discover, func(i *issuer, v Verifier) (Result, error) {
		wait(ctx, metadataAge)
		var atOld, atNew atomic.Int64
		const newPath = "/.well-known/jwks.json"
		oldSet, metadata := i.JWKS(), bytes.ReplaceAll(i.Metadata(), []byte(i.KeysURL()), []byte(i.URL()+newPath))
		i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: latency, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == newPath {
				atNew.Add(1)
				writeDocument(w, i.JWKS())
				return
			}
			atOld.Add(1)
			writeDocument(w, oldSet)
		})})
		i.Inject(bearertest.DiscoveryEndpoint, bearertest.Fault{Delay: latency, Body: metadata})
		asked := i.Fetches(bearertest.DiscoveryEndpoint)
		i.countFetches()
		i.rotateKey()
		tokens := i.tokens(callers)
		var t tally
		t.runCallers(ctx, v, callers, 50*time.Millisecond, 2*time.Second, func(caller int) string { return tokens[caller] })
		r := newResult(&t, i)
		r.PerStep = []int{int(atOld.Load()), int(atNew.Load()), i.Fetches(bearertest.DiscoveryEndpoint) - asked}
		r.Story = "the metadata, fetched 1 min ago, names a new address of the key set; the old address still answers, but lacks the new key; 20 callers use the new key immediately"
		return r, nil
	})
}
