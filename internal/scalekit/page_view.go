package scalekit

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	shownOrganizations = 20
	shownClients       = 20 // maximum for each organization
)

// pageView is the data of the web page. It contains no secret. It contains a token only if an
// action of the page has minted or checked the token.
type pageView struct {
	Actions  bool // the client may use the actions of the page
	Anywhere bool // every machine may use the actions of the page
	Mint     mintView
	Check    checkView
	Problem  problemView
	Clients  []clientOption
	Effects  [][]faultChoice // groups of faults that the page offers

	URL, Host, Nonce, Kept, Running      string
	Faults                               []faultView
	Endpoints                            []endpointView
	Keys                                 []keyView
	Own                                  clientsView // the environment's own client
	GoConfig, Curl                       string      // examples
	Organizations                        []organizationView
	OrganizationCount, MoreOrganizations int
	Tokens                               []tokenView
}

type faultView struct {
	Endpoint, What string
	Remaining      int
}

type endpointView struct {
	What, Method, Path string
	Link               bool
}

type keyView struct {
	ID, Status string
	When       timeView
}

type organizationView struct {
	clientsView

	ID, Name, ExternalID     string
	ClientCount, MoreClients int
}

// clientsView is a table of clients.
type clientsView struct {
	Clients []clientView
	Actions bool // the value of pageView.Actions
}

type clientView struct {
	ID, Name, Lifetime string
	Scopes, Audience   []string
	Secrets            []secretView
}

type secretView struct {
	ID, Suffix, Used string
	Active           bool
}

type tokenView struct {
	Client, Name, Result, TokenID string
	Status                        int
	Granted                       bool
	When                          timeView
}

// timeView is a time in two forms. Machine has the format of RFC 3339. People is an age,
// such as "2 hours ago".
type timeView struct {
	Machine, People string
}

func viewTime(at, now time.Time) timeView {
	return timeView{at.UTC().Format(time.RFC3339), formatAge(now.Sub(at)) + " ago"}
}

// allowActions sets Actions in the view and in its tables of clients.
func (view *pageView) allowActions(allowed bool) {
	view.Actions, view.Own.Actions = allowed, allowed
	for n := range view.Organizations {
		view.Organizations[n].Actions = allowed
	}
}

