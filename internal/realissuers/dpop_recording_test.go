package realissuers_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var record = flag.Bool("record", false, "TestDPoP writes its requests to testdata/dpop/recordings")

// recording is the content of a file in testdata/dpop/recordings. testdata/README.md describes it.
type recording struct {
	Client   string          `json:"client"`
	Issuer   string          `json:"issuer"`
	Time     time.Time       `json:"time"`
	Audience string          `json:"audience"`
	Metadata json.RawMessage `json:"metadata"`
	KeySet   json.RawMessage `json:"key_set"`
	Grant    json.RawMessage `json:"grant"`
	Requests []seenRequest   `json:"requests"`
}

func (r *recording) add(list []seenRequest) { r.Requests = append(r.Requests, list...) }

// write writes the recording to testdata/dpop/recordings, if the flag -record is set.
func (r *recording) write(t *testing.T, name string, i *issuer, c *caller) {
	t.Helper()
	if !*record || t.Failed() {
		return
	}
	r.Time, r.Audience, r.Grant = time.Now().UTC().Truncate(time.Second), i.audience, c.grant
	r.Metadata = fetchKeySet(t, i.url+"/.well-known/openid-configuration")
	r.KeySet = fetchKeySet(t, i.url+"/jwks")
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "testdata", "dpop", "recordings", name+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data.Bytes(), 0o644); err != nil { //nolint:gosec // public test data
		t.Fatal(err)
	}
}
