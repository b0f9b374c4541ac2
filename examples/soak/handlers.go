package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
)

const (
	methodCreate = "/deploy.v1.Deployments/Create"
	methodWatch  = "/deploy.v1.Deployments/Watch"

	idHeader = "x-request-id"
)

// foundCaller is the caller that a handler found in its context.
type foundCaller struct {
	Subject string
	Grant   grant
}

// wantGrant holds the custom claims of every valid token.
var wantGrant = grant{Team: "blue", Tags: []string{"a", "b"}, Limits: map[string]int{"replicas": 3}}

// callerIn returns the caller in the context of a handler. Before callerIn returns, it tries
// to change the claims that other handlers receive.
func (s *soak) callerIn(ctx context.Context) (foundCaller, bool) {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return foundCaller{}, false
	}
	own, ok := bearer.Custom[grant](ctx)
	if !ok {
		return foundCaller{}, false
	}
	saw := foundCaller{claims.Subject(), grant{own.Team, append([]string(nil), own.Tags...), map[string]int{}}}
	for name, n := range own.Limits {
		saw.Grant.Limits[name] = n
	}
	if aud := claims.Audience(); len(aud) != 1 || aud[0] != audience {
		saw.Subject = "a caller with a changed audience"
	}
	for i := range own.Tags {
		own.Tags[i] = "changed"
	}
	own.Limits["replicas"] = -1
	own.Limits["changed"] = 1
	for _, list := range [][]string{claims.Audience(), claims.Roles()} {
		for i := range list {
			list[i] = "changed"
		}
	}
	for _, name := range []string{"sub", "aud", "exp", "grant"} {
		value, _ := claims.Value(name)
		for i := range value {
			value[i] = 'x'
		}
	}
	if s.cfg.spoil != nil {
		s.cfg.spoil(ctx, s)
	}
	return saw, true
}

func (s *soak) handleRead(w http.ResponseWriter, r *http.Request) {
	saw, ok := s.callerIn(r.Context())
	if !ok {
		http.Error(w, "no caller", http.StatusInternalServerError)
		return
	}
	r.Header.Set("Authorization", "Bearer changed")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(saw) // if Encode fails, the client counts a wrong verdict
}

// deployments is the gRPC service.
type deployments struct {
	deployv1.UnimplementedDeploymentsServer
	s *soak
}

func (s *soak) register(server *grpc.Server) {
	deployv1.RegisterDeploymentsServer(server, deployments{s: s})
}

func (d deployments) caller(ctx context.Context) (*deployv1.Caller, error) {
	saw, ok := d.s.callerIn(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no caller")
	}
	return &deployv1.Caller{ClientId: saw.Subject, GithubRepository: string(encode(saw.Grant))}, nil
}

// Create returns the caller.
func (d deployments) Create(ctx context.Context, _ *deployv1.CreateRequest) (*deployv1.Deployment, error) {
	caller, err := d.caller(ctx)
	return &deployv1.Deployment{Caller: caller}, err
}

// Watch sends the caller twice.
func (d deployments) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	for range 2 {
		caller, err := d.caller(stream.Context())
		if err != nil {
			return err
		}
		if err := stream.Send(&deployv1.State{Caller: caller}); err != nil {
			return err
		}
	}
	return nil
}

// verdicts is an observer that stores each verdict until remove is called.
type verdicts struct{ byID sync.Map } // maps the ID of a request (string) to a bearer.Reason

func newVerdicts() *verdicts { return &verdicts{} }

type idKey struct{}

// withID puts the ID of a request into its context.
func (v *verdicts) withID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), idKey{}, r.Header.Get(idHeader))))
	})
}

// Observe implements bearer.Observer.
func (v *verdicts) Observe(ctx context.Context, e bearer.Event) {
	id, ok := ctx.Value(idKey{}).(string)
	if !ok {
		if values := metadata.ValueFromIncomingContext(ctx, idHeader); len(values) == 1 {
			id = values[0]
		}
	}
	if id != "" {
		v.byID.Store(id, e.Reason)
	}
}

// remove removes and returns the verdict on a request.
func (v *verdicts) remove(id string) (bearer.Reason, bool) {
	value, ok := v.byID.LoadAndDelete(id)
	reason, isReason := value.(bearer.Reason)
	return reason, ok && isReason
}
