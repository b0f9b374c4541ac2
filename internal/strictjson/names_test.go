package strictjson_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// TestPoolKeepsNoText reads objects in which a short name with escapes follows a long one. The
// pool must not keep any part of a name, because names can be secret.
func TestPoolKeepsNoText(t *testing.T) {
	for _, text := range []string{
		`{"secret\u0021":1}`,
		`{"a-long-secret\u0021":1,"\u0061":2}`,
		`{"a-long-secret\u0021":1,"a":{"\u0061":2,"\u0061":3}}`,
	} {
		var record strictjson.Record
		_ = record.Read([]byte(text)) // an error is fine
		if kept := strings.Trim(strictjson.PooledText(), "\x00"); kept != "" {
			t.Errorf("%s: the pool keeps %q, want nothing", text, kept)
		}
	}
}
