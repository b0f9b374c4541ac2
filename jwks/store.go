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

// Store keeps a few kilobytes over a restart, so that a service that starts while
// its issuer is down has keys: those it had when it stopped, for as long as
// Options.MaxStale allows, counted from the issuer's last answer.
//
// Whoever can write the store can forge tokens until the issuer answers again:
// they decide which keys verify. Options.StoreKey takes that power from everybody
// who does not have the key; what they can still do is put back what was stored
// earlier, within MaxStale. The bytes are public keys and no secret.
//
// One Store serves one cache. Its methods are called by one goroutine at a time,
// which is not the one that fetches keys: a store that is slow or hangs is in
// nobody's way.
type Store interface {
	// Load returns what the last successful Save was given, or an error that is
	// fs.ErrNotExist if there was none. The first fetch waits for it, for 2
	// seconds at most. It MUST return when ctx ends.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces what is stored: afterwards Load MUST return either the old
	// bytes or the new ones and never a mixture, also after a crash. It MUST
	// return when ctx ends, after 2 seconds, and must not keep data. Of sets that
	// come faster than it returns, it gets the last.
	Save(ctx context.Context, data []byte) error
}

// storeTimeout bounds one call of a Store.
const storeTimeout = 2 * time.Second

// sourceOf names whose keys are stored, without what may be secret in a URL but
// so that no two are named alike.
func sourceOf(kind, url string) string {
	name := redact(url)
	if name != url {
		sum := sha256.Sum256([]byte(url))
		name += " " + hex.EncodeToString(sum[:])
	}
	return kind + name
}

// saved is what is stored. Validators (ETag) are not: the first fetch after a
// restart brings the whole document, so that what a store held is gone then.
type saved struct {
	Version  int       `json:"version"`
	Source   string    `json:"source"` // whose keys these are: they never serve another issuer
	Answered time.Time `json:"answered"`
	Document []byte    `json:"document"`
}

// sealed is saved, as its bytes, with the MAC over them if there is a key.
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

// seal returns the bytes for a Store.
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

// open returns what seal was given, if it is for source and its time is not in
// the future, which would stretch how long it may be used.
func open(data []byte, key []byte, source string, now time.Time) (saved, error) {
	var in sealed
	if err := json.Unmarshal(data, &in); err != nil {
		return saved{}, errors.New("not what was stored")
	}
	if len(key) > 0 && !hmac.Equal(in.MAC, storeMAC(key, in.Saved)) {
		return saved{}, errors.New("not authentic under Options.StoreKey")
	}
	var s saved
	if err := json.Unmarshal(in.Saved, &s); err != nil {
		return saved{}, errors.New("not what was stored")
	}
	const skew = time.Minute
	switch {
	case s.Version != savedVersion:
		return saved{}, fmt.Errorf("of version %d, want %d", s.Version, savedVersion)
	case s.Source != source:
		return saved{}, errors.New("of another issuer")
	case s.Answered.After(now.Add(skew)):
		return saved{}, errors.New("from the future")
	}
	return s, nil
}
