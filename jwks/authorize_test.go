package jwks_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/jwks"
)

// secretToken is the token in these tests. It must not be in a log or an error.
const secretToken = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.AAA-_~+/=="

// The token in AuthorizationFile is sent with each request, in its current version.
func TestAuthorizationFile(t *testing.T) {
	own := newAuthority(t, "own")
	e := newEndpoint(t, own.issue(t))
	e.require = "Bearer " + secretToken
	path := newFile(t, "\n "+secretToken+"\r\n")
	var logged lockedBuffer
	o := &jwks.Options{RootCAs: own.pool(), AuthorizationFile: path, Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	c := defaultCache(t, e.URL, o)
	wantRefresh(t, "token", c)
	want(t, "requests", strings.Join(slices.Compact(e.seen()), "; "), "/.well-known/openid-configuration Bearer "+secretToken+"; /keys Bearer "+secretToken)
	e.update(func(e *endpoint) { e.require = "Bearer next" })
	wantRefresh(t, "old token", c, "401", "jwks.Options.AuthorizationFile")
	writeFile(t, path, "next")
	wantRefresh(t, "next token", c)
	for name, content := range map[string]string{
		"empty":               " \n",
		"two lines":           secretToken + "\n" + secretToken,
		"a field of a header": secretToken + "\r\nX-Admin: 1",
		"NUL":                 secretToken + "\x00",
		"DEL":                 secretToken + "\x7f",
		"not ASCII":           secretToken + "é",
		"BOM":                 "\ufeff" + secretToken,
		"a scheme":            "Bearer " + secretToken,
		"a quote":             `"` + secretToken + `"`,
		"= in the middle":     "a=b",
		"only =":              "==",
		"comma":               "a,b",
		"too long":            strings.Repeat("a", 16<<10+1),
		"too long with space": secretToken + strings.Repeat(" ", 16<<10),
	} {
		before := len(e.seen())
		writeFile(t, path, content)
		wantRefresh(t, name, c, "jwks.Options.AuthorizationFile: ", path)
		want(t, name+": requests", len(e.seen())-before, 0)
		_, err := jwks.New(e.URL+"/keys", &jwks.Options{AuthorizationFile: path})
		wantText(t, err, "Options.AuthorizationFile: ", path)
		noSecret(t, name, err)
	}
	writeFile(t, path, strings.Repeat("a", 16<<10))
	e.update(func(e *endpoint) { e.require = "" })
	wantRefresh(t, "longest token", c)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantRefresh(t, "no file", c, "jwks.Options.AuthorizationFile: ", path)
	want(t, "lookup", outcome(second(c.Lookup("a", "ES256"))), "ok") // the keys stay in use
	noSecret(t, "log", logged.take())
	writeFile(t, path, secretToken)
	for _, value := range []any{*o, o, c, c.Status(), struct{ O *jwks.Options }{o}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			noSecret(t, verb, fmt.Sprintf(verb, value))
		}
		text, err := json.Marshal(value)
		noSecret(t, "JSON", string(text), err)
	}
}

func second[T any](_ T, err error) error { return err }

func noSecret(t *testing.T, label string, values ...any) {
	t.Helper()
	for _, value := range values {
		if text := fmt.Sprint(value); strings.Contains(text, "c2VjcmV0") || strings.Contains(text, "eyJ") {
			t.Errorf("%s: the text contains the token: %s", label, text)
		}
	}
}

