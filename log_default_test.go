package bearer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// refusalLog returns a verifier, the log of the verifier, and a function that mints tokens.
func refusalLog(t *testing.T, change func(*bearer.Config)) (*bearer.JWTVerifier, *logBook, func(map[string]any) string) {
	t.Helper()
	book, issuer := &logBook{}, newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Logger = slog.New(slog.NewJSONHandler(book, nil))
		if change != nil {
			change(cfg)
		}
	})
	return v, book, issuer.Token
}

// TestConfigLogger tests that the log contains each refusal, with and without an observer. An
// accepted request must be logged only if it does not satisfy a report-only rule.
func TestConfigLogger(t *testing.T) {
	for name, observer := range map[string]bearer.Observer{"no observer": nil, "observer": &testkit.Recorder{}} {
		synctest.Test(t, func(t *testing.T) {
			bearer.ResetLog(false)
			v, book, token := refusalLog(t, func(cfg *bearer.Config) { cfg.Observer = observer })
			decide := func(verifier bearer.Verifier, token string, rule scopes.Rule) {
				req := bearer.Request{Transport: "test", Route: "GET /x", Rule: rule}
				if token != "" {
					req.Authorization = []string{"Bearer " + token}
				}
				_, _ = bearer.Decide(t.Context(), verifier, req)
			}
			good := token(map[string]any{"scope": "a", "jti": "1"})
			decide(v, good, scopes.All("a"))
			decide(v, "", scopes.Public())
			decide(v, "", scopes.Optional(scopes.All()))
			if got := book.String(); got != "" {
				t.Errorf("%s: got records %s, want no records of accepted requests", name, got)
			}
			decide(v, good, scopes.All("b"))
			decide(v, "", scopes.All("a"))
			decide(v, good, scopes.ReportOnly(scopes.All("b")))
			decide(bearer.VerifierFunc(v.Verify), good, scopes.All("b"))
			_, _ = v.Verify(t.Context(), "garbage")
			var got []string
			for _, record := range book.records(t) {
				got = append(got, fmt.Sprint(record["level"], " ", record["msg"], " ", record["reason"], " ", record["route"]))
			}
			want := []string{
				"WARN bearer: request refused scope GET /x",
				"WARN bearer: request refused no_token GET /x",
				"WARN bearer: refusal reported, not enforced scope GET /x",
				"WARN bearer: request refused scope GET /x",
				"WARN bearer: request refused malformed <nil>",
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// TestConfigLoggerDefault tests that a nil Config.Logger means the current slog.Default().
// A logger with slog.DiscardHandler must write nothing.
func TestConfigLoggerDefault(t *testing.T) {
	original := slog.Default()
	defer slog.SetDefault(original)
	var text bytes.Buffer
	issuer := newIssuer(t, "EdDSA")
	silent := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Logger = slog.New(slog.DiscardHandler) })
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Logger = nil })
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(365 * 24 * time.Hour) // The limit counts the records of each minute. No other test writes records in this minute.
		_, _ = silent.Verify(t.Context(), "garbage")
		if text.Len() > 0 {
			t.Errorf("logger with DiscardHandler: got %s, want an empty log", &text)
		}
		_, _ = v.Verify(t.Context(), "garbage")
		if !strings.Contains(text.String(), "reason=malformed") {
			t.Errorf("default logger: got %q, want a record of the refusal", &text)
		}
	})
}

