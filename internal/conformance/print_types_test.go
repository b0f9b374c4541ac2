package conformance_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// printedType describes the printed form of an exported type.
type printedType struct {
	// value returns a value in which every string is a secret.
	value func(*testing.T, *secretFiller) any
	// shown lists the fields whose values may be printed. Together, the printers must print all
	// of them.
	shown []string
	// reachable lists the fields whose values package fmt also prints if the value is in an
	// unexported field of a user's struct. In this case, package fmt does not call methods, so
	// the module cannot hide exported fields and values of users' types.
	reachable []string
	// misused lists further fields whose values package fmt prints in an unexported field if the
	// verb is not valid for a pointer, such as %s. Go vet refuses such a verb.
	misused []string
	// text is the beginning of the form of %+v. It may be empty.
	text string
	// testedIn is the file that tests a type of a nested module, which this package cannot
	// import.
	testedIn string
}

// filled returns a function that fills the exported fields of a T.
func filled[T any]() func(*testing.T, *secretFiller) any {
	return func(t *testing.T, s *secretFiller) any {
		t.Helper()
		v := reflect.New(reflect.TypeFor[T]()).Elem()
		s.fill(t, v, "")
		return v.Interface()
	}
}

// printedTypes has a row for each exported type that is not an interface.
var printedTypes = map[string]printedType{
	"bearer.Binding":      {value: filled[bearer.Binding](), shown: []string{"Algorithms", "Member", "Scheme"}},
	"bearer.CheckResult":  {value: filled[bearer.CheckResult](), shown: []string{"Name", "Section", "State", "Want", "Got", "Reason", "Advice"}},
	"bearer.Claims":       {value: func(_ *testing.T, s *secretFiller) any { return s.claims("") }, shown: []string{" iss", " sub", " client_id", " jti"}},
	"bearer.Config":       {value: filled[bearer.Config](), shown: []string{"Algorithms", "Audience", "Bindings.Algorithms", "Bindings.Member", "Bindings.Scheme", "Hierarchy", "Issuer", "KeyOptions.AuthorizationFile", "KeyOptions.AuthorizationOrigins", "KeyOptions.Issuer", "KeyOptions.KeysURL", "KeyOptions.MetadataIssuer", "KeyOptions.MetadataURL", "KeyOptions.RootCAFile", "Profile.Aliases", "Profile.Audience", "Profile.ClientID", "Profile.Forbidden", "Profile.ForbiddenHeader", "Profile.InertConfirmation", "Profile.Name", "Profile.Required", "Profile.RequiredValues", "Profile.Roles", "Profile.Scopes", "Profile.TenantClaims", "Profile.Types", "Profile.WrongIssuers", "Required", "Tenants"}, reachable: []string{"Keys", "Observer"}, misused: []string{"KeyOptions.Store", "KeyOptions.StoreKey", "KeyOptions.Transport"}},
	"bearer.Error":        {value: refusedError},
	"bearer.Event":        {value: filled[bearer.Event](), shown: []string{"Claims client_id", "Claims iss", "Claims sub", "Err", "Issuer", "Reason", "Route", "Transport"}},
	"bearer.Explanation":  {value: filled[bearer.Explanation](), shown: []string{"Algorithm", "Checks.Advice", "Checks.Got", "Checks.Name", "Checks.Reason", "Checks.Section", "Checks.State", "Checks.Want", "ClientID", "Detail", "Fits", "Issuer", "KeyID", "Profile", "Reason", "TokenID", "Type"}},
	"bearer.IssuerStatus": {value: filled[bearer.IssuerStatus](), shown: []string{"Issuer", "Keys.Issuer", "Keys.KeySetHash", "Keys.Skipped.ID", "Keys.Skipped.Reason", "Keys.Source", "Keys.URL", "Profile", "Sources.Issuer", "Sources.KeySetHash", "Sources.Keys", "Sources.LastError", "Sources.Skipped.ID", "Sources.Skipped.Reason", "Sources.Source", "Sources.URL"}},
	"bearer.Issuers":      {value: newIssuers, shown: []string{"Issuer"}, misused: []string{"Observer"}, text: "bearer.Issuers{"},
	"bearer.JWTVerifier":  {value: newVerifier, shown: []string{"Audience", "Issuer"}, reachable: []string{"Observer"}, text: "bearer.JWTVerifier{"},
	"bearer.LogObserver":  {value: newLogObserver, misused: []string{"Event.Issuer", "Event.Route", "Level"}, text: "bearer.LogObserver{"},
	"bearer.LogOptions":   {value: filled[bearer.LogOptions](), reachable: []string{"Audit", "Level"}},
	"bearer.ObserverFunc": {value: filled[bearer.ObserverFunc]()},
	"bearer.Observers":    {value: filled[bearer.Observers](), reachable: []string{""}},
	"bearer.Profile":      {value: filled[bearer.Profile](), shown: []string{"Aliases", "Audience", "ClientID", "Forbidden", "ForbiddenHeader", "InertConfirmation", "Name", "Required", "RequiredValues", "Roles", "Scopes", "TenantClaims", "Types", "WrongIssuers"}},
	"bearer.Proof":        {value: filledProof, shown: []string{"Confirmation", "Request.Method", "Request.NoRule", "Request.Route", "Request.Rule", "Request.Transport", "TokenHash"}, misused: requestFields("Request.")},
	"bearer.Reason":       {value: filled[bearer.Reason](), shown: []string{""}},
	"bearer.Request":      {value: filledRequest, shown: []string{"Method", "NoRule", "Route", "Rule", "Transport"}, reachable: requestFields(""), text: "bearer.Request{"},
	"bearer.VerifierFunc": {value: filled[bearer.VerifierFunc]()},

	"bearertest.Client":     {value: filled[bearertest.Client](), shown: []string{"ID", "Scopes", "Audience"}, reachable: []string{"Secret", "Claims"}, text: "bearertest.Client{"},
	"bearertest.Endpoint":   {value: filled[bearertest.Endpoint](), shown: []string{""}},
	"bearertest.Fault":      {value: filled[bearertest.Fault](), shown: []string{"Body", "Header"}, reachable: []string{"Handler"}},
	"bearertest.Grant":      {value: filled[bearertest.Grant](), shown: []string{"Claims", "Client.Audience", "Client.ID", "Client.Scopes", "Header", "Scopes"}, reachable: []string{"Client.Claims", "Client.Secret"}},
	"bearertest.Issuer":     {value: newTestIssuer, shown: []string{"Client.ID", "Issuer"}, misused: []string{"Audience", "Client.Claims", "Fault.Body", "Fault.Header", "Metadata"}, text: "bearertest.Issuer{"},
	"bearertest.Key":        {value: newTestKey, shown: []string{"ID"}},
	"bearertest.Options":    {value: filled[bearertest.Options](), shown: []string{"Algorithms", "Audience", "Issuer", "Metadata"}},
	"bearertest.TokenError": {value: filled[bearertest.TokenError](), shown: []string{"Code", "Description"}},

	"dpop.Options": {value: filled[dpop.Options](), shown: []string{"Algorithms", "Origins"}, reachable: []string{"NonceKeys", "Replays"}, text: "dpop.Options{"},
	"dpop.Transport": {value: func(t *testing.T, s *secretFiller) any {
		t.Helper()
		transport, err := dpop.NewTransport(transportOptions(t, s, "https://api.example"))
		if err != nil {
			t.Fatal(err)
		}
		return transport
	}, reachable: []string{"Base"}, text: "dpop.Transport{"},
	"dpop.TransportOptions": {value: func(t *testing.T, s *secretFiller) any {
		t.Helper()
		return transportOptions(t, s, s.text("Origins"))
	}, shown: []string{"Origins"}, reachable: []string{"Base"}},
	"dpop.Signer": {value: func(t *testing.T, s *secretFiller) any { t.Helper(); return newProofSigner(t, s) }},

	"interceptor.AuditReport": {value: filled[interceptor.AuditReport](), shown: []string{"Methods", "WithoutMethod", "WithoutRule"}},
	"interceptor.DPoPCredentials": {value: func(t *testing.T, s *secretFiller) any {
		t.Helper()
		return &interceptor.DPoPCredentials{Signer: newProofSigner(t, s), Token: tokenFunc(s)}
	}, text: "interceptor.DPoPCredentials{"},
	"interceptor.Guard":         {value: newMethodGuard, reachable: []string{"Observer", "Realm", "verifier"}, misused: []string{"rule"}, text: "interceptor.Guard{"},
	"interceptor.HealthOptions": {value: filled[interceptor.HealthOptions](), shown: []string{"Services"}},
	"interceptor.Options":       {value: filled[interceptor.Options](), shown: []string{"Include", "Realm", "ResourceMetadata"}, reachable: []string{"Observer"}},

	"jwks.Cache":     {value: newKeyCache, shown: []string{"Issuer"}, text: "jwks.Cache{"},
	"jwks.Event":     {value: filled[jwks.Event](), shown: []string{"Err", "Issuer", "Kind", "SkippedKey.ID", "SkippedKey.Reason"}, misused: []string{"Cause"}, text: "jwks.Event{"},
	"jwks.EventKind": {value: filled[jwks.EventKind](), shown: []string{""}},
	"jwks.Key":       {value: func(_ *testing.T, s *secretFiller) any { return s.keys("kid").Keys()[0] }, shown: []string{"kid"}},
	"jwks.Limits":    {value: func(*testing.T, *secretFiller) any { return &jwks.Limits{MaxFetches: 5} }, text: "jwks.Limits{"},
	"jwks.Options":   {value: filled[jwks.Options](), shown: []string{"AuthorizationFile", "AuthorizationOrigins", "Issuer", "KeysURL", "MetadataIssuer", "MetadataURL", "RootCAFile"}, reachable: []string{"Store", "StoreKey", "Transport"}, text: "jwks.Options{"},
	"jwks.Set":       {value: func(_ *testing.T, s *secretFiller) any { return s.keys("kid") }, shown: []string{"kid"}},
	"jwks.Skipped":   {value: filled[jwks.Skipped](), shown: []string{"ID", "Reason"}},
	"jwks.Sources": {value: func(t *testing.T, s *secretFiller) any {
		t.Helper()
		cache, _ := newKeyCache(t, s).(*jwks.Cache)
		return &jwks.Sources{Caches: []*jwks.Cache{cache}}
	}, shown: []string{"Issuer"}},
	"jwks.Status":           {value: filled[jwks.Status](), shown: []string{"Issuer", "KeySetHash", "Keys", "LastError", "Skipped.ID", "Skipped.Reason", "Source", "URL"}},
	"jwks.UnavailableError": {value: filled[*jwks.UnavailableError](), shown: []string{"Err"}},

	"metrics.Collector": {value: newCollector, shown: []string{"Issuers"}, misused: []string{"Event.Route", "source"}, text: "metrics.Collector{"},
	"metrics.Options":   {value: filled[metrics.Options](), shown: []string{"Issuers"}},

	"middleware.AuditReport":      {value: filled[middleware.AuditReport](), shown: []string{"Routes.Pattern", "Routes.Rule", "Unguarded", "WithoutRoute", "WithoutRule"}},
	"middleware.Guard":            {value: newGuard, shown: []string{"Realm"}, misused: []string{"Metadata", "Observer", "rule", "verifier"}, text: "middleware.Guard{"},
	"middleware.Options":          {value: filled[middleware.Options](), shown: []string{"Dialect", "Headers", "Metadata", "Realm", "Resource", "ResourceMetadata", "WebSocket"}, reachable: []string{"Observer"}},
	"middleware.ReadinessOptions": {value: filled[middleware.ReadinessOptions]()},
	"middleware.Refusal":          {value: filled[middleware.Refusal](), shown: []string{"Body", "Description", "Error", "Header", "Reason", "Scopes"}},
	"middleware.Route":            {value: filled[middleware.Route](), shown: []string{"Pattern", "Rule"}},

	"scopes.DeniedError": {value: filled[*scopes.DeniedError](), shown: []string{"Err", "Missing", "Required"}},
	"scopes.Hierarchy":   {value: filled[scopes.Hierarchy](), shown: []string{""}},
	"scopes.Methods":     {value: filled[scopes.Methods](), shown: []string{""}},
	"scopes.Routes":      {value: filled[scopes.Routes](), shown: []string{""}},
	"scopes.Rule":        {value: filled[scopes.Rule](), shown: []string{""}},
	"scopes.Set":         {value: func(_ *testing.T, s *secretFiller) any { return s.claims("").Scopes() }, shown: []string{" scope"}},
	"scopes.Table":       {value: newTable, shown: []string{"pattern", "rule"}},

	"tracing.Options": {testedIn: "tracing/print_test.go"},
	"tracing.Tracer":  {testedIn: "tracing/print_test.go"},
}

