package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/bearerkit/bearer"
)

// deployer contains the custom claims that the API reads. In a token of Scalekit, the claim
// custom_claims is an object with all custom claims. bearer.JSON decodes the whole claims
// set, so deployer has a field for the claim custom_claims.
type deployer struct {
	Custom struct {
		GitHubRepository string `json:"github_repository"`
		Environment      string `json:"environment"`
	} `json:"custom_claims"`
}

// caller describes the client that made a call. The values are from the client's token.
type caller struct {
	ClientID         string `json:"client_id"`
	GitHubRepository string `json:"github_repository"`
	Environment      string `json:"environment"`
}

// callerFrom returns the caller of a request. It works for HTTP and for gRPC.
func callerFrom(ctx context.Context) (caller, error) {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return caller{}, errors.New("the context contains no claims, because the route is public or has no guard")
	}
	custom, ok := bearer.Custom[deployer](ctx)
	if !ok {
		return caller{}, errors.New("the context contains no custom claims of type deployer; check Config.Custom")
	}
	return caller{claims.ClientID(), custom.Custom.GitHubRepository, custom.Custom.Environment}, nil
}

// api is the running deployments API. It has an HTTP server and a gRPC server.
type api struct {
	httpAddr, grpcAddr string
	stop               []func() error
}

// listeners are the listeners of the API.
type listeners struct{ http, grpc net.Listener }

// listen opens two free ports of this machine.
func listen(ctx context.Context) (*listeners, error) {
	var lc net.ListenConfig
	overHTTP, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	overGRPC, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the API: %w", err), overHTTP.Close())
	}
	return &listeners{overHTTP, overGRPC}, nil
}

// origins returns the base URLs that clients sign in their proofs.
func (l *listeners) origins() []string {
	return []string{"http://" + l.http.Addr().String(), "http://" + l.grpc.Addr().String()}
}

// close closes the listeners of an API that was not started.
func (l *listeners) close() error { return errors.Join(l.http.Close(), l.grpc.Close()) }

// startAPI serves the API.
func startAPI(ctx context.Context, l *listeners, v bearer.Verifier) (*api, error) {
	handler, err := newHandler(v)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	server, err := newGRPCServer(v)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return &api{
		httpAddr: l.http.Addr().String(),
		grpcAddr: l.grpc.Addr().String(),
		stop:     []func() error{serveHTTP(ctx, l.http, handler), serveGRPC(l.grpc, server)},
	}, nil
}

// close stops the two servers and waits until both servers have ended.
func (a *api) close() error {
	var errs []error
	for _, stop := range a.stop {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}