// TestConfigLoggerIssuers tests that refusals go to the logger of the token's issuer, or to
// Issuers.Logger if no issuer is known.
func TestConfigLoggerIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		var ofIssuer, ofAll logBook
		issuer := newIssuer(t, "EdDSA")
		all := &bearer.Issuers{Logger: slog.New(slog.NewJSONHandler(&ofAll, nil))}
		cfg := bearer.Config{
			Issuer: issuer.URL(), Audience: []string{audience}, Keys: newLiveKeys(t, issuer),
			Logger: slog.New(slog.NewJSONHandler(&ofIssuer, nil)),
		}
		if err := all.Add(cfg); err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{issuer.Token(map[string]any{"exp": 1}), issuer.Token(map[string]any{"iss": "https://other.example"}), "garbage"} {
			_, _ = all.Verify(t.Context(), token)
		}
		_, _ = bearer.Decide(t.Context(), all, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All("a")})
		if got := reasons(t, &ofIssuer); got != "expired scope" {
			t.Errorf("Config.Logger: got reasons %s, want expired and scope", got)
		}
		if got := reasons(t, &ofAll); got != "issuer malformed" {
			t.Errorf("Issuers.Logger: got reasons %s, want issuer and malformed", got)
		}
	})
}

func reasons(t *testing.T, book *logBook) string {
	t.Helper()
	var got []string
	for _, record := range book.records(t) {
		got = append(got, fmt.Sprint(record["reason"]))
	}
	return strings.Join(got, " ")
}

// TestConfigLoggerLimit sends many invalid tokens to two verifiers. Both verifiers share the
// limit on the number of records in a minute. The first record of the next minute must contain
// the number of refusals that were not logged.
func TestConfigLoggerLimit(t *testing.T) {
	const limit = bearer.MaxRefusals
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(time.Hour)
		a, bookA, _ := refusalLog(t, nil)
		b, bookB, _ := refusalLog(t, nil)
		for range 10 * limit {
			_, _ = a.Verify(t.Context(), "garbage")
			_, _ = b.Verify(t.Context(), "garbage")
		}
		if got := len(bookA.records(t)) + len(bookB.records(t)); got != limit {
			t.Errorf("got %d records in a minute, want %d", got, limit)
		}
		time.Sleep(time.Minute)
		before := len(bookA.records(t))
		for range 2 {
			_, _ = a.Verify(t.Context(), "garbage")
		}
		records := bookA.records(t)[before:]
		if len(records) != 2 || records[0]["not_logged_before"] != float64(19*limit) || records[1]["not_logged_before"] != nil {
			t.Errorf("got records %v, want two records, the first with not_logged_before %d", records, 19*limit)
		}
	})
}

// TestConfigLoggerFaults tests that faults of this service have a separate limit. These
// faults must be logged even after many requests without a token.
func TestConfigLoggerFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(90 * time.Minute)
		v, book, token := refusalLog(t, func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { panic("a hook") }
		})
		for range 1000 {
			_, _ = bearer.Decide(t.Context(), v, bearer.Request{Rule: scopes.All()})
		}
		good := token(nil)
		for range 100 {
			_, _ = v.Verify(t.Context(), good)
		}
		faults := 0
		for _, record := range book.records(t) {
			if record["level"] == "ERROR" {
				faults++
			}
		}
		if all, want := len(book.records(t)), bearer.MaxRefusals+bearer.MaxFaults; faults != bearer.MaxFaults || all != want {
			t.Errorf("got %d faults in %d records, want %d faults in %d records", faults, all, bearer.MaxFaults, want)
		}
	})
}

// TestConfigLoggerSlowRequests lets requests begin in one minute and end in the next minute.
// A record must count against the limit of the minute in which it is written.
func TestConfigLoggerSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(2*time.Hour + 50*time.Second)
		turn := make(chan struct{})
		v, book, token := refusalLog(t, func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { <-turn; return errors.New("no") }
		})
		good, done := token(nil), make(chan struct{})
		for range 500 {
			go func() {
				_, _ = v.Verify(t.Context(), good)
				done <- struct{}{}
			}()
		}
		time.Sleep(20 * time.Second) // the next minute begins
		for range 500 {
			turn <- struct{}{}
			<-done
			_, _ = v.Verify(t.Context(), "garbage")
		}
		if got, limit := len(book.records(t)), bearer.MaxRefusals+bearer.MaxFaults; got > limit {
			t.Errorf("got %d records in a minute, want at most %d", got, limit)
		}
	})
}

