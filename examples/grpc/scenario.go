package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/deployv1"
)

// scenario holds the data for the calls of the program. The method run makes the calls and
// prints the results.
type scenario struct {
	issuer *bearertest.Issuer
	api    string
	roots  *x509.CertPool
}

// call is one line of the output.
type call struct {
	what, client string
	do           func(context.Context, deployv1.DeploymentsClient) (string, error)
	times        int
	want         codes.Code
	wantTokens   int // number of tokens fetched
}

func (s scenario) run(ctx context.Context, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tCALL\tCLIENT\tTOKENS FETCHED\tRESULT") //nolint:errcheck // Flush returns the error
	wrong := 0
	conns := map[string]*grpc.ClientConn{}
	for _, c := range []call{
		{"Create, forwarded to the cluster", "ci", create, 1, codes.OK, 1},
		{"Watch, a stream", "ci", watch, 1, codes.OK, 0},
		{"Create, 20 more calls", "ci", create, 20, codes.OK, 0},
		{"Delete, missing scope", "ci", remove, 1, codes.PermissionDenied, 0},
		{"Create, 3 calls with tokens valid for 9 s", "brief", create, 3, codes.OK, 3},
		{"Create, token without the cluster audience", "local", create, 1, codes.Unauthenticated, 1},
	} {
		if conns[c.client] == nil {
			conn, err := connect(s.api, s.roots, s.tokens(c.client)) //nolint:contextcheck // the source outlives the call
			if err != nil {
				return err
			}
			defer conn.Close()
			conns[c.client] = conn
		}
		before := s.issuer.Fetches(bearertest.TokenEndpoint)
		got, text := c.repeat(ctx, deployv1.NewDeploymentsClient(conns[c.client]))
		tokens := s.issuer.Fetches(bearertest.TokenEndpoint) - before
		mark := "ok"
		if got != c.want || tokens != c.wantTokens {
			mark = "NO"
			wrong++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s: %s\n", mark, c.what, c.client, tokens, got, text) //nolint:errcheck // Flush returns the error
	}
	// A token is a secret, so grpc returns an error for a connection that sends tokens without
	// TLS.
	mark := "ok"
	_, err := connect(s.api, nil, s.tokens("ci"), grpc.WithTransportCredentials(insecure.NewCredentials())) //nolint:contextcheck // the source outlives the call
	if err == nil {
		mark, err = "NO", errors.New("got a connection, want an error")
		wrong++
	}
	fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%v\n", mark, "Connection without TLS", "ci", 0, err) //nolint:errcheck // Flush returns the error
	if err := table.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d results differ from the expected results", wrong)
	}
	return nil
}

func (s scenario) tokens(client string) oauth2.TokenSource {
	return tokens(clientcredentials.Config{
		ClientID: client, ClientSecret: client + "-secret", TokenURL: s.issuer.TokenURL(),
	}, &http.Client{Timeout: 5 * time.Second})
}

// repeat makes the call c.times times and stops at the first error. If there is an error,
// the results are the code and the text of the error. Otherwise, the results are codes.OK
// and the result of the last call.
func (c call) repeat(ctx context.Context, client deployv1.DeploymentsClient) (codes.Code, string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var text string
	for range c.times {
		var err error
		if text, err = c.do(ctx, client); err != nil {
			return status.Code(err), refusal(err)
		}
	}
	return codes.OK, text
}

// refusal returns the reason, the required scopes and the message of a refusal.
func refusal(err error) string {
	st := status.Convert(err)
	text := st.Message()
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			text = strings.TrimSpace(info.GetReason() + " " + info.GetMetadata()["scope"] + ", " + text)
		}
	}
	return text
}

func create(ctx context.Context, client deployv1.DeploymentsClient) (string, error) {
	d, err := client.Create(ctx, &deployv1.CreateRequest{Application: "inventory-service"})
	return "the cluster sees " + d.GetCaller().GetClientId(), err
}

func watch(ctx context.Context, client deployv1.DeploymentsClient) (string, error) {
	states, err := client.Watch(ctx, &deployv1.WatchRequest{Id: "d-1"})
	if err != nil {
		return "", err
	}
	var phases []string
	for {
		state, err := states.Recv()
		if errors.Is(err, io.EOF) {
			return strings.Join(phases, ", "), nil
		}
		if err != nil {
			return "", err
		}
		phases = append(phases, state.GetPhase())
	}
}

func remove(ctx context.Context, client deployv1.DeploymentsClient) (string, error) {
	_, err := client.Delete(ctx, &deployv1.DeleteRequest{Id: "d-1"})
	return "deleted", err
}
