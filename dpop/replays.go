package dpop

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
)

const (
	defaultReplays = 1 << 18
	// shares is the number of clients that can fill the memory of used proofs together, by default.
	shares = 4
)

// NewReplays returns a Replays in the memory of this process. It holds at most size proofs in all,
// and at most perClient proofs with the same key. One proof takes about 150 bytes, until it is too
// old, and 1 min longer in case the clock is set back. If a limit is reached, further proofs are
// refused with bearer.Unavailable, and no proof is forgotten early. At the limit perClient, only the
// client with this key is refused.
//
// A size of zero means 262,144 proofs, which is about 2,000 requests per second with the default
// Options.MaxAge. A perClient of zero means a quarter of size. Negative numbers, and a perClient of
// more than size, are errors.
//
// Each replica of a service has its own memory, so each replica accepts a proof once. A restart
// forgets the used proofs.
func NewReplays(size, perClient int) (Replays, error) {
	if size == 0 {
		size = defaultReplays
	}
	if perClient == 0 {
		perClient = max(size/shares, 1)
	}
	if size < 0 || perClient < 0 || perClient > size {
		return nil, fmt.Errorf("dpop: NewReplays(%d, %d): want positive numbers, and the second at most as large as the first", size, perClient)
	}
	return &memory{proof.NewReplays(size, perClient)}, nil
}

// memory is a Replays in the memory of this process.
type memory struct{ used *proof.Replays }

// Seen implements [Replays].
func (m *memory) Seen(_ context.Context, key string, until time.Time) (bool, error) {
	owner, id, _ := strings.Cut(key, ".")
	return m.used.Seen(owner, id, until)
}
