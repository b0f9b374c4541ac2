package stranger_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPrograms runs the commands and the program of each section of docs/install.md in an empty
// folder. Then it calls the program by the words of the page: with a token, with a token for a
// different scope, and without a token.
func TestPrograms(t *testing.T) {
	needsRelease(t)
	i := startIssuer(t)
	var titles []string
	for _, s := range sections(t, installPage) {
		commands := slices.DeleteFunc(s.blocks("sh"), func(block string) bool { return !strings.HasPrefix(block, "go mod init ") })
		if len(commands) == 0 {
			continue
		}
		titles = append(titles, s.title)
		t.Run(s.title, func(t *testing.T) {
			address := freeAddress(t)
			dir, p := t.TempDir(), (*process)(nil)
			file, source := programOf(t, s)
			write(t, filepath.Join(dir, file), i.replace(source, address))
			for line := range strings.Lines(commands[0]) {
				if p = follow(t, dir, strings.TrimSpace(line)); p != nil {
					waitForServer(t, p, address)
				}
			}
			if check, ok := checks[s.title]; ok {
				check(t, i, p, address)
			} else {
				checkHTTP(t, i, p, address)
			}
		})
	}
	if want := []string{"net/http", "chi", "gin", "echo v4", "echo v5", "gRPC", "Metrics", "Tracing", "Tests of your own service"}; !slices.Equal(titles, want) {
		t.Errorf("%s: got sections with commands %q, want %q", installPage, titles, want)
	}
}

// programOf returns the name and the text of the file of a section. The section net/http has no
// program of its own. It names the program of README.md.
func programOf(t *testing.T, s section) (file, source string) {
	t.Helper()
	if s.title == "net/http" {
		if want := "The program is in [README.md](../README.md)."; !strings.Contains(s.text, want) {
			t.Fatalf("%s: section net/http: want a text with %q", installPage, want)
		}
		if got, want := findSection(t, readmePage, tenMinutes).block(t, "sh", "go get"), s.block(t, "sh", "go get"); got != want {
			t.Errorf("%s: got commands %q, want the commands of %s %q", readmePage, got, installPage, want)
		}
		return "main.go", readmeProgram(t)
	}
	source = s.block(t, "go", "package ")
	if strings.HasPrefix(source, "package main\n") {
		return "main.go", source
	}
	return "api_test.go", source
}

// follow runs one command of a page. In place of go run, it vets, builds and starts the program,
// because a signal to go run does not reach the program.
func follow(t *testing.T, dir, line string) *process {
	t.Helper()
	if line != "go run ." {
		t.Logf("$ %s\n%s", line, command(t, dir, strings.Fields(line)...))
		return nil
	}
	command(t, dir, "go", "vet", "./...")
	program := filepath.Join(dir, "program.exe") // Windows needs the suffix
	command(t, dir, "go", "build", "-o", program, ".")
	t.Logf("$ %s", line)
	return start(t, dir, program)
}

// checks has the checks for sections whose program is not only a service with the route
// POST /deployments.
var checks = map[string]func(t *testing.T, i issuer, p *process, address string){
	"gRPC":    checkGRPC,
	"Metrics": checkMetrics,
	"Tracing": checkTracing,
	"Tests of your own service": func(*testing.T, issuer, *process, string) {
		// The command go test has run the test.
	},
}

// checkHTTP calls a service three times.
func checkHTTP(t *testing.T, i issuer, _ *process, address string) {
	t.Helper()
	checkCalls(t, i.calls(t, address))
}

// checkCalls checks the output of three calls: with a token, with a token for a different scope, and
// without a token.
func checkCalls(t *testing.T, out string) {
	t.Helper()
	t.Log(out)
	got := statuses(out)
	if want := []string{"200", "403", "401"}; !slices.Equal(got, want) {
		t.Errorf("got statuses %q, want %q; output:\n%s", got, want, out)
	}
	if !strings.Contains(out, "deploying for m2morg_") || !strings.Contains(out, `error="insufficient_scope"`) {
		t.Errorf("want output with the client ID and the error insufficient_scope, got\n%s", out)
	}
}

// statuses returns the statuses of the responses that curl -i printed.
func statuses(out string) []string {
	var list []string
	for _, match := range regexp.MustCompile(`(?m)^HTTP/1\.1 (\d+)`).FindAllStringSubmatch(out, -1) {
		list = append(list, match[1])
	}
	return list
}

func checkMetrics(t *testing.T, i issuer, p *process, address string) {
	t.Helper()
	checkHTTP(t, i, p, address)
	out := i.with(t, address, findSection(t, installPage, "Metrics").block(t, "sh", "/metrics"))
	t.Log(out)
	for _, reason := range []string{"none", "no_token", "scope"} {
		if !regexp.MustCompile(`(?m)^bearer_requests_total\{.*reason="` + reason + `".*\} 1$`).MatchString(out) {
			t.Errorf("reason %s: want a counter with the value 1, got\n%s", reason, out)
		}
	}
}

func checkTracing(t *testing.T, i issuer, p *process, address string) {
	t.Helper()
	checkHTTP(t, i, p, address)
	out := p.waitFor(t, "bearer.reason scope")
	t.Log(out)
	for _, want := range []string{"POST /deployments\n", "bearer.result allowed\n", "bearer.claim.client_id m2morg_", "bearer.reason no_token\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("spans: want output with %q, got\n%s", want, out)
		}
	}
}

// checkGRPC calls the method Check. The request contains a message without fields. This message
// consists of the five bytes that begin each message of gRPC over HTTP/2.
func checkGRPC(t *testing.T, i issuer, p *process, address string) {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	for _, test := range []struct{ name, command, status string }{
		{"token", "token", "0"},
		{"no token", "true", "16"},
		{"other scope", "token -d scope=read:deployments", "7"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/grpc.health.v1.Health/Check", bytes.NewReader(make([]byte, 5)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("Te", "trailers")
		if token := strings.TrimSpace(i.with(t, address, test.command)); token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(response.Body)
		got := response.Header.Get("Grpc-Status") + response.Trailer.Get("Grpc-Status")
		t.Logf("%s: grpc-status %s %s%s", test.name, got, response.Header.Get("Grpc-Message"), response.Trailer.Get("Grpc-Message"))
		if response.Body.Close(); err != nil || got != test.status {
			t.Errorf("%s: got grpc-status %q and error %v, want %s and no error", test.name, got, err, test.status)
		}
	}
	p.waitFor(t, "checked by m2morg_")
	if _, err := exec.LookPath("grpcurl"); err == nil {
		calls := findSection(t, installPage, "gRPC").block(t, "sh", "grpcurl")
		out := i.with(t, address, strings.ReplaceAll(calls, "\n", " 2>&1 || true\n")) // refused calls have an exit status
		t.Log(out)
		for _, want := range []string{"SERVING", "PermissionDenied", "Unauthenticated"} {
			if !strings.Contains(out, want) {
				t.Errorf("grpcurl: got output %q, want %s", out, want)
			}
		}
	}
}

// TestExplain runs the commands of docs/install.md for the program bearer-explain.
func TestExplain(t *testing.T) {
	needsRelease(t)
	i := startIssuer(t)
	out := i.with(t, "", findSection(t, installPage, "An issuer to try a program").block(t, "sh", "bearer-explain"))
	t.Log(out)
	if !strings.Contains(out, "deploy:applications") {
		t.Errorf("bearer-explain: want output with the scopes of the token, got\n%s", out)
	}
}
