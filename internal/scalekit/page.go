package scalekit

import (
	"bytes"
	"crypto/rand"
	_ "embed" // for the page
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	shownOrganizations = 20
	shownClients       = 20 // of each organization
)

//go:embed page.html
var pageHTML string

// pageView is what the page shows. It has no secret and no token.
type pageView struct {
	URL, Host, Nonce, Kept, Running      string
	Faults                               []faultView
	Endpoints                            []endpointView
	Keys                                 []keyView
	Own                                  []clientView // clients of the environment itself
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
	ID, Name, ExternalID     string
	Clients                  []clientView
	ClientCount, MoreClients int
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

// timeView is a time for machines, and for people who read the page now.
type timeView struct {
	Machine, People string
}

func viewTime(at, now time.Time) timeView {
	return timeView{at.UTC().Format(time.RFC3339), ago(now.Sub(at)) + " ago"}
}

// ago says how long something took, in one unit.
func ago(d time.Duration) string {
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

// lifetime says seconds in a larger unit where they are whole.
func lifetime(seconds int64) string {
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

// page returns the page for people. It is HTML without JavaScript.
func (env *Environment) page() http.Handler {
	page := template.Must(template.New("page").Parse(pageHTML))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := env.view(time.Now())
		var out bytes.Buffer
		if err := page.Execute(&out, view); err != nil {
			env.log.ErrorContext(r.Context(), "the page cannot be made", "error", err)
			http.Error(w, "the page cannot be made", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+view.Nonce+"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		_, _ = w.Write(out.Bytes()) // the reader is gone: nobody is left to tell
	})
}

func (env *Environment) view(now time.Time) pageView {
	address := env.issuer.URL()
	view := pageView{
		URL: address, Host: address, Nonce: rand.Text(), Running: ago(now.Sub(env.started)),
		Kept: "state in memory, gone when it ends",
		Endpoints: []endpointView{
			{"Token endpoint", "POST", "/oauth/token", false},
			{"Key set", "GET", "/keys", true},
			{"OpenID metadata", "GET", "/.well-known/openid-configuration", true},
			{"Authorization server metadata", "GET", "/.well-known/oauth-authorization-server", true},
			{"Admin API, REST", "several", "/api/v1/organizations", false},
			{"Admin API, gRPC", "POST", "/scalekit.v1.clients.ClientService/…", false},
			{"Keys, for drills", "several", "/dev/keys", false},
			{"Faults, for drills", "several", "/dev/faults", false},
		},
	}
	if u, err := url.Parse(address); err == nil {
		view.Host = u.Host
	}
	if env.file != nil {
		view.Kept = "state in a file"
	}
	for _, f := range env.currentFaults() {
		view.Faults = append(view.Faults, faultView{string(f.Endpoint), f.Fault.words(), f.Remaining})
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
				view.Own = append(view.Own, viewClient(c, now))
			}
		}
	}
	all := env.store.organizationsBy(func(organization) bool { return true })
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
			Granted: o.result == "granted", When: viewTime(o.at, now),
		})
	}
	return view
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
	out := clientView{ID: c.id, Name: c.name, Lifetime: lifetime(c.expiry), Scopes: c.scopes, Audience: c.audience}
	for _, s := range c.secrets {
		used := "not used yet"
		if s.lastUsed.After(s.created) {
			used = "used " + ago(now.Sub(s.lastUsed)) + " ago"
		}
		out.Secrets = append(out.Secrets, secretView{s.id, s.suffix, used, s.active})
	}
	return out
}

// words says what a fault does.
func (f fault) words() string {
	var out []string
	if f.Delay != "" {
		out = append(out, "waits "+f.Delay)
	}
	if f.Hang {
		out = append(out, "hangs")
	}
	if f.Abort {
		out = append(out, "ends the connection")
	}
	if f.Status != 0 {
		out = append(out, fmt.Sprintf("answers %d", f.Status))
	}
	if f.Document != "" {
		out = append(out, "serves the document "+f.Document)
	}
	if f.Body != "" {
		out = append(out, "serves another body")
	}
	if f.Error != "" {
		out = append(out, "refuses with "+f.Error)
	}
	return strings.Join(out, ", ")
}