// TestConfigLoggerPanics tests that a panic of the log handler changes no verdict and no event.
func TestConfigLoggerPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(150 * time.Minute)
		issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
		v := newVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Observer, cfg.Logger = events, slog.New(slog.NewTextHandler(panicking{}, nil))
		})
		for _, row := range []struct {
			reason bearer.Reason
			req    bearer.Request
		}{
			{"", bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.ReportOnly(scopes.All("a"))}},
			{bearer.NoToken, bearer.Request{Rule: scopes.All("a")}},
		} {
			_, err := bearer.Decide(t.Context(), v, row.req)
			if got := events.Take(); reasonOf(t, err) != row.reason || len(got) != 1 || got[0].Reason != row.reason {
				t.Errorf("got error %v and events %+v, want one event with reason %q", err, got, row.reason)
			}
		}
	})
}

// panicking is an io.Writer that panics.
type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("the disk is gone") }

// TestConfigLoggerHelp tests that only the first record after a start has the key "help".
func TestConfigLoggerHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		bearer.ResetLog(true)
		v, book, _ := refusalLog(t, nil)
		for range 2 {
			_, _ = v.Verify(t.Context(), "garbage")
		}
		records := book.records(t)
		if help := fmt.Sprint(records[0]["help"]); !strings.Contains(help, "bearer.NewLogObserver") || records[1]["help"] != nil {
			t.Errorf("got records %v, want the key \"help\" only in the first record", records)
		}
	})
}

// TestConfigLoggerLevel tests that faults of this service have level ERROR, and that records
// below the level of the logger are not counted against the limit.
func TestConfigLoggerLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(3 * time.Hour)
		book := &logBook{}
		v, _, token := refusalLog(t, func(cfg *bearer.Config) {
			cfg.Logger = slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelError}))
			cfg.Validate = func(context.Context, *bearer.Claims) error { panic("a hook") }
		})
		for range 2 * bearer.MaxRefusals { // These records have level WARN, so they are neither logged nor counted.
			_, _ = v.Verify(t.Context(), "garbage")
		}
		_, _ = v.Verify(t.Context(), token(nil))
		if got := reasons(t, book); got != "internal" {
			t.Errorf("got reasons %s, want only internal", got)
		}
	})
}

