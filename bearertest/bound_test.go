package bearertest_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
)

func newSigner(tb testing.TB) *dpop.Signer {
	tb.Helper()
	signer, err := dpop.GenerateSigner()
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

func newProof(tb testing.TB, signer *dpop.Signer, issuer *bearertest.Issuer, nonce string) string {
	tb.Helper()
	proof, err := signer.Proof(http.MethodPost, issuer.TokenURL(), "", nonce)
	if err != nil {
		tb.Fatal(err)
	}
	return proof
}

// grant requests a token for the client of withClient. It sends the proofs in DPoP fields.
func grant(t *testing.T, issuer *bearertest.Issuer, proofs ...string) (reply, map[string]any) {
	t.Helper()
	values := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id:1"}, "client_secret": {"s %+é"}}
	request := form(t.Context(), t, issuer.TokenURL(), values)
	for _, proof := range proofs {
		request.Header.Add("DPoP", proof)
	}
	got, err := do(issuer.HTTPClient(), request)
	if err != nil {
		t.Fatal(err)
	}
	return got, object(t, got.body)
}

func TestBoundGrant(t *testing.T) {
	listening := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, TLS: true})
	defer listening.Close()
	listening.AddClient(bearertest.Client{ID: "id:1", Secret: "s %+é", RequireBound: true})
	for _, issuer := range []*bearertest.Issuer{withClient(t, nil), withClient(t, &bearertest.Options{Issuer: "https://Login.example:443/tenant/"}), listening} {
		signer := newSigner(t)
		got, answer := grant(t, issuer, newProof(t, signer, issuer, ""))
		if got.StatusCode != http.StatusOK || answer["token_type"] != "DPoP" || got.Header.Get("DPoP-Nonce") != "" {
			t.Fatalf("%v: got status %d, header %v and response %v, want status 200, token type DPoP and no nonce", issuer, got.StatusCode, got.Header, answer)
		}
		token, _ := answer["access_token"].(string)
		claims, err := verify(issuer, token)
		if want := fmt.Sprint(map[string]any{"jkt": signer.Thumbprint()}); err != nil || fmt.Sprint(claims["cnf"]) != want {
			t.Errorf("%v: got claims %v and error %v, want cnf %s", issuer, claims, err, want)
		}
	}
}

// TestUnboundGrant tests that a client without a proof gets a Bearer token, also if the issuer
// demands nonces.
func TestUnboundGrant(t *testing.T) {
	issuer := withClient(t, &bearertest.Options{RequireNonce: true})
	got, answer := grant(t, issuer)
	token, _ := answer["access_token"].(string)
	if got.StatusCode != http.StatusOK || answer["token_type"] != "Bearer" || part(t, token, 1)["cnf"] != nil || got.Header["Dpop-Nonce"] != nil {
		t.Errorf("got status %d, header %v and response %v, want status 200, token type Bearer, no cnf and no nonce", got.StatusCode, got.Header, answer)
	}
}

func TestRequireBound(t *testing.T) {
	issuer := withClient(t, nil)
	issuer.AddClient(bearertest.Client{ID: "id:1", Secret: "s %+é", RequireBound: true})
	if got, answer := grant(t, issuer); got.StatusCode != http.StatusBadRequest || answer["error"] != "invalid_dpop_proof" {
		t.Errorf("got status %d and response %v, want status 400 and error invalid_dpop_proof", got.StatusCode, answer)
	}
}

func TestMetadataOfBoundTokens(t *testing.T) {
	issuer := withClient(t, nil)
	listed, _ := object(t, issuer.Metadata())["dpop_signing_alg_values_supported"].([]any)
	if len(listed) != 11 || listed[0] != "ES256" {
		t.Errorf("got algorithms %v, want 11 algorithms, ES256 first", listed)
	}
	for _, alg := range listed {
		name, _ := alg.(string)
		if got, answer := grant(t, issuer, newMaker(name).sign(t, issuer, nil, nil)); got.StatusCode != http.StatusOK {
			t.Errorf("%s: got status %d and response %v, want 200", alg, got.StatusCode, answer)
		}
	}
}

// maker makes proofs, also wrong ones, with golang-jwt.
type maker struct {
	alg string
	key *bearertest.Key
	jwk map[string]any
}

func newMaker(alg string) *maker {
	key := bearertest.NewKey(alg, "")
	m := &maker{alg: alg, key: key}
	text := base64.RawURLEncoding.EncodeToString
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		m.jwk = map[string]any{"kty": "EC", "crv": public.Params().Name, "x": text(point[1 : 1+half]), "y": text(point[1+half:])}
	case *rsa.PublicKey:
		m.jwk = map[string]any{"kty": "RSA", "n": text(public.N.Bytes()), "e": text(big.NewInt(int64(public.E)).Bytes())}
	case ed25519.PublicKey:
		m.jwk = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": text(public)}
	}
	return m
}

