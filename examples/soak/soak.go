package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

const audience = "deployment-api"

// soak is one run with its issuers, servers and clients.
type soak struct {
	cfg      config
	result   *result
	leaks    *leaks
	verdicts *verdicts

	issuers  []*authority
	verifier *bearer.Issuers
	log      *bearer.LogObserver
	registry *prometheus.Registry

	httpServer *http.Server
	httpURL    string
	httpClient *http.Client
	grpcServer *grpc.Server
	grpcConn   *grpc.ClientConn
	serving    sync.WaitGroup
}

func newSoak(cfg config, r *result) *soak {
	return &soak{cfg: cfg, result: r, leaks: newLeaks(), verdicts: newVerdicts(), verifier: &bearer.Issuers{}}
}

// start starts everything except the load. If start fails, the caller must still call close.
func (s *soak) start(ctx context.Context) error {
	logger := slog.New(slog.NewJSONHandler(s.leaks, &slog.HandlerOptions{Level: slog.LevelDebug}))
	collector, err := metrics.New(nil)
	if err != nil {
		return err
	}
	if s.log, err = bearer.NewLogObserver(logger, &bearer.LogOptions{Interval: 10 * s.cfg.pace}); err != nil {
		return err
	}
	s.verifier.Observer, s.verifier.Logger = bearer.Observers{collector, s.log, s.verdicts}, logger
	for i, alg := range []string{"ES256", "RS256", "EdDSA"} {
		a, err := newAuthority(s, i, alg, logger) //nolint:contextcheck // the key cache lives until close
		if err != nil {
			return err
		}
		s.issuers = append(s.issuers, a)
	}
	s.registry = prometheus.NewRegistry()
	return errors.Join(collector.Watch(s.verifier), s.registry.Register(collector), s.serve(ctx))
}

// guarded returns the verifier for the guards. If config.wrap is set, this verifier is
// faulty.
func (s *soak) guarded() bearer.Verifier {
	if s.cfg.wrap == nil {
		return s.verifier
	}
	return observed{s.cfg.wrap(s.verifier), s.verifier}
}

// observed is a verifier that is also an observer, so that guards report to it.
type observed struct {
	bearer.Verifier
	bearer.Observer
}

// serve starts both servers and creates their clients.
func (s *soak) serve(ctx context.Context) error {
	guard, err := middleware.New(s.guarded(), nil)
	if err != nil {
		return err
	}
	ready, err := middleware.NewReadiness(s.verifier, &middleware.ReadinessOptions{AnyIssuer: true})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", ready)
	guard.Handle(mux, "GET /deployments/{id}", scopes.All("read:deployments"), http.HandlerFunc(s.handleRead))
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), http.HandlerFunc(s.handleRead))
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	s.httpURL = "http://" + listener.Addr().String()
	s.httpServer = &http.Server{Handler: s.verdicts.withID(mux), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.NewTextHandler(s.leaks, nil), slog.LevelError)}
	s.serving.Go(func() { _ = s.httpServer.Serve(listener) }) // Serve returns after close was called
	s.httpClient = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: s.cfg.maxInFlight()}}

	rpc, err := interceptor.New(s.guarded(), scopes.Methods{
		methodCreate: scopes.All("deploy:applications"),
		methodWatch:  scopes.All("read:deployments"),
	}, nil)
	if err != nil {
		return err
	}
	rpcListener, err := listen(ctx)
	if err != nil {
		return err
	}
	s.grpcServer = grpc.NewServer(rpc.ServerOptions()...)
	s.register(s.grpcServer)
	s.serving.Go(func() { _ = s.grpcServer.Serve(rpcListener) }) // Serve returns after close was called
	s.grpcConn, err = grpc.NewClient("passthrough:///"+rpcListener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	return err
}

// listen opens a listener that accepts only connections over loopback.
func listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// run starts the issuers and the clients, and returns after ctx has ended.
func (s *soak) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, a := range s.issuers {
		ready, cancel := context.WithTimeout(ctx, time.Minute)
		_ = a.cache.Ready(ready) // if Ready fails, the verdicts of the requests show this
		cancel()
		all.Go(func() { a.runEvents(ctx) })
	}
	s.result.began = time.Now()
	all.Go(func() { s.sendRequests(ctx, "http", 1, s.sendHTTP) })
	all.Go(func() { s.sendRequests(ctx, "grpc", 2, s.sendGRPC) })
	all.Go(func() { s.takeSamples(ctx) })
	all.Wait()
}

// close stops everything and stores the last figures in the result.
func (s *soak) close() error {
	var errs []error
	if s.grpcConn != nil {
		errs = append(errs, s.grpcConn.Close())
	}
	if s.httpClient != nil {
		s.httpClient.CloseIdleConnections()
	}
	if s.grpcServer != nil {
		s.grpcServer.Stop()
	}
	if s.httpServer != nil {
		errs = append(errs, s.httpServer.Close())
	}
	s.serving.Wait()
	if s.registry != nil {
		s.result.samples = append(s.result.samples, s.scrape()) // this sample adds the events since the previous sample
	}
	errs = append(errs, s.verifier.Close())
	for _, a := range s.issuers {
		errs = append(errs, a.cache.Close())
		a.server.Close()
		s.result.issuers = append(s.result.issuers, a.server.URL())
		s.result.rotations = append(s.result.rotations, a.rotations...)
		s.result.outages = append(s.result.outages, a.outages...)
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	s.result.leaks, s.result.searched, s.result.tokenParts = s.leaks.report()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
