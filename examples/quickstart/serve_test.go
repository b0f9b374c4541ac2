package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
)

// startServing runs the program with -serve. The program runs until the test ends.
// startServing returns the output that the program prints before it waits.
func startServing(t *testing.T, env map[string]string) string {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	pipe, stdout := io.Pipe()
	q := quickstart{env: func(name string) string { return env[name] }, stdout: stdout, stderr: io.Discard, newVerifier: newVerifier}
	ended := make(chan error, 1)
	go func() {
		err := q.run(ctx, []string{"-serve"})
		_ = stdout.Close() // closing a pipe never fails
		ended <- err
	}()
	var out strings.Builder
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		out.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "This terminal shows") {
			break
		}
	}
	t.Cleanup(func() {
		interrupt()
		rest, err := io.ReadAll(pipe)
		if err != nil || !strings.HasSuffix(string(rest), "Shutting down.\n") {
			t.Errorf("got last output %q and error %v, want last output \"Shutting down.\" and no error", rest, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("got error %v, want no error", err)
		}
	})
	return out.String()
}

// firstGroup finds the first match of pattern in text. It returns the first group of the match.
func firstGroup(t *testing.T, text, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("want a match of %s, got\n%s", pattern, text)
	}
	return match[1]
}

func TestServe(t *testing.T) {
	out := startServing(t, nil)
	httpAddr := firstGroup(t, out, `curl -i http://(\S+)/healthz`)
	grpcAddr := firstGroup(t, out, `grpcurl -plaintext (\S+) list`)

	for path, want := range map[string]int{"/healthz": http.StatusNoContent, "/deployments/dep_1": http.StatusUnauthorized, "/metrics": http.StatusUnauthorized} {
		response, err := http.Get("http://" + httpAddr + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: got status %d, want status %d", path, response.StatusCode, want)
		}
	}

	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Errorf("health check: got error %v, want no error", err)
	}
	services, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := services.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	answer, err := services.Recv()
	if err != nil || !strings.Contains(answer.String(), "deploy.v1.Deployments") {
		t.Errorf("reflection: got response %v and error %v, want a response with deploy.v1.Deployments", answer, err)
	}
}

// TestServeReal checks that the output does not contain the secret of a real client.
func TestServeReal(t *testing.T) {
	env := realEnvironment(t)
	out := startServing(t, env)
	if strings.Contains(out, env["M2M_CLIENT_SECRET"]) {
		t.Error("the output contains the client's secret")
	}
	if want := `client_secret="$M2M_CLIENT_SECRET"`; !strings.Contains(out, want) {
		t.Errorf("want output with %s, got\n%s", want, out)
	}
}
