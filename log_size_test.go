package bearer_test

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestLogSize tests that no record is larger than 8 KiB, as the guide states. The tokens
// contain long values, and a hook returns a long error.
func TestLogSize(t *testing.T) {
	const most = 8 << 10
	issuer := newIssuer(t, "ES256")
	for _, evil := range []string{"\x00", "\u202e", "\\", `"`, "\n", "\u00e9", "\U000e0001"} {
		long := strings.Repeat(evil, 3000/len(evil))
		evil = long[:240] // The value is short, so that the tokens do not exceed the maximum size.
		for name, handler := range map[string]func(io.Writer) slog.Handler{
			"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
			"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			book := &logBook{}
			o, err := bearer.NewLogObserver(slog.New(handler(book)), &bearer.LogOptions{Burst: -1})
			if err != nil {
				t.Fatal(err)
			}
			v := newVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Observer = o
				cfg.Custom = func([]byte) (any, error) { return nil, errors.New(long) }
			})
			claims := map[string]any{"jti": evil, "client_id": evil, "sub": evil}
			for _, token := range []string{
				issuer.Token(claims),
				issuer.Mint(map[string]any{"kid": evil, "typ": evil}, claims),
				issuer.Mint(map[string]any{"kid": evil}, map[string]any{"jti": evil, "client_id": evil, "aud": []string{evil, evil, evil}}),
			} {
				if _, err := v.Verify(t.Context(), token); err == nil {
					t.Fatal("the verifier accepted the token, want a refusal")
				}
			}
			records := strings.Split(strings.TrimSuffix(book.String(), "\n"), "\n")
			if len(records) != 3 || strings.Contains(book.String(), "malformed") {
				t.Errorf("%s: got %d records, want 3 records, each with a reason other than malformed:\n%s", name, len(records), book)
			}
			for _, record := range records {
				if len(record) > most {
					t.Errorf("%s, %.6q: got a record of %d bytes, want at most %d", name, evil, len(record), most)
				}
			}
		}
	}
}
