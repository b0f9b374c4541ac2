package scalekit_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/internal/testkit"
)

func TestPageInBrowser(t *testing.T) {
	b := startBrowser(t, false)
	env, c, token := startWithData(t, scalekit.Config{})

	// The scripts of pages must be switched off in the browser. Otherwise, the checks below
	// do not show that the page works without JavaScript.
	b.open(t, "data:text/html,<title>off</title><script>document.title='on'</script>")
	if title := b.sendCommand(t, http.MethodGet, "/title", nil); title != "off" {
		t.Fatalf("got title %v, want title off: this browser runs the JavaScript of a page", title)
	}

	b.open(t, env.url+"/")
	if title := fmt.Sprint(b.sendCommand(t, http.MethodGet, "/title", nil)); !strings.Contains(title, "development issuer") {
		t.Errorf("got title %q, want a title with %q", title, "development issuer")
	}
	for selector, want := range map[string][]string{
		"h1":             {env.url},
		".notice":        {"For development and tests only."},
		".notice.bad":    {"Injected fault: the endpoint “keys” returns status 503. The fault ends after 2 more requests."},
		"#keys":          {env.Issuer().Keys()[0].ID(), "signing"},
		"#organizations": {env.OrganizationID, c.id, "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "active", "2 h"},
		"#tokens":        {fmt.Sprint(claimsOf(t, token)["jti"]), "granted", "invalid_client 401", "the environment's own client"},
	} {
		got := b.visibleText(t, selector)
		for _, want := range want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got text\n%s\nwant a text with %q", selector, got, want)
			}
		}
	}
	// The Content-Security-Policy of the page must allow the style sheet of the page.
	if got := b.runScript(t, "return getComputedStyle(document.querySelector('.badge.good')).borderRadius"); got == "0px" {
		t.Errorf("got a badge with border radius %v, want a different radius: the style sheet of the page has no effect", got)
	}
	if got := b.runScript(t, "return document.scripts.length + document.images.length"); got != 1.0 {
		t.Errorf("got %v scripts and images, want the script of the page and no image", got)
	}
	b.checkWidths(t, "page")
	b.checkPicture(t)
	b.clickLink(t, "Recent tokens")
	if got := fmt.Sprint(b.sendCommand(t, http.MethodGet, "/url", nil)); got != env.url+"/#tokens" {
		t.Errorf("after a click on Recent tokens: got URL %s, want URL %s", got, env.url+"/#tokens")
	}
	b.clickLink(t, "Refresh")
	if got := fmt.Sprint(b.sendCommand(t, http.MethodGet, "/url", nil)); got != env.url+"/" {
		t.Errorf("after a click on Refresh: got URL %s, want URL %s", got, env.url+"/")
	}
	b.useTokenForms(t, env, c, false)
	b.useOtherForms(t, env)
	b.checkLog(t)
}

// checkPicture checks that the browser has rendered the page.
func (b browser) checkPicture(t *testing.T) {
	t.Helper()
	shot, err := base64.StdEncoding.DecodeString(fmt.Sprint(b.sendCommand(t, http.MethodGet, "/screenshot", nil)))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	colors := make(map[any]bool)
	for y := range picture.Bounds().Dy() {
		for x := 0; x < picture.Bounds().Dx(); x += 3 {
			colors[picture.At(x, y)] = true
		}
	}
	if len(colors) < 20 {
		t.Errorf("got a screenshot with %d colours, want at least 20 colours: the browser has not rendered the page", len(colors))
	}
}