// TestConfigLoggerTokens uses tokens with very long claims and header members. The verifiers
// refuse these tokens for many different reasons. Each value repeats one character. Some of
// these characters are escaped in logs. A record may contain at most 128 contiguous bytes of
// a value, and must not contain the signature.
func TestConfigLoggerTokens(t *testing.T) {
	const longest = 128
	for i, mark := range []string{"q", "\x00", "\"", "\\", "\u202e", "\U000e0001", "é"} {
		long := strings.Repeat(mark, 1500/len(mark))
		longClaims := map[string]any{"sub": long, "jti": long, "client_id": long, "scope": long, "x": long, "y": []string{long, long}}
		synctest.Test(t, func(t *testing.T) {
			bearer.ResetLog(false)
			time.Sleep(4*time.Hour + time.Duration(i)*time.Minute) // The limit counts all records of the process in each minute.
			issuer, book := newIssuer(t, "EdDSA"), &logBook{}
			v := newVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Logger = slog.New(slog.NewJSONHandler(book, nil))
				cfg.Custom = bearer.JSON[struct {
					X string `json:"x"`
					Y int    `json:"y"`
				}]
				cfg.Profile = bearer.Profile{Types: []string{"at+jwt", "hook"}}
			})
			validating := func(validate func(context.Context, *bearer.Claims) error) *bearer.JWTVerifier {
				return newVerifier(t, issuer, func(cfg *bearer.Config) {
					cfg.Logger, cfg.Validate = slog.New(slog.NewJSONHandler(book, nil)), validate
				})
			}
			plain := validating(nil)
			echoing := validating(func(_ context.Context, c *bearer.Claims) error { return errors.New(c.Subject()) })
			revoking := validating(func(_ context.Context, c *bearer.Claims) error {
				return fmt.Errorf("%w: %s", bearer.Revoked, c.Subject())
			})
			echo := scopes.Func("echo", func(ctx context.Context) error {
				c, _ := bearer.FromContext(ctx)
				return errors.New(c.Subject())
			})
			wrapper := bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
				c, err := plain.Verify(ctx, token)
				if err != nil {
					return nil, err
				}
				return nil, &bearer.Error{Reason: bearer.Revoked, Err: errors.New(c.Subject())}
			})
			with := func(changes map[string]any) map[string]any {
				claims := maps.Clone(longClaims)
				maps.Copy(claims, changes)
				return claims
			}
			tokens := []string{
				issuer.Mint(nil, longClaims), issuer.Mint(nil, with(map[string]any{"iss": long})), issuer.Mint(nil, with(map[string]any{"aud": []string{long, long}})),
				issuer.Mint(map[string]any{"kid": long}, longClaims), issuer.Mint(map[string]any{"typ": long}, longClaims), issuer.Mint(map[string]any{"alg": long}, longClaims),
				issuer.Mint(nil, with(map[string]any{"cnf": map[string]any{long: long}})), issuer.Mint(nil, with(map[string]any{"exp": long})),
				issuer.Mint(nil, with(map[string]any{"at_hash": long})), issuer.Forge(nil, longClaims), issuer.Mint(map[string]any{long: long}, longClaims),
				long, "a." + long + ".b",
			}
			for _, verifier := range []bearer.Verifier{revoking, plain, wrapper} {
				_, _ = bearer.Decide(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer " + tokens[0]}, Rule: echo})
			}
			for _, token := range tokens {
				_, _ = v.Verify(t.Context(), token)
				_, _ = echoing.Verify(t.Context(), token)
				_, _ = bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: bearer.ClaimEquals("x", "y")})
			}
			records := book.records(t)
			if len(records) < 2*len(tokens) {
				t.Fatalf("got %d records, want at least %d", len(records), 2*len(tokens))
			}
			text := book.String()
			for _, token := range tokens {
				if i := strings.LastIndexByte(token, '.'); i > 0 && len(token[i+1:]) > 20 && strings.Contains(text, token[i+1:]) {
					t.Errorf("the log contains the signature of a token, want a log without signatures: %s", text)
				}
			}
			quoted, _ := json.Marshal(mark)
			for _, spelling := range []string{mark, strings.Trim(fmt.Sprintf("%q", mark), `"`), strings.Trim(string(quoted), `"`)} {
				if n := longest/len(spelling) + 1; spelling != "" && strings.Contains(fmt.Sprint(records), strings.Repeat(spelling, n)) {
					t.Errorf("%q: a record contains at least %d repetitions, want fewer:\n%s", spelling, n, text)
				}
			}
		})
	}
}

// sink is a writer that drops its input. The linter refuses handlers that write to io.Discard
// and requires slog.DiscardHandler instead, but slog.DiscardHandler does not encode records.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRefused measures refused requests. The limit drops nearly all of their log records.
func BenchmarkRefused(b *testing.B) {
	issuer := newIssuer(b, "EdDSA")
	for name, handler := range map[string]slog.Handler{
		"discard":  slog.DiscardHandler,
		"limited":  slog.NewJSONHandler(sink{}, nil),
		"disabled": slog.NewJSONHandler(sink{}, &slog.HandlerOptions{Level: slog.LevelError + 1}),
	} {
		for kind, token := range map[string]string{"garbage": "garbage", "expired": issuer.Token(map[string]any{"exp": 1}), "forged": issuer.Forge(nil, nil)} {
			b.Run(kind+"/"+name, func(b *testing.B) {
				v := newVerifier(b, issuer, func(cfg *bearer.Config) { cfg.Logger = slog.New(handler) })
				req := bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All("a")}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := bearer.Decide(b.Context(), v, req); err == nil {
						b.Fatal("got no error, want one")
					}
				}
			})
		}
	}
}