// requestFields lists the fields of a Request, after a prefix, that package fmt prints if it calls no
// methods.
func requestFields(prefix string) (names []string) {
	for _, name := range []string{"Authorization", "Host", "Observer", "Path", "Proofs", "Scheme"} {
		names = append(names, prefix+name)
	}
	return names
}

// fillRequest fills a Request. A certificate is public, so that it contains no secret.
func fillRequest(s *secretFiller, prefix string) bearer.Request {
	text := func(name string) string { return s.text(prefix + name) }
	return bearer.Request{
		Transport: text("Transport"), Route: text("Route"), Rule: scopes.All(text("Rule")), NoRule: text("NoRule"),
		Authorization: []string{text("Authorization")}, Observer: hidden{text("Observer")},
		Method: text("Method"), Scheme: text("Scheme"), Host: text("Host"), Path: text("Path"), Proofs: []string{text("Proofs")},
	}
}

func filledRequest(_ *testing.T, s *secretFiller) any { return fillRequest(s, "") }

func filledProof(_ *testing.T, s *secretFiller) any {
	request := fillRequest(s, "Request.")
	return bearer.Proof{Request: &request, Confirmation: s.text("Confirmation"), TokenHash: s.text("TokenHash")}
}

// tokenFunc returns a function that holds a secret token.
func tokenFunc(s *secretFiller) func(context.Context) (string, error) {
	token := s.text("Token")
	return func(context.Context) (string, error) { return token, nil }
}

