package scalekit

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// checkView is the form that checks a token, with the result of the action.
type checkView struct {
	Token, Audience, Scopes string

	Problems       []violation
	Header, Claims string // JSON with line breaks; empty if the part cannot be decoded
	Times          string // says when the token expires
	Notes          []string
	Checked        bool
	Reason, Detail string // the refusal; Reason is empty for an accepted token
	Open, Passed   []bearer.CheckResult
}

// actCheck shows the content of a token and the decision of package bearer. The token is only in
// the body of the request and of the response.
func (env *Environment) actCheck(w http.ResponseWriter, r *http.Request, form url.Values) {
	result := checkView{Token: trimToken(form.Get("token")), Audience: form.Get("audience"), Scopes: form.Get("scopes")}
	var v violations
	if result.Token == "" {
		v.addViolation("token", "is missing; paste a token", "required")
	}
	rule := scopes.All(strings.Fields(result.Scopes)...)
	if rule.Err() != nil {
		v.addViolation("scopes", "must be scopes (RFC 6749, section 3.3) with spaces between them", "scope")
	}
	status := http.StatusOK
	if len(v.found) == 0 {
		if err := env.explain(r.Context(), &result, rule); err != nil {
			v.addViolation("token", "cannot be checked: "+err.Error(), "check")
		}
	}
	if result.Problems = v.found; len(result.Problems) > 0 {
		status = http.StatusBadRequest
	}
	env.writePage(w, r, status, func(view *pageView) { view.Check = result })
}

// trimToken returns the token in text, which may also be the value of a field Authorization, or a
// line with this field.
func trimToken(text string) string {
	text = strings.TrimSpace(text)
	for _, prefix := range []string{"Authorization:", "Bearer "} {
		if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
			text = strings.TrimSpace(text[len(prefix):])
		}
	}
	return text
}

// explain sets the fields of the result. It sends no request: the keys are the keys that this
// issuer publishes now, even if a fault affects the key set.
func (env *Environment) explain(ctx context.Context, result *checkView, rule scopes.Rule) error {
	keys, err := jwks.Parse(env.issuer.JWKS())
	if err != nil {
		return err
	}
	parts := strings.Split(result.Token, ".")
	var claims struct {
		Audience jsontext.Value `json:"aud"`
		Expiry   int64          `json:"exp"`
	}
	if len(parts) == 3 {
		result.Header, result.Claims = decodePart(parts[0]), decodePart(parts[1])
		_ = json.Unmarshal([]byte(result.Claims), &claims) // without "aud", the check of the audience fails
	}
	audience := strings.Fields(result.Audience)
	if len(audience) == 0 {
		if audience = textsOf(claims.Audience); len(audience) == 0 {
			audience = []string{"(none)"}
		} else {
			result.Notes = append(result.Notes, "Every audience is accepted here, because the field Audience is empty.")
		}
	}
	if rule.Err() == nil && strings.TrimSpace(result.Scopes) == "" {
		result.Notes = append(result.Notes, "No scope is required here, because the field Required scopes is empty.")
	}
	verifier, err := bearer.New(bearer.Config{ //nolint:contextcheck // Keys is set, so New starts no goroutine
		Issuer: env.issuer.URL(), Audience: audience, Profile: bearer.Scalekit, Keys: keys,
		CacheSize: -1, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { _ = verifier.Close() }() // there is nothing to stop, because Keys is set
	x := bearer.Explain(ctx, verifier, bearer.Request{Authorization: []string{"Bearer " + result.Token}, Rule: rule})
	result.Checked, result.Reason, result.Detail = true, string(x.Reason), x.Detail
	for _, c := range x.Checks {
		if c.State == "passed" {
			result.Passed = append(result.Passed, c)
		} else {
			result.Open = append(result.Open, c)
		}
	}
	if left := time.Unix(claims.Expiry, 0).Sub(x.Time); claims.Expiry != 0 && left > 0 {
		result.Times = "expires in " + formatAge(left)
	}
	return nil
}

// textsOf returns the string in value, or the strings in the array value.
func textsOf(value jsontext.Value) []string {
	var one string
	if json.Unmarshal(value, &one) == nil {
		return []string{one}
	}
	var all []string
	if json.Unmarshal(value, &all) != nil {
		return nil
	}
	return all
}

// maxIndented is the maximum number of levels of JSON that the page indents. The indentation of n
// levels can take 2*n*n bytes, so a small token of a stranger can make a page of 100 MiB.
const maxIndented = 50

// decodePart decodes the header or the claims of a token, and indents the JSON if it has at most
// maxIndented levels. It escapes characters that are invisible or that change the direction of the
// text. The result is empty if the part is not a JSON object.
func decodePart(part string) string {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	value := jsontext.Value(raw)
	if err != nil || value.Kind() != '{' || !value.IsValid() {
		return ""
	}
	if levelsOf(value) <= maxIndented {
		err = value.Indent(jsontext.WithIndent("  "))
	} else {
		err = value.Compact()
	}
	if err != nil {
		return ""
	}
	var out strings.Builder
	for _, c := range string(value) {
		switch {
		case c == '\n' || unicode.IsPrint(c):
			out.WriteRune(c)
		case c > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, c)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	return out.String()
}

// levelsOf returns the number of levels of a JSON value: 1 for an object whose members are texts.
func levelsOf(value jsontext.Value) int {
	levels := 0
	decoder := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return levels
		}
		levels = max(levels, decoder.StackDepth())
	}
}