// useTokenForms mints and checks a token as a user does. If script is true, it copies the token with a
// button. Otherwise, it types the token.
func (b browser) useTokenForms(t *testing.T, env environment, c registeredClient, script bool) {
	t.Helper()
	b.open(t, env.url+"/")
	b.click(t, `#mint-client option[value="`+c.id+`"]`)
	b.typeKeys(t, "#mint-scopes", "read:deployments admin:all")
	b.typeKeys(t, "#mint-lifetime", "10m")
	b.typeKeys(t, "#mint-claims", `{"tenant": "</textarea><script>alert(1)</script>"}`)
	b.submit(t, "#mint button.main")
	token := b.visibleText(t, "#minted pre.token")
	if got := claimsOf(t, token); got["scope"] != "read:deployments admin:all" || got["client_id"] != c.id {
		t.Errorf("got claims %v, want the scopes of the form and the client %s", got, c.id)
	}
	b.checkWidths(t, "minted")
	if shown := b.runScript(t, "return getComputedStyle(document.querySelector('#minted button.copy')).display !== 'none'"); shown != script {
		t.Errorf("got a button that copies: %v, want %v", shown, script)
	}
	if script {
		b.click(t, "#minted button.copy")
		b.click(t, "#check-token")
		b.typeKeys(t, "#check-token", "\ue009v") // Control and V
		if said := b.visibleText(t, "#said"); said != "Copied" {
			t.Errorf("got the status %q, want Copied", said)
		}
	} else {
		b.typeKeys(t, "#check-token", token)
	}
	if got := b.runScript(t, "return document.querySelector('#check-token').value"); got != token {
		t.Errorf("got %.20q... in the form, want the token", got)
	}
	b.typeKeys(t, "#check-audience", "deployment-api.acmecorp.com")
	b.typeKeys(t, "#check-scopes", "admin:all")
	b.submit(t, "#check button.main")
	if got := b.visibleText(t, "#checked .verdict"); got != "Accepted\nbearer accepts the token, which expires in 9 minutes." {
		t.Errorf("got the verdict %q, want an accepted token", got)
	}
	b.click(t, "#checked summary")
	b.checkWidths(t, "checked")
	b.typeKeys(t, "#check-scopes", " more")
	b.submit(t, "#check button.main")
	if got := b.visibleText(t, "#checked .verdict"); !strings.HasPrefix(got, "Refused\nscope\nmissing scope more") {
		t.Errorf("got the verdict %q, want a refusal with the reason scope", got)
	}
	if got := fmt.Sprint(b.sendCommand(t, http.MethodGet, "/url", nil)); got != env.url+"/page/check#checked" {
		t.Errorf("got URL %s, want a URL without a token", got)
	}
}

// useOtherForms uses the forms of the keys and the faults.
func (b browser) useOtherForms(t *testing.T, env environment) {
	t.Helper()
	before := env.Issuer().SigningKey("").ID()
	b.submit(t, "#keys .title form:last-child button")
	if after := env.Issuer().SigningKey("").ID(); after == before || !strings.Contains(b.visibleText(t, "#keys"), after) {
		t.Errorf("after a click on Rotate: got signing key %s, want a new key on the page", after)
	}
	b.submit(t, `form[action="/page/keys/retire"] button`)
	if n := len(env.Issuer().Keys()); n != 1 {
		t.Errorf("after a click on Withdraw: got %d keys, want 1 key", n)
	}
	b.click(t, `#fault-endpoint option[value="token"]`)
	b.click(t, `#fault-effect option[value="invalid_client"]`)
	b.typeKeys(t, "#fault-times", "7")
	b.submit(t, "#faults button.main")
	if got := b.visibleText(t, "header"); !strings.Contains(got, "the endpoint “token” returns the error invalid_client. The fault ends after 7 more requests.") {
		t.Errorf("got the header %q, want the fault of the endpoint token", got)
	}
	b.submit(t, `[aria-label="Remove the fault of the endpoint token"]`)
	if got := b.visibleText(t, "header"); strings.Contains(got, "“token”") {
		t.Errorf("after a click on Remove: got the header %q, want no fault of the endpoint token", got)
	}
}

// attack is the script of a hostile page. It sends every action to the issuer in every way that a
// page of another site has, and then sets the title of the page.
const attack = `<!doctype html><title>attacking</title><body><script>
const target = "%s", actions = %s;
(async () => {
  const read = [];
  for (const [path, body] of actions) {
    const form = new URLSearchParams(body);
    try { await fetch(target + path, {method: "POST", mode: "no-cors", credentials: "include", body: form}); } catch {}
    try { read.push(await (await fetch(target + path, {method: "POST", body: form})).text()); } catch {}
    try { await fetch(target + path, {method: "POST", mode: "no-cors", body: body}); } catch {}
    try { await fetch(target + path, {method: "POST", mode: "no-cors", referrerPolicy: "no-referrer", body: form}); } catch {}
    navigator.sendBeacon(target + path, form);
    await new Promise((done) => {
      const frame = document.createElement("iframe");
      frame.name = "frame" + path;
      document.body.append(frame);
      const element = document.createElement("form");
      element.method = "post"; element.action = target + path; element.target = frame.name;
      for (const [name, value] of form) { const input = document.createElement("input"); input.name = name; input.value = value; element.append(input); }
      document.body.append(element);
      frame.onload = done;
      element.submit();
    });
  }
  try { read.push(await (await fetch(target + "/")).text()); } catch {}
  const frame = document.createElement("iframe");
  frame.id = "framed"; frame.src = target + "/";
  document.body.append(frame);
  await new Promise((done) => { frame.onload = done; });
  document.title = "read " + read.length;
})();
</script>`

