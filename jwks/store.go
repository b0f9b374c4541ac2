package jwks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Store keeps a few kilobytes across restarts. With a Store, a service that starts while
// its issuer is down has the keys of its last run. It uses these keys for
// Options.MaxStale at most, counted from the issuer's last response.
//
// The stored keys are public, not secret. But anyone who can write to the Store decides
// which keys verify tokens, and so can forge tokens until the issuer answers.
// Options.StoreKey prevents this: an attacker who does not have the StoreKey can only put
// back data that was stored earlier, within MaxStale.
//
// A Store serves one cache. The cache never makes two calls at the same time, and makes
// all calls in a separate goroutine. A Store that is slow or hangs delays only the first
// fetch and Close, each by 2 s at most.
type Store interface {
	// Load returns the data of the last successful Save. If there is none, the error
	// must match fs.ErrNotExist. The first fetch waits for Load, for 2 s at most. Load
	// MUST return when ctx ends.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the stored data. Afterwards, also after a crash, Load MUST return
	// either the old data or the new data, never a mixture. Save MUST return when ctx
	// ends, which is after 2 s, and must not retain data. If sets come faster than Save
	// returns, only the newest set is saved.
	Save(ctx context.Context, data []byte) error
}

// storeTimeout is the deadline of one call to a Store.
const storeTimeout = 2 * time.Second

// sourceOf returns the value of saved.Source for an issuer or URL. It contains no secrets
// of the URL, but differs for different URLs.
func sourceOf(kind, url string) string {
	name := redact(url)
	if name != url {
		sum := sha256.Sum256([]byte(url))
		name += " " + hex.EncodeToString(sum[:])
	}
	return kind + name
}

// saved is the data in a Store. It contains no validators (ETag), so that the first
// fetch after a restart gets the whole document, which replaces the restored keys.
type saved struct {
	Version  int       `json:"version"`
	Source   string    `json:"source"` // the keys are never used for another source
	Answered time.Time `json:"answered"`
	Document []byte    `json:"document"`
}

// sealed is an encoded saved, and its MAC if Options.StoreKey is set.
type sealed struct {
	Saved []byte `json:"saved"`
	MAC   []byte `json:"mac,omitempty"`
}

const savedVersion = 1

func storeMAC(key, data []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("github.com/bearerkit/bearer/jwks store\n"))
	mac.Write(data)
	return mac.Sum(nil)
}

// seal encodes s for a Store.
func seal(s saved, key []byte) ([]byte, error) {
	s.Version = savedVersion
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	out := sealed{Saved: data}
	if len(key) > 0 {
		out.MAC = storeMAC(key, data)
	}
	return json.Marshal(out)
}

// open decodes data that seal encoded. It refuses data for another source, and data with
// a time in the future, which stays usable for too long.
func open(data []byte, key []byte, source string, now time.Time) (saved, error) {
	var in sealed
	if err := json.Unmarshal(data, &in); err != nil {
		return saved{}, errors.New("damaged, or not stored by this package")
	}
	if len(key) > 0 && !hmac.Equal(in.MAC, storeMAC(key, in.Saved)) {
		return saved{}, errors.New("not authentic: changed, or stored with another Options.StoreKey")
	}
	var s saved
	if err := json.Unmarshal(in.Saved, &s); err != nil {
		return saved{}, errors.New("damaged, or not stored by this package")
	}
	const skew = time.Minute
	switch {
	case s.Version != savedVersion:
		return saved{}, fmt.Errorf("format version is %d, want %d", s.Version, savedVersion)
	case s.Source != source:
		return saved{}, errors.New("stored for another issuer or URL")
	case s.Answered.After(now.Add(skew)):
		return saved{}, errors.New("stored with a time in the future; check the clock")
	}
	return s, nil
}
