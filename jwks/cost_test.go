package jwks_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/jwks"
)

// list returns a JSON array with n elements. The function element returns an element.
func list(n int, element func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(element(i))
	}
	return "[" + b.String() + "]"
}

// goodKey is a key without its closing brace, so that tests can append members.
const goodKey = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`

// hugeElements returns the elements of "keys" with which TestKeySetCost measures how the cost of
// one key grows. The argument of each function is the size of one field in bytes.
func hugeElements() map[string]func(n int) string {
	good := func(member string) string { return goodKey + "," + member + "}" }
	text := func(n int) string { return strings.Repeat("a", n) }
	texts := func(n int, format string) string {
		return list(n/8, func(i int) string { return fmt.Sprintf(`"`+format+`"`, i) })
	}
	return map[string]func(n int) string{
		"key_ops":                    func(n int) string { return good(`"key_ops":` + texts(n, "%d")) },
		"key_ops with escapes":       func(n int) string { return good(`"key_ops":` + texts(n/2, `\u0061%d`)) },
		"x5c":                        func(n int) string { return good(`"x5c":` + texts(n, "%d")) },
		"x5t":                        func(n int) string { return good(`"x5t":"` + text(n) + `"`) },
		"kid":                        func(n int) string { return good(`"kid":"` + text(n) + `"`) },
		"kid with escapes":           func(n int) string { return good(`"kid":"` + strings.Repeat(`\n`, n/2) + `"`) },
		"alg":                        func(n int) string { return good(`"alg":"` + text(n) + `"`) },
		"use":                        func(n int) string { return good(`"use":"` + text(n) + `"`) },
		"issuer":                     func(n int) string { return good(`"issuer":"` + text(n) + `"`) },
		"x":                          func(n int) string { return `{"kty":"OKP","crv":"Ed25519","x":"` + text(n) + `"}` },
		"padding of x":               func(n int) string { return strings.TrimSuffix(goodKey, `"`) + strings.Repeat("=", n) + `"}` },
		"n":                          func(n int) string { return `{"kty":"RSA","e":"AQAB","n":"` + text(n) + `"}` },
		"e":                          func(n int) string { return `{"kty":"RSA","n":"` + number(256, 0) + `","e":"` + text(n) + `"}` },
		"members":                    func(n int) string { return good(object(n/16, "m%d")[1:]) },
		"members with escaped names": func(n int) string { return good(object(n/20, `\u006d%d`)[1:]) },
		"members of an object":       func(n int) string { return good(`"o":` + object(n/16, "m%d")) },
		"nested objects": func(n int) string {
			return good(`"o":` + list(n/64, func(int) string { return strings.Repeat(`{"a":`, 8) + "0" + strings.Repeat("}", 8) }))
		},
		"nesting":     func(n int) string { return good(`"o":` + strings.Repeat("[", n/2) + strings.Repeat("]", n/2)) },
		"white space": func(n int) string { return goodKey + strings.Repeat(" ", n) + "}" },
	}
}

// hugeSets returns the key sets with which TestKeySetCost measures how the cost of a key set
// grows. The argument of each function is the approximate size of the key set in bytes.
func hugeSets() map[string]func(n int) string {
	set := func(elements string) string { return `{"keys":` + elements + "}" }
	other := func(member string) string { return `{"keys":[` + goodKey + "}]," + member + "}" }
	return map[string]func(n int) string{
		"members":                    func(n int) string { return other(strings.Trim(object(n/16, "m%d"), "{}")) },
		"members with escaped names": func(n int) string { return other(strings.Trim(object(n/20, `\u006d%d`), "{}")) },
		"length of a name":           func(n int) string { return other(`"` + strings.Repeat(`\u006d`, n/6) + `":0`) },
		"nesting":                    func(n int) string { return other(`"o":` + strings.Repeat("[", n/128) + strings.Repeat("]", n/128)) },
		"arrays":                     func(n int) string { return other(`"o":` + list(n/3, func(int) string { return "[]" })) },
		"members of an object":       func(n int) string { return other(`"o":` + object(n/16, "m%d")) },
		"white space":                func(n int) string { return other(`"o":` + strings.Repeat(" ", n) + "0") },
		"keys with different kids": func(n int) string {
			return set(list(n/500, func(i int) string { return edElement(fmt.Sprint(i), i) }))
		},
		"keys with one kid":  func(n int) string { return set(list(n/500, func(i int) string { return edElement("a", i) })) },
		"keys without a kid": func(n int) string { return set(list(n/500, func(i int) string { return edElement("", i) })) },
		"RSA keys": func(n int) string {
			return set(list(n/1450, func(i int) string { return rsaElement(fmt.Sprint(i), 8192, "AQAB", i) }))
		},
		"RSA keys with one kid": func(n int) string {
			return set(list(n/1450, func(i int) string { return rsaElement("a", 8192, "f____w", i) }))
		},
		"duplicates": func(n int) string { return set(list(n/500, func(int) string { return goodKey + "}" })) },
		"elements that are no keys": func(n int) string {
			return set("[" + goodKey + "}," + list(n/500, func(int) string { return "0" })[1:])
		},
		"more elements than the limit": func(n int) string { return set(list(n/2, func(int) string { return "0" })) },
	}
}

// object returns an object with n members. The argument name is a format with the number of the
// member.
func object(n int, name string) string {
	var b strings.Builder
	for i := range max(n, 1) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"`+name+`":0`, i)
	}
	return "{" + b.String() + "}"
}

// number returns n bytes that depend on seed, in base64url. The number is odd, and its highest
// bit is set.
func number(n, seed int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b) //nolint:gosec // the bytes of the seed
	b[0] |= 0x80
	b[n-1] |= 1
	return b64(b)
}

// edElement returns an Ed25519 key. Different seeds have different keys.
func edElement(kid string, seed int) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, kid, number(32, seed))
}

// rsaElement returns an RSA key. Different seeds have different keys. The private
// keys are unknown.
func rsaElement(kid string, bits int, e string, seed int) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":%q,"e":%q,"n":%q}`, kid, e, number(bits/8, seed))
}

// The cost of a key set grows no faster than its size, for each field that the issuer chooses.
func TestKeySetCost(t *testing.T) {
	for name, element := range hugeElements() {
		growth.Check(t, "key with large "+name, 3600, func(n int) func() {
			document := []byte(`{"keys":[` + edElement("other", 1) + "," + element(n) + "]}")
			return func() { _, _ = jwks.Parse(document) }
		})
	}
	for name, set := range hugeSets() {
		growth.Check(t, "key set with many "+name, 30<<10, func(n int) func() {
			document := []byte(set(n))
			return func() { _, _ = jwks.Parse(document) }
		})
	}
}
