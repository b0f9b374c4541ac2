package bearer_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// lockedBuffer is a buffer for a logger that several goroutines use.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *lockedBuffer) keyRecords() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), "jwks: ")
}

// waitForKeys waits until there is a record about keys. A key cache may write the record after
// Refresh has returned.
func (b *lockedBuffer) waitForKeys(t *testing.T) {
	t.Helper()
	for start := time.Now(); b.keyRecords() == 0 && time.Since(start) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// oddHandler is a handler whose values cannot be compared with ==.
type oddHandler struct {
	slog.Handler

	_ []int
}

// TestKeyLogger checks which logger receives the records about the keys: KeyOptions.Logger, or
// Config.Logger, or slog.Default. A discarding Config.Logger turns off the records of refusals only.
func TestKeyLogger(t *testing.T) {
	for _, row := range []struct {
		name            string
		config, options string // a key of loggers
		want            string // the destination of the records, "default" for slog.Default
	}{
		{name: "no logger", config: "nil", options: "nil", want: "default"},
		{name: "Config.Logger", config: "config", options: "nil", want: "config"},
		{name: "KeyOptions.Logger", config: "nil", options: "options", want: "options"},
		{name: "both", config: "config", options: "options", want: "options"},
		{name: "Config.Logger discards", config: "discard", options: "nil", want: "default"},
		{name: "Config.Logger discards, KeyOptions.Logger does not", config: "discard", options: "options", want: "options"},
		{name: "KeyOptions.Logger discards", config: "config", options: "discard", want: ""},
		{name: "handler that cannot be compared", config: "uncomparable", options: "nil", want: "config"},
	} {
		buffers := map[string]*lockedBuffer{"config": {}, "options": {}, "default": {}}
		loggers := map[string]*slog.Logger{
			"nil": nil, "config": buffers["config"].logger(), "options": buffers["options"].logger(), "discard": slog.New(slog.DiscardHandler),
			"uncomparable": slog.New(oddHandler{Handler: slog.NewTextHandler(buffers["config"], nil)}),
		}
		previous := slog.Default()
		slog.SetDefault(buffers["default"].logger())
		for way, build := range map[string]func(bearer.Config) (interface{ Status() []bearer.IssuerStatus }, func() error, error){
			"New": func(cfg bearer.Config) (interface{ Status() []bearer.IssuerStatus }, func() error, error) {
				v, err := bearer.New(cfg)
				if err != nil {
					return nil, nil, err
				}
				return v, v.Close, v.Ready(context.Background())
			},
			"Issuers": func(cfg bearer.Config) (interface{ Status() []bearer.IssuerStatus }, func() error, error) {
				var all bearer.Issuers
				if err := all.Add(cfg); err != nil {
					return nil, nil, err
				}
				return &all, all.Close, all.Refresh(context.Background())
			},
		} {
			before := map[string]int{}
			for name, buffer := range buffers {
				before[name] = buffer.keyRecords()
			}
			issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
			cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Logger: loggers[row.config]}
			if row.options != "nil" {
				cfg.KeyOptions = &jwks.Options{Logger: loggers[row.options]}
			}
			_, closeAll, err := build(cfg)
			if err != nil {
				t.Errorf("%s, %s: %v", row.name, way, err)
			} else if err := closeAll(); err != nil {
				t.Errorf("%s, %s: %v", row.name, way, err)
			}
			issuer.Close()
			for name, buffer := range buffers {
				if got := buffer.keyRecords() - before[name]; got > 0 != (name == row.want) {
					t.Errorf("%s, %s: got %d records about keys in the logger %q, want records in the logger %q only", row.name, way, got, name, row.want)
				}
			}
		}
		slog.SetDefault(previous)
	}
}

// TestKeyLoggerReplace checks that a different Config.Logger does not discard the keys in memory.
func TestKeyLoggerReplace(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	var first, second lockedBuffer
	cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Logger: first.logger()}
	var all bearer.Issuers
	defer all.Close()
	if err := all.Add(cfg); err != nil {
		t.Fatal(err)
	}
	if err := all.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	fetches := issuer.Fetches(bearertest.KeysEndpoint)
	cfg.Logger = second.logger()
	if err := all.Replace(cfg); err != nil {
		t.Fatal(err)
	}
	if status := all.Status(); !status[0].Ready() || issuer.Fetches(bearertest.KeysEndpoint) != fetches {
		t.Errorf("got ready %v and %d fetches, want the keys of the first verifier without a fetch", status[0].Ready(), issuer.Fetches(bearertest.KeysEndpoint)-fetches)
	}
	first.waitForKeys(t)
	if second.keyRecords() != 0 || first.keyRecords() == 0 {
		t.Errorf("got %d records in the first logger and %d in the second, want all in the first, which the key cache got", first.keyRecords(), second.keyRecords())
	}
}

// TestIssuersLogger checks that Issuers.Logger takes the place of a Config.Logger that is nil, for
// records about refusals and for records about keys, after Add and after Replace.
func TestIssuersLogger(t *testing.T) {
	for _, own := range []bool{false, true} {
		bearer.ResetLog(false)
		var ofAll, ofIssuer, ofDefault lockedBuffer
		previous := slog.Default()
		slog.SetDefault(ofDefault.logger())
		issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
		all := &bearer.Issuers{Logger: ofAll.logger()}
		cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}}
		if own {
			cfg.Logger = ofIssuer.logger()
		}
		for step, change := range []func(...bearer.Config) error{all.Add, all.Replace} {
			if err := change(cfg); err != nil {
				t.Fatal(err)
			}
			cfg.Leeway = 1e9 // a different configuration for Replace
			if err := all.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := all.Verify(t.Context(), issuer.Token(map[string]any{"exp": 1})); err == nil {
				t.Fatal("got an expired token accepted")
			}
			want := map[string]bool{"all": !own, "issuer": own, "default": false}
			map[bool]*lockedBuffer{false: &ofAll, true: &ofIssuer}[own].waitForKeys(t)
			for name, buffer := range map[string]*lockedBuffer{"all": &ofAll, "issuer": &ofIssuer, "default": &ofDefault} {
				refusals := strings.Count(buffer.String(), "reason=expired")
				if keys := buffer.keyRecords(); (refusals == step+1) != want[name] || keys > 0 != want[name] {
					t.Errorf("own logger %t, step %d, logger %s: got %d refusals and %d records about keys, want some only if %t", own, step, name, refusals, keys, want[name])
				}
			}
		}
		if err := all.Close(); err != nil {
			t.Error(err)
		}
		issuer.Close()
		slog.SetDefault(previous)
	}
}
