package bearer_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

func TestClaims(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	claims, err := v.Verify(t.Context(), issuer.Token(members{
		"sub": "s", "client_id": "c", "jti": "j", "iat": 1000, "nbf": 2000, "exp": int64(4102444800),
		"scope": "a b", "x.y": members{"z": []int{1}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name      string
		got, want any
	}{
		{"Issuer", claims.Issuer(), issuer.URL()},
		{"Subject", claims.Subject(), "s"},
		{"ClientID", claims.ClientID(), "c"},
		{"ID", claims.ID(), "j"},
		{"IssuedAt", claims.IssuedAt().Unix(), int64(1000)},
		{"NotBefore", claims.NotBefore().Unix(), int64(2000)},
		{"ExpiresAt", claims.ExpiresAt().Unix(), int64(4102444800)},
		{"Scopes", claims.Scopes().String(), "a b"},
		{"Audience", strings.Join(claims.Audience(), " "), audience},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, row.got, row.want)
		}
	}
	if v, ok := claims.Value("x.y"); !ok || string(v) != `{"z":[1]}` {
		t.Errorf("Value: got value %s and ok=%v, want value {\"z\":[1]} and ok=true", v, ok)
	}
	if _, ok := claims.Value("X.Y"); ok {
		t.Error("Value: got a claim whose name differs in case, want none")
	}
	var all struct {
		Sub string `json:"sub"`
		SUB string
	}
	if err := claims.Decode(&all); err != nil || all.Sub != "s" || all.SUB != "" {
		t.Errorf("Decode: got %+v and error %v, want only sub \"s\" and no error", all, err)
	}
	if err := claims.Decode(new(int)); err == nil {
		t.Error("Decode into an int: got no error, want one")
	}
}

// TestClaimsLogValue logs claims with a very long subject and an email address. The log
// must be one line of at most 400 bytes, with the start of the subject and without the
// email address.
func TestClaimsLogValue(t *testing.T) {
	issuer := newIssuer(t)
	claims, err := newVerifier(t, issuer, nil).Verify(t.Context(), issuer.Token(members{
		"sub": strings.Repeat("s", 500), "jti": "a\nb", "email": "user@example.com",
	}))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("request", "caller", claims)
	if text := log.String(); strings.Contains(text, "user@") || strings.Count(text, "\n") != 1 || len(text) > 400 ||
		!strings.Contains(text, "caller.sub=sss") {
		t.Errorf("got log %s, want one line of at most 400 bytes with sub and without email", text)
	}
}

func TestContext(t *testing.T) {
	if _, ok := bearer.FromContext(t.Context()); ok {
		t.Error("empty context: got claims, want none")
	}
	claims := &bearer.Claims{}
	type key struct{}
	ctx := context.WithValue(bearer.NewContext(t.Context(), claims), key{}, 1)
	if got, ok := bearer.FromContext(ctx); !ok || got != claims {
		t.Errorf("got claims %v and ok=%v, want claims %v and ok=true", got, ok, claims)
	}
	if _, ok := bearer.FromContext(bearer.NewContext(ctx, nil)); ok {
		t.Error("NewContext with nil claims: got the claims of the parent context, want none")
	}
	if ctx.Value(key{}) != 1 || ctx.Err() != nil {
		t.Errorf("got value %v and error %v, want value 1 and no error, as in the parent context", ctx.Value(key{}), ctx.Err())
	}
}

// TestProfileClaims parses claims with profiles, as a verifier of another package does, and
// decides a request with these claims.
func TestProfileClaims(t *testing.T) {
	for _, row := range []struct {
		profile bearer.Profile
		set     string
		want    bearer.Reason
		client  string
		scopes  string
	}{
		{bearer.Profile{}, `{"iss":"https://i.example","client_id":"c","scope":"a b"}`, "", "c", "a b"},
		{bearer.Okta, `{"cid":"c","scp":["a","b"],"active":true}`, "", "c", "a b"},
		{bearer.Profile{}, `{}`, "", "", ""},
		{bearer.Profile{}, `{"sub":1}`, bearer.InvalidClaims, "", ""},
		{bearer.Profile{}, `{"iss":1}`, bearer.InvalidClaims, "", ""},
		{bearer.Profile{}, `{"exp":"soon"}`, bearer.InvalidClaims, "", ""},
		{bearer.Profile{}, `{"sub":"a","sub":"b"}`, bearer.Malformed, "", ""},
		{bearer.Profile{}, `[]`, bearer.Malformed, "", ""},
		{bearer.Profile{}, ``, bearer.Malformed, "", ""},
		{bearer.Profile{Scopes: []string{""}}, `{}`, bearer.Internal, "", ""},
	} {
		claims, err := row.profile.Claims([]byte(row.set))
		if got := reasonOf(t, err); got != row.want || (claims == nil) == (err == nil) {
			t.Errorf("%s: got claims %v and error %v, want reason %q, and either claims or an error", row.set, claims, err, row.want)
			continue
		}
		if err != nil {
			continue
		}
		if claims.ClientID() != row.client || claims.Scopes().String() != row.scopes {
			t.Errorf("%s: got client %q and scopes %q, want client %q and scopes %q", row.set, claims.ClientID(), claims.Scopes(), row.client, row.scopes)
		}
		verifier := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return claims, nil })
		events := &testkit.Recorder{}
		_, err = bearer.Decide(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer opaque"}, Rule: scopes.All("a"), Observer: events})
		want := bearer.Reason("")
		if row.scopes == "" {
			want = bearer.MissingScope
		}
		if e := events.Take(); reasonOf(t, err) != want || len(e) != 1 || e[0].Issuer != "" {
			t.Errorf("%s: got error %v and events %+v, want reason %q and one event without an issuer", row.set, err, e, want)
		}
	}
}