func transportOptions(t *testing.T, s *secretFiller, origin string) dpop.TransportOptions {
	t.Helper()
	return dpop.TransportOptions{Signer: newProofSigner(t, s), Token: tokenFunc(s), Origins: []string{origin}, Base: hidden{s.text("Base")}}
}

// newProofSigner returns a Signer whose private key is a secret.
func newProofSigner(t *testing.T, s *secretFiller) *dpop.Signer {
	t.Helper()
	signer, err := dpop.NewSigner(secretKey(s), "EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// refusedError returns the error of a token with secrets in its claims.
func refusedError(t *testing.T, s *secretFiller) any {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Custom = bearer.JSON[struct {
			Email int `json:"email"`
		}]
	})
	token := issuer.Token(map[string]any{"email": strings.Repeat("x", 64) + s.text("email"), "sub": s.text("sub"), "aud": "other"})
	_, err := v.Verify(t.Context(), token)
	refused := &bearer.Error{}
	if !asError(err, &refused) {
		t.Fatalf("got error %v, want a refusal", err)
	}
	return refused
}

// newVerifier returns a verifier that has a token with secrets in its cache.
func newVerifier(t *testing.T, s *secretFiller) any {
	t.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://" + s.text("Issuer"), Algorithms: []string{"EdDSA"}})
	t.Cleanup(issuer.Close)
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Audience, cfg.Observer = []string{s.text("Audience")}, hidden{s.text("Observer")}
		cfg.Required = []string{"sub"}
		cfg.Custom = bearer.JSON[map[string]any]
	})
	token := issuer.Token(map[string]any{"aud": v.Audience(), "sub": s.text("sub"), "jti": s.text("jti"), "email": s.text("email")})
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return v
}