// TestPageInBrowserWithScript uses the page in a browser with JavaScript: the buttons that copy, and
// the form that shows the settings of the selected client. Then it opens hostile pages in the same
// browser.
func TestPageInBrowserWithScript(t *testing.T) {
	b := startBrowser(t, true, "--host-resolver-rules=MAP *.example 127.0.0.1")
	env, c, _ := startWithData(t, scalekit.Config{})
	b.open(t, env.url+"/")
	b.click(t, `#mint-client option[value="`+c.id+`"]`)
	for selector, want := range map[string]string{"#mint-scopes": "deploy:applications", "#mint-audience": "deployment-api.acmecorp.com", "#mint-lifetime": "2 h"} {
		if got := b.runScript(t, "return document.querySelector('"+selector+"').placeholder"); got != want {
			t.Errorf("%s: got placeholder %v, want %s", selector, got, want)
		}
	}
	b.useTokenForms(t, env, c, true)
	b.checkLog(t)
	b.openHostilePages(t)
}

// openHostilePages opens hostile pages in a browser that also reaches the issuer.
func (b browser) openHostilePages(t *testing.T) {
	t.Helper()
	var logged testkit.Buffer
	env, _ := startWith(t, scalekit.Config{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	var actions []string
	for _, action := range pageActions(env) {
		actions = append(actions, fmt.Sprintf("[%q, %q]", action.path, action.form.Encode()))
	}
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, attack, env.url, "["+strings.Join(actions, ",")+"]")
	}))
	defer hostile.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(hostile.URL, "http://"), ":")
	for _, origin := range []string{"http://attacker.example:" + port, "http://127.0.0.1:" + port, "http://localhost:" + port} {
		before := len(logged.String())
		b.open(t, origin+"/")
		title := b.waitForScript(t, "return document.title.startsWith('read ') ? document.title : ''")
		if title != "read 0" {
			t.Errorf("%s: got title %q, want title \"read 0\": the page of the attacker can read a response", origin, title)
		}
		records := logged.String()[before:]
		got, refused, least := strings.Count(records, " path=/page/"), strings.Count(records, " status=403 "), 6*len(actions)
		if got < least || refused != got {
			t.Errorf("%s: got %d requests to actions and %d requests with status 403, want at least %d requests to actions, all with status 403; log:\n%s", origin, got, refused, least, records)
		}
		frame := b.sendCommand(t, http.MethodPost, "/element", map[string]any{"using": "css selector", "value": "#framed"})
		b.sendCommand(t, http.MethodPost, "/frame", map[string]any{"id": frame})
		if got := b.visibleText(t, "body"); strings.Contains(got, "development") {
			t.Errorf("%s: got a frame with the page, want an empty frame", origin)
		}
		b.sendCommand(t, http.MethodPost, "/frame", map[string]any{"id": nil})
	}
	b.rebind(t, env)
	if keys, faults := len(env.Issuer().Keys()), env.statusOf(t, http.MethodGet, "/keys"); keys != 1 || faults != http.StatusOK {
		t.Errorf("got %d keys and status %d of the key set, want 1 key and status 200: an attack has changed the issuer", keys, faults)
	}
}

// rebind runs the script of an attacker whose host name has the address of the issuer. For the
// browser, this script and the issuer have the same origin.
func (b browser) rebind(t *testing.T, env environment) {
	t.Helper()
	_, port, _ := strings.Cut(strings.TrimPrefix(env.url, "http://"), ":")
	b.open(t, "http://rebind.example:"+port+"/keys") // a document of the origin; the key set is public
	requests := []pageRequest{{method: http.MethodGet, path: "/"}}
	for _, action := range pageActions(env) {
		action.method = http.MethodPost
		requests = append(requests, action)
	}
	requests = append(requests, pageRequest{method: http.MethodPost, path: "/oauth/token", form: map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {env.ClientID}, "client_secret": {env.ClientSecret},
	}})
	for _, p := range requests {
		body := "undefined"
		if p.form != nil {
			body = fmt.Sprintf("new URLSearchParams(%q)", p.form.Encode())
		}
		got := fmt.Sprint(b.sendCommand(t, http.MethodPost, "/execute/async", map[string]any{"args": []any{}, "script": fmt.Sprintf(
			"const done = arguments[0]; fetch(%q, {method: %q, body: %s}).then(async (r) => done(r.status + ' ' + await r.text()), (e) => done('' + e))", p.path, p.method, body,
		)}))
		if !strings.HasPrefix(got, "403 The host name in the URL is not a name of this issuer.") {
			t.Errorf("%s %s: got %.200q, want status 403 with the reason", p.method, p.path, got)
		}
	}
}

// waitForScript runs a script until it returns a text that is not empty.
func (b browser) waitForScript(t *testing.T, script string) string {
	t.Helper()
	return fmt.Sprint(b.sendCommand(t, http.MethodPost, "/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[0], get = () => { ` + script + ` };
		const timer = setInterval(() => { const got = get(); if (got) { clearInterval(timer); done(got); } }, 50);`}))
}
