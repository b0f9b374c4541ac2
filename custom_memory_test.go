package bearer_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
)

type (
	sharedTags struct {
		Mu   sync.Mutex
		Tags map[string]*int
	}
	tagsAndFunc struct {
		Stop func()
		Tags map[string]*int
	}
	tagsAndHidden struct {
		Tags   map[string]*int
		tenant *sharedTags
	}
)

// TestCustomSharedMemory has custom claims that share a map with other goroutines, behind a
// lock. The verifier must not read the map, because it does not know the lock. The race
// detector finds such a read.
func TestCustomSharedMemory(t *testing.T) {
	tenant := &sharedTags{Tags: map[string]*int{}}
	for i := range 100 {
		tenant.Tags[strconv.Itoa(i)] = new(int)
	}
	for name, custom := range map[string]any{
		"lock":                  tenant,
		"lock inside":           struct{ Tenant *sharedTags }{tenant},
		"function":              tagsAndFunc{func() {}, tenant.Tags},
		"unexported field":      tagsAndHidden{tenant.Tags, tenant},
		"interface":             []any{tenant},
		"interface, with a map": map[string]any{"tenant": tagsAndHidden{tenant.Tags, tenant}},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newIssuer(t, "EdDSA")
			v := newVerifier(t, issuer, func(c *bearer.Config) {
				c.Custom = func([]byte) (any, error) { return custom, nil }
			})
			stop := make(chan struct{})
			var writer sync.WaitGroup
			writer.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					tenant.Mu.Lock()
					tenant.Tags[strconv.Itoa(i%200)] = nil
					tenant.Mu.Unlock()
				}
			})
			const tokens = 20
			for i := range tokens {
				if _, err := v.Verify(t.Context(), issuer.Token(members{"jti": strconv.Itoa(i)})); err != nil {
					t.Error(err)
				}
			}
			close(stop)
			writer.Wait()
			if got := v.Status()[0].Cache.Entries; got != tokens {
				t.Errorf("got %d tokens cached, want %d", got, tokens)
			}
		})
	}
}