func newIssuers(t *testing.T, s *secretFiller) any {
	t.Helper()
	issuers := &bearer.Issuers{Observer: hidden{s.text("Observer")}, Logger: slog.New(&hidden{s.text("Logger")})}
	cfg := bearer.Config{Issuer: "https://" + s.text("Issuer"), Audience: []string{s.text("Audience")}, Keys: hidden{s.text("Keys")}}
	if err := issuers.Add(cfg); err != nil {
		t.Fatal(err)
	}
	return issuers
}

func newLogObserver(t *testing.T, s *secretFiller) any {
	t.Helper()
	o, err := bearer.NewLogObserver(slog.New(&hidden{s.text("logger")}), &bearer.LogOptions{Level: hidden{s.text("Level")}})
	if err != nil {
		t.Fatal(err)
	}
	o.Observe(t.Context(), bearer.Event{Reason: bearer.Expired, Route: s.text("Event.Route"), Issuer: s.text("Event.Issuer")})
	return o
}

func newTestIssuer(t *testing.T, s *secretFiller) any {
	t.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{
		Issuer: "https://" + s.text("Issuer"), Algorithms: []string{"EdDSA"}, Audience: []string{s.text("Audience")},
		Metadata: map[string]any{"x": s.text("Metadata")},
	})
	t.Cleanup(issuer.Close)
	issuer.AddClient(bearertest.Client{ID: s.text("Client.ID"), Secret: s.text("Client.Secret"), Claims: map[string]any{"a": s.text("Client.Claims")}})
	issuer.Inject(bearertest.TokenEndpoint, bearertest.Fault{Body: []byte(s.text("Fault.Body")), Header: http.Header{"A": {s.text("Fault.Header")}}})
	return issuer
}

