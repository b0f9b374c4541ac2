package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/bearerkit/bearer"
)

// deployer is the custom claims that the API reads. bearer.JSON decodes the
// whole claims set, and this vendor keeps custom claims in an object of it.
type deployer struct {
	Custom struct {
		GitHubRepository string `json:"github_repository"`
		Environment      string `json:"environment"`
	} `json:"custom_claims"`
}

// caller is who makes a call, as a handler sees it.
type caller struct {
	ClientID         string `json:"client_id"`
	GitHubRepository string `json:"github_repository"`
	Environment      string `json:"environment"`
}

// callerFrom returns the caller of a request. It is the same for HTTP and gRPC.
func callerFrom(ctx context.Context) (caller, error) {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return caller{}, errors.New("no claims: the route is public, or no guard stands before it")
	}
	custom, ok := bearer.Custom[deployer](ctx)
	if !ok {
		return caller{}, errors.New("no custom claims of this type: see Config.Custom")
	}
	return caller{claims.ClientID(), custom.Custom.GitHubRepository, custom.Custom.Environment}, nil
}

// api is the deployments API, served over HTTP and over gRPC.
type api struct {
	httpAddr, grpcAddr string
	stop               []func() error
}

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

// close ends both servers and waits for them.
func (a *api) close() error {
	var errs []error
	for _, stop := range a.stop {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}
