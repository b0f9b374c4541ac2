package names_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// answers is a transport. Each answer is the body of a key set, or "" for an error. The last answer
// is repeated.
type answers []string

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	if body == "" {
		return nil, errors.New("the issuer is down")
	}
	header := http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
	return &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestLoggedNames checks the names that logCalls finds in the source against real records of a key
// cache. Each record must have exactly these attributes.
func TestLoggedNames(t *testing.T) {
	good := string(testkit.NewIssuer(t, "EdDSA").JWKS())
	odd := strings.Replace(good, `"keys":[`, `"keys":[{"kty":"EC","kid":"odd"},`, 1)
	synctest.Test(t, func(t *testing.T) {
		log := &testkit.Buffer{}
		keys, err := jwks.New("https://issuer.example/keys", &jwks.Options{
			Transport: &answers{"", "", good, "", odd, `{"keys":[]}`}, Logger: slog.New(slog.NewJSONHandler(log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Hour)
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
		var source list
		for _, file := range sources(t, "jwks") {
			source.logCalls(t, file)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(log.String()) {
			var got, want list
			message, attributes := parseRecord(t, line)
			got.record(message, attributes)
			for _, name := range source {
				if slices.Contains(got, name) || strings.HasPrefix(name, strings.Replace(got[0], "message", "attribute", 1)+" ") {
					want = append(want, name)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, slices.Compact(want)) {
				t.Errorf("got the record %q, want the names in the source: %q", got, want)
			}
			seen[message] = true
		}
		if len(seen) < 5 {
			t.Errorf("got the messages %v, want at least 5 different messages", seen)
		}
	})
}