// A file that is not regular is not opened, because opening a named pipe can block.
func TestAuthorizationFileIsRegular(t *testing.T) {
	_, err := jwks.New("https://127.0.0.1:1/keys", &jwks.Options{AuthorizationFile: t.TempDir()})
	wantText(t, err, "Options.AuthorizationFile: ", "not a regular file")
	if runtime.GOOS != "linux" {
		return
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil { //nolint:gosec // a path of the test
		t.Fatal(err)
	}
	_, err = jwks.New("https://127.0.0.1:1/keys", &jwks.Options{AuthorizationFile: pipe, RootCAFile: pipe})
	wantText(t, err, "Options.AuthorizationFile: ", "Options.RootCAFile: ", "not a regular file")
	// Kubernetes mounts links.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(newFile(t, "token"), link); err != nil {
		t.Fatal(err)
	}
	c, err := jwks.New("https://127.0.0.1:1/keys", &jwks.Options{AuthorizationFile: link, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// Metadata can name any origin. Only the origin of the configured URL, and the origins that are
// configured, get the token.
func TestAuthorizationOrigins(t *testing.T) {
	own := newAuthority(t, "own")
	e, attacker := newEndpoint(t, own.issue(t)), newEndpoint(t, own.issue(t))
	path, port := newFile(t, secretToken), strings.TrimPrefix(e.URL, "https://127.0.0.1:")
	discover := func(uri string, origins ...string) *jwks.Cache {
		e.update(func(e *endpoint) { e.jwksURI = uri })
		return defaultCache(t, e.URL, &jwks.Options{RootCAs: own.pool(), AuthorizationFile: path, AuthorizationOrigins: origins})
	}
	for name, row := range map[string]struct{ uri, origin string }{
		"another port":         {attacker.URL + "/keys", attacker.URL},
		"another name":         {"https://localhost:" + port + "/keys", "https://localhost:" + port},
		"another spelling":     {"https://[::ffff:127.0.0.1]:" + port + "/keys", "https://[::ffff:127.0.0.1]:" + port},
		"a dot at the end":     {"https://127.0.0.1.:" + port + "/keys", "https://127.0.0.1.:" + port},
		"a prefix of the host": {"https://127.0.0.1.attacker.example:" + port + "/keys", "https://127.0.0.1.attacker.example:" + port},
		"no port":              {"https://127.0.0.1/keys", "https://127.0.0.1:443"},
	} {
		before := len(e.seen())
		c := discover(row.uri, "https://listed.example", "https://127.0.0.2:"+port)
		wantRefresh(t, name, c, row.origin+" must not get", "jwks.Options.AuthorizationOrigins")
		for _, request := range e.seen()[before:] {
			if !strings.HasPrefix(request, "/.well-known/") {
				t.Errorf("%s: got request %q, want only requests for metadata", name, request)
			}
		}
	}
	want(t, "requests at the attacker", len(attacker.seen()), 0)
	for name, row := range map[string]struct{ uri, listed string }{
		"listed":               {attacker.URL + "/keys", attacker.URL},
		"listed with a slash":  {attacker.URL + "/keys", attacker.URL + "/"},
		"listed in upper case": {attacker.URL + "/keys", strings.ToUpper(attacker.URL)},
		"name":                 {"https://LOCALHOST:" + port + "/keys", "https://localhost:" + port},
		"scheme in upper case": {"HTTPS://127.0.0.1:" + port + "/keys", "https://listed.example"},
	} {
		wantRefresh(t, name, discover(row.uri, row.listed))
	}
	for _, request := range attacker.seen() {
		want(t, "request at the listed origin", request, "/keys Bearer "+secretToken)
	}
	// Without credentials, metadata may name each origin, as before.
	wantRefresh(t, "no credentials", defaultCache(t, e.URL, &jwks.Options{RootCAs: own.pool()}))

	for _, bad := range []string{
		"", "*", "https://*.example", "a.example", "a.example:443", "//a.example", "ftp://a.example", "http://a.example", "https://", "https://a.example/path",
		"https://a.example?q", "https://a.example/?", "https://me:c2VjcmV0@a.example", "https://a.example#", "https://a.example:x",
	} {
		_, err := jwks.New(e.URL, &jwks.Options{AuthorizationFile: path, AuthorizationOrigins: []string{"https://a.example", bad}})
		wantText(t, err, "Options.AuthorizationOrigins: ")
		noSecret(t, bad, err)
	}
	_, err := jwks.New(e.URL, &jwks.Options{AuthorizationOrigins: []string{"https://a.example"}})
	wantText(t, err, "Options.AuthorizationOrigins: works with AuthorizationFile or ClientCertificate only")
}

// A redirect gets the token only within the origin.
func TestAuthorizationAndRedirects(t *testing.T) {
	own := newAuthority(t, "own")
	e, attacker := newEndpoint(t, own.issue(t)), newEndpoint(t, own.issue(t))
	for name, row := range map[string]struct {
		target string
		listed []string
		want   []string
	}{
		"same origin":           {"/keys", nil, nil},
		"same origin, whole":    {e.URL + "/keys", nil, nil},
		"other origin":          {attacker.URL + "/keys", nil, []string{"redirect refused"}},
		"other origin, listed":  {attacker.URL + "/keys", []string{attacker.URL}, []string{"redirect refused"}},
		"http":                  {strings.Replace(e.URL, "https", "http", 1) + "/keys", nil, []string{"redirect refused"}},
		"scheme-relative":       {"//" + strings.TrimPrefix(attacker.URL, "https://") + "/keys", nil, []string{"redirect refused"}},
		"another name, no port": {"https://localhost/keys", nil, []string{"redirect refused"}},
	} {
		e.update(func(e *endpoint) { e.redirect, e.requests = row.target, nil })
		c := defaultCache(t, e.URL+"/moved", &jwks.Options{RootCAs: own.pool(), AuthorizationFile: newFile(t, secretToken), AuthorizationOrigins: row.listed})
		wantRefresh(t, name, c, row.want...)
		for _, request := range e.seen() {
			if !strings.HasSuffix(request, " Bearer "+secretToken) {
				t.Errorf("%s: got request %q, want a token", name, request)
			}
		}
	}
	want(t, "requests at the attacker", len(attacker.seen()), 0)
}

// The letter U+0130 becomes "i" in lower case, but net/http connects to a different host with it.
func TestOriginIsASCII(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.answer = func(r *http.Request) *http.Response {
			if r.URL.Path == "/keys" && r.URL.Host == "issuer.test" {
				return response(r, http.StatusFound, http.Header{"Location": {"https://\u0130ssuer.test/stolen"}}, nil)
			}
			return response(r, http.StatusOK, nil, i.doc)
		}
		c := newCache(t, i)
		want(t, "lookup", outcome(second(c.Lookup("a", "ES256"))), "unavailable")
		want(t, "requests", strings.Join(slices.Compact(i.urls), " "), keySetURL)
	})
	path := newFile(t, secretToken)
	for url, refused := range map[string]bool{
		"https://issuer.test/keys":                  false,
		"https://issuer.test:443":                   false,
		"https://ISSUER.test/x":                     false,
		"https://\u0130ssuer.test/keys":             true,
		"https://i\u017f\u017fuer.test/":            true,
		"https://issuer.test./keys":                 true,
		"https://issuer.test:8443/keys":             true,
		"http://issuer.test/keys":                   true,
		"https://issuer.test.attacker.example/keys": true,
		"https://attacker.example/issuer.test":      true,
		"https://issuer.test@attacker.example/":     true,
		"https://xn--ssuer-2bb.test/keys":           true,
	} {
		sent, err := jwks.Authorize("https://issuer.test/keys", url, path)
		want(t, url+": refused", err != nil, refused)
		want(t, url+": Authorization", sent, map[bool]string{true: "", false: "Bearer " + secretToken}[refused])
	}
}

// With http, the token is sent to loopback hosts only.
func TestAuthorizationInClear(t *testing.T) {
	path := newFile(t, secretToken)
	for name, construct := range map[string]func(o *jwks.Options) (*jwks.Cache, error){
		"New":      func(o *jwks.Options) (*jwks.Cache, error) { return jwks.New("http://issuer.test/keys", o) },
		"Discover": func(o *jwks.Options) (*jwks.Cache, error) { return jwks.Discover("http://issuer.test", o) },
		"MetadataURL": func(o *jwks.Options) (*jwks.Cache, error) {
			o.MetadataURL = "http://issuer.test/m"
			return jwks.Discover("x", o)
		},
		"KeysURL": func(o *jwks.Options) (*jwks.Cache, error) {
			o.KeysURL = "http://issuer.test/k"
			return jwks.Discover("x", o)
		},
	} {
		_, err := construct(&jwks.Options{InsecureHTTP: true, AuthorizationFile: path})
		wantText(t, err, "Options.AuthorizationFile", "http is not encrypted")
		_, err = construct(&jwks.Options{InsecureHTTP: true, ClientCertificate: noCertificate})
		wantText(t, err, "Options.ClientCertificate", "http is not encrypted")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = w.Write(document(ecKey("a")))
	}))
	defer srv.Close()
	wantRefresh(t, "loopback", defaultCache(t, srv.URL+"/keys", &jwks.Options{AuthorizationFile: path}))
	want(t, "Authorization", got, "Bearer "+secretToken)
	for url, refused := range map[string]bool{
		"http://issuer.test/": true, "http://10.0.0.1/": true, "http://localhost.test/": true,
		"https://issuer.test/": false, "http://127.0.0.1/": false, "http://[::1]/": false, "http://localhost/": false,
	} {
		sent, err := jwks.Authorize(url, url, path)
		want(t, url+": refused", err != nil, refused)
		want(t, url+": Authorization", sent, map[bool]string{true: "", false: "Bearer " + secretToken}[refused])
	}
}

