package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Recording is a file in testdata/dpop/recordings: the requests of a client of another project, with
// a bound token of oidc-provider. testdata/README.md describes the members.
type Recording struct {
	Time     time.Time `json:"time"`
	Audience string    `json:"audience"`
	Metadata struct {
		Issuer string `json:"issuer"`
	} `json:"metadata"`
	KeySet jsontext.Value `json:"key_set"`
	Grant  struct {
		AccessToken string `json:"access_token"`
	} `json:"grant"`
	Requests []struct {
		Line   string   `json:"line"`
		Host   string   `json:"host"`
		Proofs []string `json:"proofs"`
		Nonce  string   `json:"nonce"` // of the response
	} `json:"requests"`
}

// Recordings reads the recordings of three clients. The keys are the names of the clients, and dir
// is the path of the folder testdata.
func Recordings(tb testing.TB, dir string) map[string]*Recording {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "dpop", "recordings", "*.json"))
	if err != nil || len(paths) != 3 {
		tb.Fatalf("got %d recordings (%v), want 3", len(paths), err)
	}
	all := make(map[string]*Recording)
	for _, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if err != nil {
			tb.Fatal(err)
		}
		r := new(Recording)
		if err := json.Unmarshal(data, r); err != nil || len(r.Requests) != 7 {
			tb.Fatalf("%s: got %d requests and error %v, want 7 requests", path, len(r.Requests), err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = r
	}
	return all
}
