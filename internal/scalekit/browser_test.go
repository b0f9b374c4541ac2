package scalekit_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browser is a session of chromedriver (W3C WebDriver).
type browser struct {
	session string // URL of the session
}

// startBrowser starts Chromium. If script is false, pages cannot run JavaScript in this browser. The
// arguments args are flags of Chromium. If Chromium or chromedriver is missing, startBrowser skips
// the test.
func startBrowser(t *testing.T, script bool, args ...string) browser {
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
	javascript := map[bool]int{true: 1, false: 2}[script]
	created := b.sendCommand(t, http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:loggingPrefs": map[string]any{"browser": "ALL"},
		"goog:chromeOptions": map[string]any{
			"binary": chromium,
			"args": append([]string{
				"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
				"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(),
			}, args...),
			"prefs": map[string]any{"profile.managed_default_content_settings.javascript": javascript},
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
	value, status := b.tryCommand(t, method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: got status %d with value %v, want status 200", method, path, status, value)
	}
	return value
}

// tryCommand sends a WebDriver command and returns the value and the status of the response.
func (b browser) tryCommand(t *testing.T, method, path string, body any) (value any, status int) {
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
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: got status %s and error %v, want no error", method, path, response.Status, err)
	}
	return answer.Value, response.StatusCode
}

// runScript runs a script of the test. The browser runs scripts of the test, although the
// browser does not run scripts of pages.
func (b browser) runScript(t *testing.T, script string) any {
	t.Helper()
	return b.sendCommand(t, http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}})
}

// open opens a URL and waits for the end of loading.
func (b browser) open(t *testing.T, url string) {
	t.Helper()
	b.sendCommand(t, http.MethodPost, "/url", map[string]any{"url": url})
}

// find returns the path of the commands for an element. The parameter using is "css selector" or
// "link text".
func (b browser) find(t *testing.T, using, value string) string {
	t.Helper()
	element, _ := b.sendCommand(t, http.MethodPost, "/element", map[string]any{"using": using, "value": value}).(map[string]any)
	for _, id := range element {
		return fmt.Sprint("/element/", id)
	}
	t.Fatalf("got no element for %s %q", using, value)
	return ""
}

// visibleText returns the visible text of an element.
func (b browser) visibleText(t *testing.T, selector string) string {
	t.Helper()
	return fmt.Sprint(b.sendCommand(t, http.MethodGet, b.find(t, "css selector", selector)+"/text", nil))
}

// submit clicks a button that submits a form, and waits for the next page.
func (b browser) submit(t *testing.T, selector string) {
	t.Helper()
	b.runScript(t, "window.isOldPage = true")
	b.click(t, selector)
	loaded := map[string]any{"script": "return !window.isOldPage && document.readyState === 'complete'", "args": []any{}}
	end := time.After(20 * time.Second)
	for poll := time.NewTicker(20 * time.Millisecond); ; {
		// A script fails while the browser changes the page.
		if value, status := b.tryCommand(t, http.MethodPost, "/execute/sync", loaded); status == http.StatusOK && value == true {
			poll.Stop()
			return
		}
		select {
		case <-poll.C:
		case <-end:
			t.Fatalf("%s: got no new page after 20 s", selector)
		}
	}
}

// click clicks an element.
func (b browser) click(t *testing.T, selector string) {
	t.Helper()
	b.sendCommand(t, http.MethodPost, b.find(t, "css selector", selector)+"/click", map[string]any{})
}

// typeKeys types text into an element.
func (b browser) typeKeys(t *testing.T, selector, text string) {
	t.Helper()
	b.sendCommand(t, http.MethodPost, b.find(t, "css selector", selector)+"/value", map[string]any{"text": text})
}

func (b browser) clickLink(t *testing.T, link string) {
	t.Helper()
	b.sendCommand(t, http.MethodPost, b.find(t, "link text", link)+"/click", map[string]any{})
}

// checkLog fails the test if the browser has logged a message. A violation of the
// Content-Security-Policy is such a message.
func (b browser) checkLog(t *testing.T) {
	t.Helper()
	messages, _ := b.sendCommand(t, http.MethodPost, "/se/log", map[string]any{"type": "browser"}).([]any)
	for _, message := range messages {
		if text := fmt.Sprint(message); !strings.Contains(text, "favicon") {
			t.Errorf("got the message %q in the browser's log, want no message", text)
		}
	}
}

// checkWidths fails the test if the page is wider than a window of a usual width.
func (b browser) checkWidths(t *testing.T, name string) {
	t.Helper()
	for _, width := range []int{360, 420, 830, 1280} {
		b.sendCommand(t, http.MethodPost, "/window/rect", map[string]any{"width": width, "height": 900})
		if got := b.runScript(t, "return document.documentElement.scrollWidth - document.documentElement.clientWidth"); got != 0.0 {
			t.Errorf("%s, window width %d: got a page that is %v pixels too wide, want a page that fits", name, width, got)
		}
	}
}