// proxy records what a proxy can read: the requests of clients, and not the content of tunnels. It
// connects each tunnel to the address in target.
func proxy(t *testing.T, target string) (url string, seen func() string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	var log strings.Builder
	serve := func(c net.Conn) {
		defer func() { _ = c.Close() }()
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		mu.Lock()
		fmt.Fprintln(&log, r.Method, r.RequestURI, r.Header)
		mu.Unlock()
		to, err := new(net.Dialer).DialContext(t.Context(), "tcp", target)
		if err != nil {
			return
		}
		defer func() { _ = to.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, in) }()
		_, _ = io.Copy(c, to)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return "http://" + l.Addr().String(), func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
}

// A proxy cannot read the token. net/http reads the environment once for each process, so the test
// runs in a process of its own.
func TestAuthorizationAndProxy(t *testing.T) {
	if os.Getenv("JWKS_TEST_PROXY") != "" {
		o := &jwks.Options{RootCAFile: os.Getenv("JWKS_TEST_CA"), AuthorizationFile: os.Getenv("JWKS_TEST_TOKEN")}
		if strings.HasPrefix(os.Getenv("HTTPS_PROXY"), "https:") {
			o.ClientCertificate = noCertificate
			wantRefresh(t, "https proxy", defaultCache(t, "https://issuer.example/keys", o), "ClientCertificate does not work with a proxy that has an https URL")
			return
		}
		wantRefresh(t, "proxy", defaultCache(t, "https://issuer.example/keys", o))
		return
	}
	own := newAuthority(t, "own")
	e := newEndpoint(t, own.issue(t, "issuer.example"))
	e.require = "Bearer " + secretToken
	url, seen := proxy(t, e.Listener.Addr().String())
	ca, token := newFile(t, own.pem()), newFile(t, secretToken)
	for _, via := range []string{url, strings.Replace(url, "http:", "https:", 1)} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAuthorizationAndProxy$", "-test.v") //nolint:gosec // the test itself
		cmd.Env = append(os.Environ(), "JWKS_TEST_PROXY=1", "JWKS_TEST_CA="+ca, "JWKS_TEST_TOKEN="+token, "HTTPS_PROXY="+via, "https_proxy="+via, "NO_PROXY=", "no_proxy=")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestAuthorizationAndProxy") {
			t.Errorf("proxy %s: got error %v, want none: %s", via, err, out)
		}
	}
	if got := seen(); strings.Count(got, "CONNECT issuer.example:443") == 0 || strings.Contains(got, "Authorization") || strings.Contains(got, secretToken) {
		t.Errorf("requests that the proxy can read: got %q, want CONNECT without a token", got)
	}
	want(t, "request at the issuer", e.seen()[0], "/keys Bearer "+secretToken)
}
