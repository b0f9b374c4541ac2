package scalekit

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/bearertest"
)

// mintForm is the form that mints a token. An empty field selects the value of the client.
type mintForm struct {
	Client, Scopes, Audience, Lifetime, Claims string
}

// mintView is the form that mints a token, with the result of the action.
type mintView struct {
	mintForm

	Problems []violation
	Token    string // empty if no token was minted
	Summary  string // describes the token
	Curl     string // command that sends the token to an API
}

// actMint mints a token and shows it once. The token is in no URL, in no log and in no later page.
func (env *Environment) actMint(w http.ResponseWriter, r *http.Request, form url.Values) {
	result := mintView{mintForm: mintForm{
		Client: form.Get("client"), Scopes: form.Get("scopes"), Audience: form.Get("audience"),
		Lifetime: form.Get("lifetime"), Claims: form.Get("claims"),
	}}
	var v violations
	grant := env.newGrant(result.mintForm, &v)
	if result.Problems = v.found; len(result.Problems) > 0 {
		env.writePage(w, r, http.StatusBadRequest, func(view *pageView) { view.Mint = result })
		return
	}
	tokenID, _ := grant.Claims["jti"].(string) // a value of the form is not a string, and is not logged
	result.Token, result.Summary = env.issuer.Mint(grant.Header, grant.Claims), summary(grant)
	result.Curl = "curl -i -H 'Authorization: Bearer " + result.Token + "' http://127.0.0.1:8080/"
	callFrom(r.Context()).modify(func(call *callRecord) { call.client, call.tokenID = result.Client, tokenID })
	env.outcomes.add(outcome{at: time.Now(), clientID: result.Client, status: http.StatusOK, result: resultMinted, tokenID: tokenID})
	env.writePage(w, r, http.StatusOK, func(view *pageView) { view.Mint = result })
}

// resultMinted is the result of an outcome whose token was minted on the web page.
const resultMinted = "minted on this page"

// newGrant returns the token that the form describes. The form may select scopes and an audience
// that the client does not have. The claims of the form override all other claims. If the form is
// invalid, newGrant adds violations, and the result is not usable.
func (env *Environment) newGrant(form mintForm, v *violations) *bearertest.Grant {
	source := client{id: "example-client", settings: settings{expiry: defaultExpiry}}
	if form.Client != "" {
		known, ok := env.store.client(form.Client)
		if !ok {
			v.addViolation("client", "does not exist any more; choose a different client", "client")
		}
		source = known
	}
	if names := strings.Fields(form.Scopes); len(names) > 0 {
		source.scopes = names
	}
	if names := strings.Fields(form.Audience); len(names) > 0 {
		source.audience = names
	}
	source.check(v, "")
	lifetime := parseLifetime(form.Lifetime, source.expiry, v)
	own := parseClaims(form.Claims, v)
	now := time.Now()
	claims := source.claims()
	claims["sub"], claims["client_id"], claims["jti"] = source.id, source.id, env.store.ids.nextID("tkn_")
	claims["iat"], claims["exp"] = now.Unix(), now.Unix()+lifetime
	if lifetime < 0 { // an expired token: it was issued before it expired
		claims["iat"] = now.Unix() + 2*lifetime
	}
	if audience := deduplicate(source.audience); len(audience) > 0 {
		claims["aud"] = audience
	}
	scopes := deduplicate(source.scopes)
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	grant := &bearertest.Grant{Scopes: scopes, Header: make(map[string]any), Claims: claims}
	shapeToken(grant)
	maps.Copy(grant.Claims, own)
	return grant
}

// parseLifetime returns the lifetime in seconds. The text is a duration, such as 1h30m, or a number
// of seconds. If it is empty, parseLifetime returns the default. A negative lifetime is allowed: it
// makes an expired token.
func parseLifetime(text string, otherwise int64, v *violations) int64 {
	text = strings.TrimSpace(text)
	if text == "" {
		return otherwise
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		var d time.Duration
		if d, err = time.ParseDuration(strings.ReplaceAll(text, " ", "")); err == nil {
			seconds = int64(d / time.Second)
		}
	}
	if err != nil || seconds > maxExpiry || seconds < -maxExpiry {
		v.addViolation("lifetime", "must be a duration of at most ten years, such as 90s, 10m or 1h30m, or a number of seconds; a token with -5m has expired 5 minutes ago", "duration")
	}
	return seconds
}

// parseClaims returns the claims in a JSON object. The value null becomes nil, which removes a
// claim. Numbers keep their digits.
func parseClaims(text string, v *violations) map[string]any {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(text), &members); err != nil || members == nil {
		v.addViolation("claims", `must be a JSON object without duplicate members, such as {"tenant": "acme"}`, "json")
		return nil
	}
	claims := make(map[string]any, len(members))
	for name, value := range members {
		if claims[name] = value; value.Kind() == 'n' {
			claims[name] = nil
		}
	}
	return claims
}

// summary describes the token of a grant.
func summary(g *bearertest.Grant) string {
	scopes := "no scopes"
	if len(g.Scopes) > 0 {
		scopes = "the scopes " + strings.Join(g.Scopes, " ")
	}
	expires, _ := g.Claims["exp"].(int64)
	left := expires - time.Now().Unix()
	switch _, changed := g.Claims["exp"].(int64); {
	case !changed:
		return "has " + scopes + " and your own value of exp"
	case left < 0:
		return "has " + scopes + " and has expired"
	default:
		return "has " + scopes + " and expires in " + formatLifetime(left)
	}
}

// clientOption is a client that the form offers. The form shows the settings of the client.
type clientOption struct {
	ID, Label, Scopes, Audience, Lifetime string
}

// clientOptions returns the options of the form. The clients of an organization are together.
func clientOptions(view *pageView) []clientOption {
	var out []clientOption
	add := func(organization string, clients []clientView) {
		for _, c := range clients {
			label := strings.Join(slices.DeleteFunc([]string{c.Name, c.ID, organization}, func(s string) bool { return s == "" }), " · ")
			out = append(out, clientOption{c.ID, label, strings.Join(c.Scopes, " "), strings.Join(c.Audience, " "), c.Lifetime})
		}
	}
	for _, o := range view.Organizations {
		add(o.Name, o.Clients)
	}
	add("the environment's own client", view.Own.Clients)
	return out
}