// sign returns a proof for the token endpoint. The arguments change members of its header and its
// claims. A nil value removes a member.
func (m *maker) sign(t *testing.T, issuer *bearertest.Issuer, header, claims map[string]any) string {
	t.Helper()
	set := jwt.MapClaims{"jti": rand.Text(), "htm": "POST", "htu": issuer.TokenURL(), "iat": time.Now().Unix()}
	change(set, claims)
	method := jwt.GetSigningMethod(m.alg)
	if m.alg == "Ed25519" {
		method = jwt.SigningMethodEdDSA // golang-jwt knows only the old name
	}
	token := jwt.NewWithClaims(method, set)
	token.Header["typ"], token.Header["alg"], token.Header["jwk"] = "dpop+jwt", m.alg, m.jwk
	change(token.Header, header)
	proof, err := token.SignedString(m.key.Signer())
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func change(members, changes map[string]any) {
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
}

func TestBoundGrantRefusals(t *testing.T) {
	issuer := withClient(t, nil)
	m, other, weak := newMaker("ES256"), newMaker("ES256"), weakMaker(t)
	sign := func(header, claims map[string]any) []string { return []string{m.sign(t, issuer, header, claims)} }
	type object = map[string]any
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	used := sign(nil, nil)[0]
	if got, answer := grant(t, issuer, used); got.StatusCode != http.StatusOK {
		t.Fatalf("got status %d and response %v, want 200", got.StatusCode, answer)
	}
	for _, row := range []struct {
		name   string
		proofs []string
		want   string // part of the description
	}{
		{"empty field", []string{""}, "three parts"},
		{"two fields", append(sign(nil, nil), sign(nil, nil)...), "more than one"},
		{"list", []string{sign(nil, nil)[0] + "," + sign(nil, nil)[0]}, "character"},
		{"access token", []string{issuer.Token(nil)}, "'typ'"},
		{"typ JWT", sign(object{"typ": "JWT"}, nil), "'typ'"},
		{"no typ", sign(object{"typ": nil}, nil), "'typ'"},
		{"no jwk", sign(object{"jwk": nil}, nil), "'jwk'"},
		{"crit", sign(object{"crit": []string{"exp"}}, nil), "crit"},
		{"alg none", sign(object{"alg": "none"}, nil), "'alg'"},
		{"alg HS256", sign(object{"alg": "HS256"}, nil), "'alg'"},
		{"alg of a different key", sign(object{"alg": "RS256"}, nil), "does not fit"},
		{"symmetric key", sign(object{"jwk": object{"kty": "oct", "k": "AAAA"}}, nil), "private"},
		{"private key", sign(object{"jwk": object{"kty": "EC", "crv": "P-256", "x": m.jwk["x"], "y": m.jwk["y"], "d": ""}}, nil), "private"},
		{"RSA key of 1024 bits", []string{weak.sign(t, issuer, nil, nil)}, "1024 bits"},
		{"signed with a different key", []string{other.sign(t, issuer, object{"jwk": m.jwk}, nil)}, "signature"},
		{"no jti", sign(nil, object{"jti": nil}), "'jti'"},
		{"long jti", sign(nil, object{"jti": strings.Repeat("j", 257)}), "'jti'"},
		{"method in lower case", sign(nil, object{"htm": "post"}), "'htm'"},
		{"method GET", sign(nil, object{"htm": "GET"}), "'htm'"},
		{"no method", sign(nil, object{"htm": nil}), "'htm'"},
		{"key set", sign(nil, object{"htu": issuer.KeysURL()}), "'htu' of the proof is not the URL of this token endpoint, https://issuer.example/oauth/token"},
		{"slash at the end", sign(nil, object{"htu": issuer.TokenURL() + "/"}), "'htu'"},
		{"http", sign(nil, object{"htu": strings.Replace(issuer.TokenURL(), "https", "http", 1)}), "'htu'"},
		{"relative htu", sign(nil, object{"htu": "/oauth/token"}), "'htu'"},
		{"no iat", sign(nil, object{"iat": nil}), "'iat'"},
		{"iat in a string", sign(nil, object{"iat": "1"}), "'iat'"},
		{"old", sign(nil, object{"iat": at(-62 * time.Second)}), "more than 1m0s ago"},
		{"in the future", sign(nil, object{"iat": at(12 * time.Second)}), "more than 10s in the future"},
		{"expired", sign(nil, object{"exp": at(-12 * time.Second)}), "expired"},
		{"not valid yet", sign(nil, object{"nbf": at(12 * time.Second)}), "not valid yet"},
		{"used", []string{used}, "used already"},
	} {
		got, answer := grant(t, issuer, row.proofs...)
		description, _ := answer["error_description"].(string)
		if got.StatusCode != http.StatusBadRequest || answer["error"] != "invalid_dpop_proof" || !strings.Contains(description, row.want) || strings.ContainsAny(description, `"\`) {
			t.Errorf("%s: got status %d and response %v, want status 400, error invalid_dpop_proof and a description with %q", row.name, got.StatusCode, answer, row.want)
		}
		if got.Header.Get("WWW-Authenticate") != "" || got.Header.Get("DPoP-Nonce") != "" {
			t.Errorf("%s: got header %v, want no WWW-Authenticate and no DPoP-Nonce", row.name, got.Header)
		}
	}
	for name, claims := range map[string]object{
		"query and fragment": {"htu": issuer.TokenURL() + "?a=b#c"}, "port": {"htu": "HTTPS://ISSUER.example:443/oauth/token"},
		"almost old": {"iat": at(-58 * time.Second)}, "slightly ahead": {"iat": at(9 * time.Second)}, "unasked nonce and ath": {"nonce": "n", "ath": "a"},
	} {
		if got, answer := grant(t, issuer, sign(nil, claims)...); got.StatusCode != http.StatusOK {
			t.Errorf("%s: got status %d and response %v, want 200", name, got.StatusCode, answer)
		}
	}
}

// weakMaker makes proofs with an RSA key that is too short.
func weakMaker(t *testing.T) *maker {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // the test is about a weak key
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return &maker{"RS256", bearertest.KeyFrom(key, "RS256", ""), map[string]any{"kty": "RSA", "n": text(key.N.Bytes()), "e": "AQAB"}}
}

// TestProofIsUsedLast tests that a refused request does not use up its proof.
func TestProofIsUsedLast(t *testing.T) {
	issuer, signer := withClient(t, nil), newSigner(t)
	proof := newProof(t, signer, issuer, "")
	for _, row := range []struct {
		name, secret, scope string
		status              int
		code                string
	}{
		{"wrong secret", "wrong", "", 401, "invalid_client"},
		{"unknown scope", "s %+é", "admin", 400, "invalid_scope"},
	} {
		values := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id:1"}, "client_secret": {row.secret}, "scope": {row.scope}}
		request := form(t.Context(), t, issuer.TokenURL(), values)
		request.Header.Set("DPoP", proof)
		checkAnswer(t, issuer, row.name, request, row.status, row.code)
	}
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		if got, answer := grant(t, issuer, proof); got.StatusCode != want {
			t.Errorf("got status %d and response %v, want status %d", got.StatusCode, answer, want)
		}
	}
}

func TestNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, signer := withClient(t, &bearertest.Options{RequireNonce: true}), newSigner(t)
		other := withClient(t, &bearertest.Options{RequireNonce: true})
		refused := func(name, nonce string) string {
			got, answer := grant(t, issuer, newProof(t, signer, issuer, nonce))
			next := got.Header.Get("DPoP-Nonce")
			if got.StatusCode != http.StatusBadRequest || answer["error"] != "use_dpop_nonce" || next == "" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: got status %d, header %v and response %v, want status 400, error use_dpop_nonce and a nonce", name, got.StatusCode, got.Header, answer)
			}
			return next
		}
		granted := func(name, nonce string) string {
			got, answer := grant(t, issuer, newProof(t, signer, issuer, nonce))
			next := got.Header.Get("DPoP-Nonce")
			if got.StatusCode != http.StatusOK || answer["token_type"] != "DPoP" || next == "" {
				t.Errorf("%s: got status %d, header %v and response %v, want status 200, token type DPoP and a nonce", name, got.StatusCode, got.Header, answer)
			}
			return next
		}
		nonce := refused("no nonce", "")
		next := granted("nonce of the refusal", nonce)
		granted("same nonce", nonce)
		granted("nonce of the response", next)
		refused("changed nonce", nonce[1:]+"A")
		got, _ := grant(t, other, newProof(t, signer, other, ""))
		refused("nonce of a different issuer", got.Header.Get("DPoP-Nonce"))
		time.Sleep(time.Minute)
		granted("nonce of the last period", next)
		time.Sleep(time.Minute)
		refused("old nonce", next)
	})
}

// TestProofInTime tests the limits of "iat" with exact times, and that a proof stays used.
func TestProofInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, signer := withClient(t, nil), newSigner(t)
		early, used := newProof(t, signer, issuer, ""), newProof(t, signer, issuer, "")
		for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
			if got, answer := grant(t, issuer, used); got.StatusCode != want {
				t.Errorf("got status %d and response %v, want %d", got.StatusCode, answer, want)
			}
		}
		time.Sleep(time.Minute)
		for proof, want := range map[string]int{early: http.StatusOK, used: http.StatusBadRequest} {
			if got, answer := grant(t, issuer, proof); got.StatusCode != want {
				t.Errorf("after 60 s: got status %d and response %v, want %d", got.StatusCode, answer, want)
			}
		}
		late := newProof(t, signer, issuer, "")
		time.Sleep(time.Minute + 1)
		if got, answer := grant(t, issuer, late); got.StatusCode != http.StatusBadRequest {
			t.Errorf("after more than 60 s: got status %d and response %v, want 400", got.StatusCode, answer)
		}
	})
}

// TestProofAtOnce sends one proof with 50 concurrent requests.
func TestProofAtOnce(t *testing.T) {
	issuer := withClient(t, nil)
	proof := newProof(t, newSigner(t), issuer, "")
	var granted atomic.Int32
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if got, _ := grant(t, issuer, proof); got.StatusCode == http.StatusOK {
				granted.Add(1)
			}
		})
	}
	group.Wait()
	if got := granted.Load(); got != 1 {
		t.Errorf("got %d tokens for one proof, want 1", got)
	}
}