// newTestKey returns a key whose private part contains a secret.
func newTestKey(_ *testing.T, s *secretFiller) any {
	return bearertest.KeyFrom(secretKey(s), "EdDSA", s.text("ID"))
}

func newMethodGuard(t *testing.T, s *secretFiller) any {
	t.Helper()
	g, err := interceptor.New(hidden{s.text("verifier")}, scopes.Methods{"/s/M": scopes.All(s.text("rule"))},
		&interceptor.Options{Realm: s.text("Realm"), Observer: hidden{s.text("Observer")}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newKeyCache(t *testing.T, s *secretFiller) any {
	t.Helper()
	cache, err := jwks.New("https://issuer.example/keys?key="+s.text("url"), &jwks.Options{
		Transport: hidden{s.text("Transport")}, Store: hidden{s.text("Store")}, StoreKey: []byte(strings.Repeat(s.text("StoreKey"), 2)),
		Logger: slog.New(&hidden{s.text("Logger")}), Issuer: s.text("Issuer"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	ctx := context.WithValue(t.Context(), contextKey{}, s.text("Cause"))
	if err := cache.Refresh(ctx); err == nil {
		t.Fatal("Refresh: got no error, want one")
	}
	return cache
}

func newCollector(t *testing.T, s *secretFiller) any {
	t.Helper()
	c, err := metrics.New(&metrics.Options{Issuers: []string{s.text("Issuers")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Watch(hidden{s.text("source")}); err != nil {
		t.Fatal(err)
	}
	c.Observe(t.Context(), bearer.Event{Route: s.text("Event.Route")})
	return c
}

func newGuard(t *testing.T, s *secretFiller) any {
	t.Helper()
	g, err := middleware.New(hidden{s.text("verifier")}, &middleware.Options{
		Realm: s.text("Realm"), Observer: hidden{s.text("Observer")}, Logger: slog.New(&hidden{s.text("Logger")}),
		Resource: "https://api.example", Metadata: map[string]any{"resource_name": s.text("Metadata")},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Require(scopes.All(s.text("rule")))(hidden{s.text("handler")})
	return g
}

func newTable(_ *testing.T, s *secretFiller) any {
	var table scopes.Table
	table.Handle("/"+url.PathEscape(s.text("pattern")), scopes.All(s.text("rule")))
	return &table
}
