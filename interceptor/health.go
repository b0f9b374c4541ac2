package interceptor

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/durations"
	"github.com/bearerkit/bearer/internal/health"
	"github.com/bearerkit/bearer/internal/nilcheck"
)

// healthServer receives the status of services.
type healthServer interface {
	SetServingStatus(service string, status grpc_health_v1.HealthCheckResponse_ServingStatus)
}

// defaultInterval is the default of HealthOptions.Interval.
const defaultInterval = time.Second

// shortestInterval is the shortest usual HealthOptions.Interval. A shorter interval must consist
// of whole milliseconds; see durations.Check.
const shortestInterval = 100 * time.Millisecond

// HealthOptions configures a health watch. Nil is the same as the zero value. The zero value
// sets the status of the whole server and requires keys of every issuer.
type HealthOptions struct {
	// Services lists the services whose status is set. The service "" stands for the whole
	// server. Nil: the watch sets only the status of the whole server.
	Services []string
	// AnyIssuer sets the status to SERVING as soon as one issuer has keys. It is for
	// services with many issuers, where an outage of one issuer must not affect the
	// callers of other issuers. False: the status is SERVING only if every issuer has keys.
	AnyIssuer bool
	// Interval is the time between two checks of the source. Zero: 1 s. WatchHealth returns an
	// error if Interval is negative, or if it probably has no unit: if it is shorter than 100 ms
	// and does not consist of whole milliseconds.
	Interval time.Duration
}

// healthWatch updates the status of services in a health server.
type healthWatch struct {
	server    healthServer
	source    interface{ Status() []bearer.IssuerStatus }
	services  []string
	anyIssuer bool

	done  chan struct{} // closed by stop
	close sync.Once
	ended sync.WaitGroup
}

// WatchHealth sets the status of services in server, which is usually the *health.Server of
// google.golang.org/grpc/health. The status is SERVING while this process
// can verify tokens, and NOT_SERVING if keys were never loaded or are too old. WatchHealth sets
// the status before it returns, and then sets the status again at each change. The error lists all
// problems at once.
//
// The function stop stops this and waits until it has stopped. After that, the status does not change
// any more. Call stop before you close the source. To announce that the server stops, call Shutdown of
// the health server. The function stop may be called more than once.
//
//	healthServer := health.NewServer()
//	stop, err := interceptor.WatchHealth(healthServer, verifier, nil)
//	defer stop()
//	grpc_health_v1.RegisterHealthServer(server, healthServer)
//
// The methods of the health service need rules; see [Health]. A call of these methods reads a
// status that is already there, so its cost does not depend on the number of keys or issuers. Nil
// opts are the same as the zero HealthOptions.
func WatchHealth(server interface {
	SetServingStatus(service string, status grpc_health_v1.HealthCheckResponse_ServingStatus)
}, source interface{ Status() []bearer.IssuerStatus }, opts *HealthOptions,
) (stop func(), err error) {
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
		errs = append(errs, fmt.Errorf("HealthOptions.Interval: %v: must not be negative", opts.Interval))
	}
	if err := durations.Check("HealthOptions.Interval", opts.Interval, shortestInterval, defaultInterval); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("interceptor: %w", err)
	}
	w := &healthWatch{
		server: server, source: source, services: slices.Clone(opts.Services), anyIssuer: opts.AnyIssuer,
		done: make(chan struct{}),
	}
	if w.services == nil {
		w.services = []string{""}
	}
	interval := opts.Interval
	if interval == 0 {
		interval = defaultInterval
	}
	now := w.set()
	w.ended.Go(func() { w.run(interval, now) })
	return w.stop, nil
}

// set reads the source, sets the status of the services, and returns this status.
func (w *healthWatch) set() grpc_health_v1.HealthCheckResponse_ServingStatus {
	status := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if health.Ready(w.source.Status(), w.anyIssuer) {
		status = grpc_health_v1.HealthCheckResponse_SERVING
	}
	for _, service := range w.services {
		w.server.SetServingStatus(service, status)
	}
	return status
}

func (w *healthWatch) run(interval time.Duration, last grpc_health_v1.HealthCheckResponse_ServingStatus) {
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

// stop implements the function that WatchHealth returns.
func (w *healthWatch) stop() {
	w.close.Do(func() { close(w.done) })
	w.ended.Wait()
}
