package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestURLFlag(t *testing.T) {
	if banner := startProgram(t, "-url", "https://acme.example").banner; !strings.Contains(banner, "curl -sS 'https://acme.example/keys'") {
		t.Errorf("want a banner with the URL of -url, got\n%s", banner)
	}
}

func TestReachable(t *testing.T) {
	for _, row := range []struct {
		ip   net.IP
		want string
	}{
		{net.IPv4zero, "localhost:8790"},
		{net.IPv6unspecified, "localhost:8790"},
		{net.IPv4(127, 0, 0, 1), "127.0.0.1:8790"},
		{net.IPv6loopback, "[::1]:8790"},
	} {
		if got := clientAddress(&net.TCPAddr{IP: row.ip, Port: 8790}); got != row.want {
			t.Errorf("%s: got %s, want %s", row.ip, got, row.want)
		}
	}
}

// getURL sends a GET request to the program. It returns the body of the response.
func getURL(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: got status %s and error %v, want status 200 and no error", url, response.Status, err)
	}
	return string(body)
}

// clientTrusting returns an HTTP client that trusts the certificate in a file.
func clientTrusting(t *testing.T, file string) *http.Client {
	t.Helper()
	encoded, err := os.ReadFile(file) //nolint:gosec // the program's own file
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(encoded) || bytes.Contains(encoded, []byte("KEY")) {
		t.Fatal("the file must contain a certificate and no key")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}}
}

func TestTLS(t *testing.T) {
	authority := filepath.Join(t.TempDir(), "ca.pem")
	p := startProgram(t, "-tls", "-tls-ca", authority)
	url := p.bannerField(t, "environment URL")
	if !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Fatalf("got environment URL %s, want https", url)
	}
	client := clientTrusting(t, authority)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if body := getURL(t, client, strings.Replace(url, "127.0.0.1", host, 1)+"/.well-known/openid-configuration"); !strings.Contains(body, `"issuer":"`+url+`"`) {
			t.Errorf("%s: got metadata %s, want issuer %s", host, body, url)
		}
	}
	client.CloseIdleConnections()

	// Without -tls-ca, the certificate is in a temporary folder. The program must remove
	// this folder.
	p = startProgram(t, "-tls")
	match := regexp.MustCompile(`trust the certificate in (.*)\.`).FindStringSubmatch(p.banner)
	client = clientTrusting(t, match[1])
	getURL(t, client, p.bannerField(t, "environment URL")+"/keys")
	client.CloseIdleConnections()
	p.stop()
	if _, err := os.Stat(match[1]); !os.IsNotExist(err) {
		t.Errorf("certificate file after the end of the program: got error %v, want an error, because the file must not exist", err)
	}
}

func TestTLSFiles(t *testing.T) {
	folder := t.TempDir()
	pair, err := selfSigned([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	encoded, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, certificate, "CERTIFICATE", pair.Certificate[0])
	writePEM(t, key, "PRIVATE"+" KEY", encoded)
	p := startProgram(t, "-tls-cert", certificate, "-tls-key", key)
	client := clientTrusting(t, certificate)
	getURL(t, client, p.bannerField(t, "environment URL")+"/keys")
	client.CloseIdleConnections()
	if strings.Contains(p.banner, "must trust") {
		t.Errorf("want a banner without \"must trust\", because the user chose the certificate, got\n%s", p.banner)
	}
}

const seedFile = `
client_id: skc_1
client_secret: test_of_the_environment
organizations:
  - id: org_1
    display_name: Acme
    clients:
      - {client_id: m2morg_1, client_secret: test_of_the_client, scopes: [a, b]}
      - {client_id: m2morg_2, name: Second}
`

func TestSeedAndState(t *testing.T) {
	folder := t.TempDir()
	seed, state := filepath.Join(folder, "seed.yaml"), filepath.Join(folder, "state.json")
	if err := os.WriteFile(seed, []byte(seedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "-seed", seed, "-state", state)
	if p.bannerField(t, "client secret") != "test_of_the_environment" || !strings.Contains(p.banner, "client             Second\n  client ID        m2morg_2\n  client secret    test_") {
		t.Errorf("want a banner with the credentials of the seed, got\n%s", p.banner)
	}
	keys := getURL(t, http.DefaultClient, p.bannerField(t, "environment URL")+"/keys")
	answers := runBanner(t, p.banner)
	p.stop()

	p = startProgram(t, "-seed", seed, "-state", state)
	if !strings.Contains(p.banner, "\nTo add a secret, restart the program with -new-secret.\n") || !strings.Contains(p.banner, "The seed was ignored") {
		t.Errorf("want a banner with -new-secret and \"The seed was ignored\", got\n%s", p.banner)
	}
	url := p.bannerField(t, "environment URL")
	if again := getURL(t, http.DefaultClient, url+"/keys"); !strings.Contains(again, keys[9:40]) {
		t.Errorf("after the restart: got keys %s, want keys %s", again, keys)
	}
	created, _ := answers[0]["client"].(map[string]any)
	form := map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {fmt.Sprint(created["client_id"])}, "client_secret": {fmt.Sprint(answers[0]["plain_secret"])},
	}
	response, err := http.PostForm(url+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("token request after the restart: got status %s, want status 200", response.Status)
	}
	p.stop()
	p = startProgram(t, "-state", state, "-new-secret")
	if got := p.bannerField(t, "client secret"); !strings.HasPrefix(got, "test_") || got == "test_of_the_environment" {
		t.Errorf("got client secret %s, want a new secret", got)
	}
}

// TestSeedFile checks the file seed.yaml. Users copy this file.
func TestSeedFile(t *testing.T) {
	p := startProgram(t, "-seed", "seed.yaml")
	if p.bannerField(t, "client ID") != "skc_10000000000000001" || p.bannerField(t, "organization ID") != "org_10000000000000001" {
		t.Errorf("want a banner with the IDs of seed.yaml, got\n%s", p.banner)
	}
	for id, secret := range map[string]string{"m2morg_10000000000000001": "test_deployer_secret", "m2morg_10000000000000002": "test_reader_secret"} {
		token(t, p.bannerField(t, "environment URL"), id, secret)
	}
}

func TestAccessLog(t *testing.T) {
	p := startProgram(t, "-log", "json")
	answers := runBanner(t, p.banner)
	getURL(t, http.DefaultClient, p.bannerField(t, "environment URL")+"/.well-known/openid-configuration?client_secret=in_the_query")
	p.stop()
	var granted, queried bool
	for line := range strings.Lines(p.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("got log line %q, want a line in JSON; error: %v", line, err)
		}
		granted = granted || entry["path"] == "/oauth/token" && entry["status"] == 200.0 && strings.HasPrefix(fmt.Sprint(entry["client"]), "m2morg_") && strings.HasPrefix(fmt.Sprint(entry["token_id"]), "tkn_")
		queried = queried || entry["path"] == "/.well-known/openid-configuration"
	}
	if !granted || !queried {
		t.Errorf("want a log line for the token and a log line for the metadata, got\n%s", p.log)
	}
	for _, secret := range []string{p.bannerField(t, "client secret"), fmt.Sprint(answers[0]["plain_secret"]), fmt.Sprint(answers[1]["access_token"]), "in_the_query"} {
		if strings.Contains(p.log.String(), secret) {
			t.Error("the log contains a secret or a token")
		}
	}
	quiet := startProgram(t, "-log", "off")
	getURL(t, http.DefaultClient, quiet.bannerField(t, "environment URL")+"/keys")
	quiet.stop()
	if quiet.log.String() != "" {
		t.Errorf("-log off: got log %s, want an empty log", quiet.log)
	}
}

