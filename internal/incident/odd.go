package incident

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/bearerkit/bearer/bearertest"
)

// OddDocuments is an incident in which the issuer sends responses that are not usable key
// sets. A verifier that has valid keys receives each response, because a token with an unknown
// key id causes a fetch. The verifier must keep its valid keys.
func OddDocuments(ctx context.Context, s Subject) (r Result, err error) {
	var t tally
	for _, d := range oddDocuments() {
		lost, err := losesKeys(ctx, s, d, &t, &r)
		if err != nil {
			return r, fmt.Errorf("%s: %w", d.name, err)
		}
		if lost {
			r.LostKeys = append(r.LostKeys, d.name)
		}
	}
	r.Requests, r.Refused, r.Unavailable, r.Slowest = t.requests, t.refused, t.unavailable, t.slowest
	r.Story = fmt.Sprintf("%d responses that are not usable key sets; %s", r.Tried, countText(len(r.LostKeys), "of them replaced valid keys", "none of them replaced valid keys"))
	return r, ctx.Err()
}

// countText returns the number n, followed by text. If n is 0, it returns ifZero.
func countText(n int, text, ifZero string) string {
	if n == 0 {
		return ifZero
	}
	return fmt.Sprintf("%d %s", n, text)
}

// An oddDocument is a response to a request for the key set.
type oddDocument struct {
	name  string
	fault bearertest.Fault
}

func oddDocuments() []oddDocument {
	good := string(bearertest.NewKey("ES256", "good").JWK())
	set := `{"keys":[` + good + `]}`
	var all []oddDocument
	for _, d := range []struct{ name, body string }{
		{"an empty key set", `{"keys":[]}`},
		{"an empty object", `{}`},
		{"an error object", `{"error":"temporarily_unavailable"}`},
		{"null instead of a key set", `null`},
		{"a blank document", ` `},
		{`a member "keys" that is null`, `{"keys":null}`},
		{`a member "keys" that is an object`, `{"keys":{}}`},
		{`a member "keys" that is a string`, `{"keys":"none"}`},
		{"an array of keys", `[` + good + `]`},
		{"one key instead of a key set", good},
		{"an HTML page", `<!DOCTYPE html><title>Maintenance</title>`},
		{"a truncated key set", set[:len(set)/2]},
		{"data after the key set", set + `{"keys":[]}`},
		{`two members "keys"`, `{"keys":[` + good + `],"keys":[]}`},
		{`a member "Keys" instead of "keys"`, `{"Keys":[` + good + `]}`},
		{"100,000 nested objects", strings.Repeat(`{"keys":[`, 100_000)},
		{"only unusable keys", `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"x"},{"kty":"AKP","alg":"ML-DSA-44","kid":"y","pub":"AAAA"}]}`},
	} {
		all = append(all, oddDocument{d.name, bearertest.Fault{Body: []byte(d.body)}})
	}
	for _, status := range []int{201, 204, 206, 304, 401, 404, 429, 500, 503} {
		f := bearertest.Fault{Status: status, Body: []byte(set)}
		if status == http.StatusNoContent || status == http.StatusNotModified {
			f.Body = nil // responses with these statuses have no body
		}
		all = append(all, oddDocument{fmt.Sprintf("status %d", status), f})
	}
	return append(all, oddDocument{"a closed connection", bearertest.Fault{Abort: true}})
}

// losesKeys opens a verifier that has valid keys, and makes the verifier fetch an odd
// document. It reports whether the verifier then refuses a valid token.
func losesKeys(ctx context.Context, s Subject, d oddDocument, t *tally, r *Result) (lost bool, err error) {
	i := newIssuer()
	defer i.Close()
	v, err := openVerifier(ctx, s, i.setup(), i)
	if err != nil {
		return false, err
	}
	defer func() { err = closeVerifier(v, err) }()
	i.Inject(bearertest.KeysEndpoint, d.fault)
	v.Verify(ctx, i.forger().token(0))
	r.Tried++
	lost = t.verify(ctx, v, i.Token(nil)) != Accepted
	r.Fetches += i.fetches()
	return lost, nil
}

// OddKeys is an incident in which the issuer publishes key sets with three keys. The keys are
// an odd key, the previous signing key, and the new signing key. The verifier must accept
// tokens signed with the previous key or the new key. It must accept a token signed with the
// odd key only if the odd key is usable for this token.
func OddKeys(ctx context.Context, s Subject) (r Result, err error) {
	odd, err := oddKeys()
	if err != nil {
		return r, err
	}
	var t tally
	for _, k := range odd {
		if err := tryOddKey(ctx, s, k, &t, &r); err != nil {
			return r, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	r.Requests, r.Refused, r.Unavailable, r.Slowest = t.requests, t.refused, t.unavailable, t.slowest
	r.Story = fmt.Sprintf("%d key sets with one odd key, %s; %d invalid tokens, %s", r.Tried,
		countText(len(r.LostKeys), "of them made a valid key unusable", "none of them made a valid key unusable"),
		r.Forged, countText(len(r.ForgedAccepted), "of them accepted", "none of them accepted"))
	return r, ctx.Err()
}

func tryOddKey(ctx context.Context, s Subject, k oddKey, t *tally, r *Result) (err error) {
	i := newIssuer()
	defer i.Close()
	v, err := openVerifier(ctx, s, i.setup(), i)
	if err != nil {
		return err
	}
	defer func() { err = closeVerifier(v, err) }()
	old, kid := i.Token(nil), i.SigningKey("ES256").ID()
	i.Rotate()
	set := strings.Replace(string(i.JWKS()), `"keys":[`, `"keys":[`+strings.ReplaceAll(k.jwk, "{kid}", kid)+`,`, 1)
	i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Body: []byte(set)})
	r.Tried++
	good := []string{i.Token(nil), old}
	if k.valid != nil {
		good = append(good, k.valid(i.Issuer))
	}
	for _, token := range good {
		if t.verify(ctx, v, token) != Accepted {
			r.LostKeys = append(r.LostKeys, k.name)
			break
		}
	}
	if k.forged != nil {
		r.Forged++
		if v.Verify(ctx, k.forged(i.Issuer)) == Accepted {
			r.ForgedAccepted = append(r.ForgedAccepted, k.name)
		}
	}
	r.Fetches += i.fetches()
	return nil
}
