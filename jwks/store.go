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

// Store keeps a few kilobytes of data across restarts. With a Store, a service that starts
// while the issuer is down has the keys of its last run. The cache uses stored keys for at
// most Options.MaxStale after the issuer last confirmed the keys.
//
// The stored keys are public, not secret. But an attacker who can write to the Store can
// replace the keys, and can forge tokens until the issuer answers. Options.StoreKey prevents
// this attack. An attacker who does not have the StoreKey can only restore older data from the
// same Store. The cache refuses such data if it is older than MaxStale.
//
// Use a separate Store for each cache. The cache never makes two calls at the same time. A
// separate goroutine makes all calls. A Store that is slow or hangs delays only the first fetch
// and Close. Each of these two delays is at most 2 s.
type Store interface {
	// Load returns the data of the last successful Save. If no data was saved, the error
	// must match fs.ErrNotExist. The first fetch waits at most 2 s for Load. Load MUST
	// return when ctx ends.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the stored data. Afterwards, Load MUST return the complete old data or
	// the complete new data, even after a crash during Save. Save MUST return when ctx ends.
	// The ctx ends after 2 s. Save must not use data after it has returned. If new key sets
	// arrive while Save runs, the cache next saves only the newest of these key sets.
	Save(ctx context.Context, data []byte) error
}

// storeTimeout is the deadline of one call to a Store.
const storeTimeout = 2 * time.Second

// sourceOf returns the value of record.Source for an issuer or URL. The value contains no
// secrets from the URL. Different URLs have different values.
func sourceOf(kind, url string) string {
	name := redact(url)
	if name != url {
		sum := sha256.Sum256([]byte(url))
		name += " " + hex.EncodeToString(sum[:])
	}
	return kind + name
}

// record is the data in a Store. It contains no validators, such as an ETag. So the first
// fetch after a restart gets the whole document, which replaces the restored keys.
type record struct {
	Version  int       `json:"version"`
	Source   string    `json:"source"`   // a cache uses only records with its own source
	Answered time.Time `json:"answered"` // the time from which Options.MaxStale counts
	Document []byte    `json:"document"` // the key set
	// Withdrawn means that the issuer has withdrawn its keys. In this case, Document is empty, and
	// Answered is the time of the issuer's answer.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// sealedRecord has an encoded record. If Options.StoreKey is set, it also has the MAC of the
// encoded record.
type sealedRecord struct {
	Saved []byte `json:"saved"`
	MAC   []byte `json:"mac,omitempty"`
}

const recordVersion = 1

func storeMAC(key, data []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("github.com/bearerkit/bearer/jwks store\n"))
	mac.Write(data)
	return mac.Sum(nil)
}

// seal encodes r for a Store, and adds the MAC if key is not empty.
func seal(r record, key []byte) ([]byte, error) {
	r.Version = recordVersion
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	out := sealedRecord{Saved: data}
	if len(key) > 0 {
		out.MAC = storeMAC(key, data)
	}
	return json.Marshal(out)
}

// open decodes data that seal encoded. It returns an error if the record has a different
// source. It also returns an error if the time of the record is in the future, because such
// keys stay in use for longer than MaxStale.
func open(data []byte, key []byte, source string, now time.Time) (record, error) {
	var in sealedRecord
	if err := json.Unmarshal(data, &in); err != nil {
		return record{}, errors.New("damaged, or not stored by this package")
	}
	if len(key) > 0 && !hmac.Equal(in.MAC, storeMAC(key, in.Saved)) {
		return record{}, errors.New("not authentic: changed, or stored with a different Options.StoreKey")
	}
	var r record
	if err := json.Unmarshal(in.Saved, &r); err != nil {
		return record{}, errors.New("damaged, or not stored by this package")
	}
	const skew = time.Minute
	switch {
	case r.Version != recordVersion:
		return record{}, fmt.Errorf("format version is %d, want %d", r.Version, recordVersion)
	case r.Source != source:
		return record{}, errors.New("stored for a different issuer or URL")
	case r.Answered.After(now.Add(skew)):
		return record{}, errors.New("stored with a time in the future; check the clock of this machine")
	}
	return r, nil
}