// TestStopsWithHangingRequests checks that the program can stop while a fault keeps a
// request open.
func TestStopsWithHangingRequests(t *testing.T) {
	p := startProgram(t)
	url := p.bannerField(t, "environment URL")
	admin := token(t, url, p.bannerField(t, "client ID"), p.bannerField(t, "client secret"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/dev/faults/keys", strings.NewReader(`{"hang":true}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	hangs := make(chan error, 1)
	go func() {
		response, err := http.Get(url + "/keys")
		if err == nil {
			response.Body.Close()
		}
		hangs <- err
	}()
	begun := time.Now()
	p.stop()
	if err := <-hangs; err == nil {
		t.Error("got a response to the hanging request, want an error")
	}
	if took := time.Since(begun); took > grace {
		t.Errorf("the program took %v to stop, want at most %v", took, grace)
	}
}

func TestRunRefuses(t *testing.T) {
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte(`{"format":`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free := []string{"-addr", "127.0.0.1:0"}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", "0.0.0.0:0"}, "not a loopback address"},
		{[]string{"-addr", ":0"}, "not a loopback address"},
		{[]string{"-addr", "[::]:0"}, "not a loopback address"},
		{[]string{"-addr", "192.0.2.1:0"}, "not a loopback address"},
		{[]string{"-addr", "127.0.0.1"}, "missing port"},
		{[]string{"-addr", taken.Addr().String()}, "address already in use; set -addr to a different port"},
		{[]string{"-addr", taken.Addr().String()}, "-addr \""},
		{append(free, "-url", "acme.example/"), "Config.URL"},
		{append(free, "-seed", "none.yaml"), "-seed"},
		{append(free, "-seed", empty), "Config.Seed"},
		{append(free, "-seed", broken), "Config.Seed"},
		{append(free, "-state", broken), "truncated"},
		{append(free, "-state", empty), "truncated"},
		{append(free, "-tls", "-tls-cert", "a", "-tls-key", "b"), "set only one of the two flags"},
		{append(free, "-tls-cert", "a"), "must be set together"},
		{append(free, "-tls-cert", "none.pem", "-tls-key", "none.pem"), "-tls-cert, -tls-key"},
		{append(free, "-tls-ca", "a"), "-tls-ca"},
		{append(free, "-tls", "-url", "http://localhost:8790"), "the URL must begin with https://"},
		{append(free, "-new-secret"), "-new-secret"},
		{append(free, "-log", "xml"), "must be text, json or off"},
		{[]string{"-unknown"}, "-unknown"},
		{[]string{"more"}, `unexpected argument "more"`},
	} {
		if err := run(t.Context(), row.args, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: got error %v, want an error with %q", row.args, err, row.want)
		}
	}
}