// formatAge formats a duration. It uses the largest unit in which the duration is at least
// 1, and rounds the number down.
func formatAge(d time.Duration) string {
	for _, unit := range []struct {
		name string
		d    time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		switch n := int(d / unit.d); {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d s", max(0, int(d/time.Second)))
}

// formatLifetime formats a number of seconds. It uses the largest unit in which the number
// is whole.
func formatLifetime(seconds int64) string {
	for _, unit := range []struct {
		name    string
		seconds int64
	}{{"d", 24 * 60 * 60}, {"h", 60 * 60}, {"min", 60}} {
		if seconds >= unit.seconds && seconds%unit.seconds == 0 {
			return fmt.Sprintf("%d %s", seconds/unit.seconds, unit.name)
		}
	}
	return fmt.Sprintf("%d s", seconds)
}

func (env *Environment) view(now time.Time) pageView {
	address := env.issuer.URL()
	view := pageView{
		Effects: faultGroups(),
		URL:     address, Host: address, Nonce: rand.Text(), Running: formatAge(now.Sub(env.started)),
		Kept:      "the state is in memory and is lost when the program ends",
		Endpoints: endpointViews(),
	}
	if u, err := url.Parse(address); err == nil {
		view.Host = u.Host
	}
	if env.file != nil {
		view.Kept = "the state is in a file"
	}
	for _, f := range env.currentFaults() {
		view.Faults = append(view.Faults, faultView{string(f.Endpoint), f.Fault.effects(), f.Remaining})
	}
	for _, k := range env.keys() {
		view.Keys = append(view.Keys, keyView{k.ID, k.Status, viewTime(k.created, now)})
	}
	names := make(map[string]string)
	clients := env.store.clientsByOrganization()
	for organizationID, all := range clients {
		for _, c := range all {
			names[c.id] = c.name
			if organizationID == "" {
				names[c.id] = "the environment's own client"
				view.Own.Clients = append(view.Own.Clients, viewClient(c, now))
			}
		}
	}
	all := env.store.organizationsBy(func(organization) bool { return true })
	// Organizations without clients come last, because a new user looks for a client.
	slices.SortStableFunc(all, func(a, b organization) int {
		return cmp.Compare(min(len(clients[b.id]), 1), min(len(clients[a.id]), 1))
	})
	view.OrganizationCount = len(all)
	for n, o := range all {
		if n < shownOrganizations {
			view.Organizations = append(view.Organizations, viewOrganization(o, clients[o.id], now))
		} else {
			view.MoreOrganizations++
		}
	}
	for _, o := range env.outcomes.newestFirst() {
		view.Tokens = append(view.Tokens, tokenView{
			Client: o.clientID, Name: names[o.clientID], Result: o.result, TokenID: o.tokenID, Status: o.status,
			Granted: o.result == "granted" || o.result == resultMinted, When: viewTime(o.at, now),
		})
	}
	view.Clients = clientOptions(&view)
	view.GoConfig, view.Curl = goConfig(address, view.Clients), curlCommand(address)
	return view
}

func endpointViews() []endpointView {
	return []endpointView{
		{"Token endpoint", "POST", "/oauth/token", false},
		{"Key set", "GET", "/keys", true},
		{"OpenID metadata", "GET", "/.well-known/openid-configuration", true},
		{"Authorization server metadata", "GET", "/.well-known/oauth-authorization-server", true},
		{"Admin API over REST", "several", "/api/v1/organizations", false},
		{"Admin API over gRPC", "POST", "/scalekit.v1.clients.ClientService/…", false},
		{"Key rotation for drills", "several", "/dev/keys", false},
		{"Fault injection for drills", "several", "/dev/faults", false},
	}
}

func viewOrganization(o organization, clients []client, now time.Time) organizationView {
	out := organizationView{ID: o.id, Name: o.name(), ClientCount: len(clients), MoreClients: max(0, len(clients)-shownClients)}
	if o.externalID != nil {
		out.ExternalID = *o.externalID
	}
	for _, c := range clients[:len(clients)-out.MoreClients] {
		out.Clients = append(out.Clients, viewClient(c, now))
	}
	return out
}

func viewClient(c client, now time.Time) clientView {
	out := clientView{ID: c.id, Name: c.name, Lifetime: formatLifetime(c.expiry), Scopes: c.scopes, Audience: c.audience}
	for _, s := range c.secrets {
		used := "not used yet"
		if s.lastUsed.After(s.created) {
			used = "used " + formatAge(now.Sub(s.lastUsed)) + " ago"
		}
		out.Secrets = append(out.Secrets, secretView{s.id, s.suffix, used, s.active})
	}
	return out
}

// effects returns a text that lists the effects of the fault.
func (f fault) effects() string {
	var out []string
	if f.Delay != "" {
		out = append(out, "waits for "+f.Delay)
	}
	if f.Hang {
		out = append(out, "sends no response")
	}
	if f.Abort {
		out = append(out, "closes the connection")
	}
	if f.Status != 0 {
		out = append(out, fmt.Sprintf("returns status %d", f.Status))
	}
	if f.Document != "" {
		out = append(out, "returns the document "+f.Document)
	}
	if f.Body != "" {
		out = append(out, "returns a custom body")
	}
	if f.Error != "" {
		out = append(out, "returns the error "+f.Error)
	}
	return strings.Join(out, " and ")
}

// goConfig returns the source of a bearer.Config that accepts tokens of this issuer.
func goConfig(address string, clients []clientOption) string {
	audience := "deployment-api.acmecorp.com"
	for _, c := range clients {
		if fields := strings.Fields(c.Audience); len(fields) > 0 {
			audience = fields[0]
			break
		}
	}
	return fmt.Sprintf("verifier, err := bearer.New(bearer.Config{\n\tIssuer:   %q,\n\tAudience: []string{%q},\n\tProfile:  bearer.Scalekit,\n})", address, audience)
}

// curlCommand returns the command that requests a token.
func curlCommand(address string) string {
	return "curl -sS '" + address + "/oauth/token' \\\n  -d 'grant_type=client_credentials' \\\n  -d \"client_id=$CLIENT_ID\" \\\n  -d \"client_secret=$CLIENT_SECRET\""
}
