package interceptor

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/health"
	"github.com/bearerkit/bearer/internal/nilcheck"
)

// HealthServer is what is told of health. The *health.Server of
// google.golang.org/grpc/health is one.
type HealthServer interface {
	SetServingStatus(service string, status grpc_health_v1.HealthCheckResponse_ServingStatus)
}

// HealthOptions adjusts a health watch. The zero value, and nil, speak of the whole
// server and ask for the keys of every issuer.
type HealthOptions struct {
	// Services is the names whose status is set. Nil: "", which stands for the
	// server as a whole.
	Services []string
	// AnyIssuer sets the services to serving as soon as one issuer has keys: for services
	// of many issuers, where the outage of one must not stop the callers of the others.
	// False: when every issuer has keys.
	AnyIssuer bool
	// Interval is how often the source is asked. Zero: 1 second.
	Interval time.Duration
}

// HealthWatch keeps a health server up to date. [WatchHealth] makes one; Close it
// before the source.
type HealthWatch struct {
	server    HealthServer
	source    bearer.StatusReporter
	services  []string
	anyIssuer bool

	done  chan struct{} // closed by Close
	close sync.Once
	ended sync.WaitGroup
}

// WatchHealth sets the status of services with server: SERVING while tokens can be
// verified, and NOT_SERVING while they cannot, since keys were never loaded or are
// too old. It sets it before it returns, and then whenever it changes. The error
// reports all that is wrong at once.
//
//	health := health.NewServer()
//	watch, err := interceptor.WatchHealth(health, verifier, nil)
//	defer watch.Close()
//	grpc_health_v1.RegisterHealthServer(server, health)
//
// The rules that the health service needs are those of [Health].
func WatchHealth(server HealthServer, source bearer.StatusReporter, opts *HealthOptions) (*HealthWatch, error) {
	if opts == nil {
		opts = &HealthOptions{}
	}
	var errs []error
	for _, part := range []struct {
		name  string
		value any
	}{{"server", server}, {"source", source}} {
		if nilcheck.IsNil(part.value) {
			errs = append(errs, fmt.Errorf("%s: nil", part.name))
		}
	}
	if opts.Interval < 0 {
		errs = append(errs, fmt.Errorf("HealthOptions.Interval: %v: negative", opts.Interval))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("interceptor: %w", err)
	}
	w := &HealthWatch{
		server: server, source: source, services: slices.Clone(opts.Services), anyIssuer: opts.AnyIssuer,
		done: make(chan struct{}),
	}
	if w.services == nil {
		w.services = []string{""}
	}
	interval := opts.Interval
	if interval == 0 {
		interval = time.Second
	}
	now := w.set()
	w.ended.Go(func() { w.run(interval, now) })
	return w, nil
}

// set asks the source and sets what it says.
func (w *HealthWatch) set() grpc_health_v1.HealthCheckResponse_ServingStatus {
	status := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if health.Ready(w.source.Status(), w.anyIssuer) {
		status = grpc_health_v1.HealthCheckResponse_SERVING
	}
	for _, service := range w.services {
		w.server.SetServingStatus(service, status)
	}
	return status
}

func (w *HealthWatch) run(interval time.Duration, last grpc_health_v1.HealthCheckResponse_ServingStatus) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if health.Ready(w.source.Status(), w.anyIssuer) != (last == grpc_health_v1.HealthCheckResponse_SERVING) {
				last = w.set()
			}
		case <-w.done:
			return
		}
	}
}

// Close ends the watch and waits for it. The status stays what it is: shut the
// health server down to say that the server goes away. It may be called more than
// once; the error is always nil.
func (w *HealthWatch) Close() error {
	w.close.Do(func() { close(w.done) })
	w.ended.Wait()
	return nil
}
