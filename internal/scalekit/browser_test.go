package scalekit_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// browser is a session of chromedriver (W3C WebDriver).
type browser struct {
	session string // URL of the session
}

// startBrowser starts Chromium. Pages cannot run JavaScript in this browser. If Chromium or
// chromedriver is missing, startBrowser skips the test.
func startBrowser(t *testing.T) browser {
	t.Helper()
	var chromium string
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
		}
	}
	if _, err := exec.LookPath("chromedriver"); err != nil || chromium == "" {
		t.Skip("this test needs chromium and chromedriver")
	}
	// The driver must run until the session is closed, because the browser continues
	// to run if the driver is killed. The test's context ends before the session is
	// closed, so the driver gets a different context.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	driver := exec.CommandContext(ctx, "chromedriver", "--port=0")
	driver.Cancel = func() error { return driver.Process.Signal(os.Interrupt) }
	driver.WaitDelay = 5 * time.Second
	out, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		cancel()
		t.Skip("chromedriver does not start: ", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = driver.Wait() // the call of cancel has interrupted the driver, so Wait returns an error
	})
	var port string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, after, ok := strings.Cut(lines.Text(), "started successfully on port "); ok {
			port = strings.TrimRight(after, ".")
			break
		}
	}
	if port == "" {
		t.Skip("chromedriver does not print its port")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends when the driver ends
	b := browser{"http://127.0.0.1:" + port}
	created := b.sendCommand(t, http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:loggingPrefs": map[string]any{"browser": "ALL"},
		"goog:chromeOptions": map[string]any{
			"binary": chromium,
			"args": []string{
				"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
				"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(),
			},
			"prefs": map[string]any{"profile.managed_default_content_settings.javascript": 2},
		},
	}}})
	session, _ := created.(map[string]any)
	b.session = b.session + "/session/" + fmt.Sprint(session["sessionId"])
	t.Cleanup(func() {
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodDelete, b.session, nil)
		if err != nil {
			t.Error(err)
			return
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		response.Body.Close()
	})
	return b
}

// sendCommand sends a WebDriver command and returns the value in the response.
func (b browser) sendCommand(t *testing.T, method, path string, body any) any {
	t.Helper()
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, b.session+path, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Value any `json:"value"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: got status %s with value %v and error %v, want status 200 and no error", method, path, response.Status, answer.Value, err)
	}
	return answer.Value
}

// runScript runs a script of the test. The browser runs scripts of the test, although the
// browser does not run scripts of pages.
func (b browser) runScript(t *testing.T, script string) any {
	t.Helper()
	return b.sendCommand(t, http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}})
}

// visibleText returns the visible text of an element.
func (b browser) visibleText(t *testing.T, selector string) string {
	t.Helper()
	element, _ := b.sendCommand(t, http.MethodPost, "/element", map[string]any{"using": "css selector", "value": selector}).(map[string]any)
	for _, id := range element {
		return fmt.Sprint(b.sendCommand(t, http.MethodGet, fmt.Sprint("/element/", id, "/text"), nil))
	}
	return ""
}

func (b browser) clickLink(t *testing.T, link string) {
	t.Helper()
	element, _ := b.sendCommand(t, http.MethodPost, "/element", map[string]any{"using": "link text", "value": link}).(map[string]any)
	for _, id := range element {
		b.sendCommand(t, http.MethodPost, fmt.Sprint("/element/", id, "/click"), map[string]any{})
	}
}

func TestPageInBrowser(t *testing.T) {
	b := startBrowser(t)
	env, c, token := startWithData(t, scalekit.Config{})

	// The scripts of pages must be switched off in the browser. Otherwise, the checks below
	// do not show that the page works without JavaScript.
	b.sendCommand(t, http.MethodPost, "/url", map[string]any{"url": "data:text/html,<title>off</title><script>document.title='on'</script>"})
	if title := b.sendCommand(t, http.MethodGet, "/title", nil); title != "off" {
		t.Fatalf("got title %v, want title off: this browser runs the JavaScript of a page", title)
	}

	b.sendCommand(t, http.MethodPost, "/url", map[string]any{"url": env.url + "/"})
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
	if got := b.runScript(t, "return document.scripts.length + document.images.length"); got != 0.0 {
		t.Errorf("got %v scripts and images, want 0 scripts and images", got)
	}
	for _, width := range []int{360, 1280} { // the page must not be wider than the window
		b.sendCommand(t, http.MethodPost, "/window/rect", map[string]any{"width": width, "height": 900})
		if got := b.runScript(t, "return document.documentElement.scrollWidth - document.documentElement.clientWidth"); got != 0.0 {
			t.Errorf("window width %d: got a page that is %v pixels too wide, want a page that fits", width, got)
		}
	}
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
	b.clickLink(t, "Recent tokens")
	if got := fmt.Sprint(b.sendCommand(t, http.MethodGet, "/url", nil)); got != env.url+"/#tokens" {
		t.Errorf("after a click on Recent tokens: got URL %s, want URL %s", got, env.url+"/#tokens")
	}
	b.clickLink(t, "Refresh")
	if got := fmt.Sprint(b.sendCommand(t, http.MethodGet, "/url", nil)); got != env.url+"/" {
		t.Errorf("after a click on Refresh: got URL %s, want URL %s", got, env.url+"/")
	}
	messages, _ := b.sendCommand(t, http.MethodPost, "/se/log", map[string]any{"type": "browser"}).([]any)
	for _, message := range messages {
		if text := fmt.Sprint(message); !strings.Contains(text, "favicon") {
			t.Errorf("got the message %q in the browser's log, want no message", text)
		}
	}
}
