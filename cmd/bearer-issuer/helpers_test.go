package main

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/internal/testkit"
)

// writePEM writes a PEM file.
func writePEM(t *testing.T, name, kind string, encoded []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: encoded}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// token requests a token for a client.
func token(t *testing.T, url, id, secret string) string {
	t.Helper()
	response, err := http.PostForm(url+"/oauth/token", map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&granted); err != nil || granted.AccessToken == "" {
		t.Fatalf("token request: got status %s and error %v, want a token", response.Status, err)
	}
	return granted.AccessToken
}

// program is a running issuer.
type program struct {
	banner string
	rotate chan<- os.Signal
	lines  *bufio.Scanner // output after the banner
	log    *testkit.Buffer
	stop   func() // stops the program and waits for the end of the program; an error fails the test
}

// startProgram starts the program and waits for the banner. The program is stopped at the
// end of the test.
func startProgram(t *testing.T, args ...string) program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	rotate := make(chan os.Signal, 1)
	p := program{rotate: rotate, lines: bufio.NewScanner(reader), log: &testkit.Buffer{}}
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), rotate, writer, p.log)
		writer.CloseWithError(err)
		ended <- err
	}()
	for p.lines.Scan() {
		p.banner += p.lines.Text() + "\n"
		if strings.HasPrefix(p.lines.Text(), "Ctrl-C") {
			break
		}
	}
	if err := p.lines.Err(); err != nil {
		t.Fatal(err)
	}
	p.stop = sync.OnceFunc(func() {
		cancel()
		if !p.lines.Scan() || p.lines.Text() != "Stopped." || p.lines.Scan() {
			t.Errorf("got last line %q and error %v, want last line \"Stopped.\" and no error", p.lines.Text(), p.lines.Err())
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

// bannerField returns the value of a field of the banner.
func (p program) bannerField(t *testing.T, name string) string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^ *` + name + `  +(.*)$`).FindStringSubmatch(p.banner)
	if match == nil {
		t.Fatalf("want a banner with the field %q, got\n%s", name, p.banner)
	}
	return match[1]
}
