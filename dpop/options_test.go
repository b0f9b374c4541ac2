package dpop_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestOptions passes wrong options. Each error names the option.
func TestOptions(t *testing.T) {
	origins := []string{"https://api.example"}
	for name, test := range map[string]struct {
		opts dpop.Options
		want []string
	}{
		"no origin":                 {dpop.Options{}, []string{"Options.Origins: required"}},
		"origins and any origin":    {dpop.Options{Origins: origins, InsecureAnyOrigin: true}, []string{"Options.InsecureAnyOrigin"}},
		"http origin":               {dpop.Options{Origins: []string{"http://api.example"}}, []string{"must be https"}},
		"relative origin":           {dpop.Options{Origins: []string{"api.example"}}, []string{"Options.Origins", "absolute"}},
		"origin with a query":       {dpop.Options{Origins: []string{"https://api.example?a"}}, []string{"query"}},
		"origin with a user":        {dpop.Options{Origins: []string{"https://me@api.example"}}, []string{"Options.Origins"}},
		"symmetric algorithm":       {dpop.Options{Origins: origins, Algorithms: []string{"HS256"}}, []string{"Options.Algorithms", "HS256"}},
		"no algorithm":              {dpop.Options{Origins: origins, Algorithms: []string{}}, []string{"Options.Algorithms"}},
		"long age":                  {dpop.Options{Origins: origins, MaxAge: 6 * time.Minute}, []string{"Options.MaxAge"}},
		"negative age":              {dpop.Options{Origins: origins, MaxAge: -1}, []string{"Options.MaxAge"}},
		"age without a unit":        {dpop.Options{Origins: origins, MaxAge: 60}, []string{"Options.MaxAge", "60*time.Second"}},
		"long leeway":               {dpop.Options{Origins: origins, Leeway: 2 * time.Minute}, []string{"Options.Leeway"}},
		"short period of nonces":    {dpop.Options{Origins: origins, NoncePeriod: time.Second}, []string{"Options.NoncePeriod"}},
		"long period of nonces":     {dpop.Options{Origins: origins, NoncePeriod: time.Hour}, []string{"Options.NoncePeriod"}},
		"short key":                 {dpop.Options{Origins: origins, NonceKeys: [][]byte{make([]byte, 31)}}, []string{"Options.NonceKeys[0]", "31 bytes"}},
		"skipped and given":         {dpop.Options{Origins: origins, SkipReplays: true, Replays: failing{}}, []string{"Options.SkipReplays"}},
		"nil store in an interface": {dpop.Options{Origins: origins, Replays: (*nilStore)(nil)}, []string{"Options.Replays: a nil"}},
		"several faults":            {dpop.Options{MaxAge: -1, Leeway: -1}, []string{"Origins", "MaxAge", "Leeway"}},
	} {
		_, err := dpop.New(test.opts)
		testkit.WantError(t, name, err, test.want...)
	}
	for name, opts := range map[string]dpop.Options{
		"loopback":           {Origins: []string{"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"}},
		"http, insecure":     {Origins: []string{"http://orders.internal"}, InsecureHTTP: true},
		"with a path":        {Origins: []string{"https://api.example/v1/"}},
		"any origin":         {InsecureAnyOrigin: true},
		"skipped replays":    {Origins: origins, SkipReplays: true},
		"whole milliseconds": {Origins: origins, MaxAge: 20 * time.Millisecond},
	} {
		opts.Logger = slog.New(slog.DiscardHandler)
		if _, err := dpop.New(opts); err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

type nilStore struct{ failing }

// New says at the start that the memory of used proofs is of this process only.
func TestMemoryIsLogged(t *testing.T) {
	for name, test := range map[string]struct {
		opts dpop.Options
		want bool
	}{
		"default":    {dpop.Options{}, true},
		"own store":  {dpop.Options{Replays: failing{}}, false},
		"check only": {dpop.Options{SkipReplays: true}, false},
	} {
		var log bytes.Buffer
		test.opts.Origins, test.opts.Logger = []string{"https://api.example"}, slog.New(slog.NewTextHandler(&log, nil))
		if _, err := dpop.New(test.opts); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "each replica accepts a proof once"); got != test.want {
			t.Errorf("%s: got log %q, want a record about the memory: %t", name, log.String(), test.want)
		}
	}
}

// NewReplays refuses numbers that cannot work.
func TestNewReplays(t *testing.T) {
	for _, row := range []struct {
		size, perClient int
		valid           bool
	}{{0, 0, true}, {1, 0, true}, {10, 10, true}, {-1, 0, false}, {0, -1, false}, {10, 11, false}} {
		if _, err := dpop.NewReplays(row.size, row.perClient); (err == nil) != row.valid {
			t.Errorf("%+v: got error %v, want none: %t", row, err, row.valid)
		}
	}
}
