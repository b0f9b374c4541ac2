package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/bearerkit/bearer"
)

// deployer holds the custom claims that the API reads. bearer.JSON decodes the whole
// claims set. In this vendor's tokens, the claim custom_claims is an object that contains
// the custom claims.
type deployer struct {
	Custom struct {
		GitHubRepository string `json:"github_repository"`
		Environment      string `json:"environment"`
	} `json:"custom_claims"`
}

// caller identifies the client that made a call, as a handler sees it.
type caller struct {
	ClientID         string `json:"client_id"`
	GitHubRepository string `json:"github_repository"`
	Environment      string `json:"environment"`
}

// callerFrom returns the caller of a request. It works for HTTP and for gRPC.
func callerFrom(ctx context.Context) (caller, error) {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return caller{}, errors.New("no claims in the context: the route is public or has no guard")
	}
	custom, ok := bearer.Custom[deployer](ctx)
	if !ok {
		return caller{}, errors.New("no custom claims of type deployer in the context: check Config.Custom")
	}
	return caller{claims.ClientID(), custom.Custom.GitHubRepository, custom.Custom.Environment}, nil
}

// api is the deployments API, served over HTTP and over gRPC.
type api struct {
	httpAddr, grpcAddr string
	stop               []func() error
}

// startAPI serves the API on two free ports of this machine.
func startAPI(ctx context.Context, v bearer.Verifier) (_ *api, err error) {
	handler, err := newHandler(v)
	if err != nil {
		return nil, err
	}
	server, err := newGRPCServer(v)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	httpListener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	grpcListener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the API: %w", err), httpListener.Close())
	}
	return &api{
		httpAddr: httpListener.Addr().String(),
		grpcAddr: grpcListener.Addr().String(),
		stop:     []func() error{serveHTTP(ctx, httpListener, handler), serveGRPC(grpcListener, server)},
	}, nil
}

// close stops both servers and waits until they have ended.
func (a *api) close() error {
	var errs []error
	for _, stop := range a.stop {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}
