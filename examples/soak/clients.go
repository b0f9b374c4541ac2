package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
)

// answer is what a client got.
type answer struct {
	verdict string // as the wire has it
	want    func(bearer.Reason) string
	seen    seen // by the handler
}

// maxUnderWay bounds the requests of one transport that wait for an answer.
const maxUnderWay = 1024

// drive sends requests of one transport at half of the rate until ctx ends. Those
// that wait, such as for a key of an issuer that hangs, do not keep others back.
func (s *soak) drive(ctx context.Context, transport string, seed uint64, send func(context.Context, string, shot) (answer, error)) {
	g := &gunner{s: s, rng: mathrand.New(mathrand.NewPCG(seed, 1))} //nolint:gosec // nothing secret about it
	ticker := time.NewTicker(2 * time.Second / time.Duration(s.cfg.rate))
	defer ticker.Stop()
	var underWay sync.WaitGroup
	defer underWay.Wait()
	places := make(chan struct{}, maxUnderWay)
	for n := 0; ; n++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		select {
		case places <- struct{}{}:
		default:
			continue // the machine is too slow for the rate
		}
		id, shot := transport+strconv.Itoa(n), g.next()
		underWay.Go(func() {
			defer func() { <-places }()
			before := shot.now()
			// Not ctx: the last request is to be answered too.
			got, err := send(context.WithoutCancel(ctx), id, shot)
			s.judge(id, shot, before, got, err)
		})
	}
}

// judge holds one answer against what it may be.
func (s *soak) judge(id string, shot shot, before moment, got answer, err error) {
	after := shot.now()
	reason, told := s.verdicts.of(id)
	allowed := shot.allowed(before, after)
	wrong := ""
	switch {
	case err != nil:
		wrong = "no answer: " + err.Error()
	case !told:
		wrong = "no verdict was told to the observer"
	case !slices.Contains(allowed, reason):
		wrong = fmt.Sprintf("got verdict %q, want one of %q", reason, allowed)
	case got.verdict != got.want(reason):
		wrong = fmt.Sprintf("got %s on the wire, want %s for %q", got.verdict, got.want(reason), reason)
	case reason == "" && !reflect.DeepEqual(got.seen, seen{shot.subject, wantGrant}):
		wrong = fmt.Sprintf("the handler saw %+v, want %s and %+v", got.seen, shot.subject, wantGrant)
	}
	s.result.count(shot, reason, len(allowed) > 1, wrong)
}

// sendHTTP sends a request over HTTP.
func (s *soak) sendHTTP(ctx context.Context, id string, shot shot) (answer, error) {
	method, target := http.MethodGet, "/deployments/"+id
	if len(id)%2 == 0 {
		method, target = http.MethodPost, "/deployments"
	}
	req, err := http.NewRequestWithContext(ctx, method, s.httpURL+target, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Header["Authorization"] = shot.authorization
	req.Header.Set(idHeader, id)
	resp, err := s.httpClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{verdict: strconv.Itoa(resp.StatusCode), want: wantHTTP}
	if resp.StatusCode == http.StatusOK {
		return a, json.Unmarshal(body, &a.seen)
	}
	s.leaks.search("an answer of HTTP", body)
	for _, values := range resp.Header {
		s.leaks.search("a header of HTTP", []byte(strings.Join(values, " ")))
	}
	return a, nil
}

// wantHTTP is the status of a verdict.
func wantHTTP(reason bearer.Reason) string {
	switch reason { //nolint:exhaustive // the others are the caller's credentials
	case "":
		return "200"
	case bearer.InvalidRequest:
		return "400"
	case bearer.MissingScope:
		return "403"
	case bearer.KeysUnavailable:
		return "503"
	case bearer.Internal:
		return "500"
	}
	return "401"
}

// sendGRPC sends a call, unary or streaming.
func (s *soak) sendGRPC(ctx context.Context, id string, shot shot) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	md := metadata.MD{idHeader: {id}}
	if len(shot.authorization) > 0 {
		md["authorization"] = shot.authorization
	}
	ctx = metadata.NewOutgoingContext(ctx, md)
	client := deployv1.NewDeploymentsClient(s.grpcConn)
	var caller *deployv1.Caller
	var err error
	if len(id)%2 == 0 {
		var made *deployv1.Deployment
		made, err = client.Create(ctx, &deployv1.CreateRequest{Application: "x"})
		caller = made.GetCaller()
	} else {
		caller, err = watch(ctx, client, id)
	}
	a := answer{want: wantGRPC}
	st, ok := status.FromError(err)
	if !ok {
		return a, err
	}
	if err == nil {
		a.verdict = "OK"
		a.seen.Subject = caller.GetClientId()
		return a, json.Unmarshal([]byte(caller.GetGithubRepository()), &a.seen.Grant)
	}
	a.verdict = st.Code().String()
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			a.verdict += " " + info.GetReason()
		}
	}
	s.leaks.search("a status of gRPC", []byte(st.String()))
	return a, nil
}

// watch reads a stream to its end and returns who its first message says has
// called.
func watch(ctx context.Context, client deployv1.DeploymentsClient, id string) (*deployv1.Caller, error) {
	stream, err := client.Watch(ctx, &deployv1.WatchRequest{Id: id})
	if err != nil {
		return nil, err
	}
	var caller *deployv1.Caller
	for {
		state, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return caller, nil
		case err != nil:
			return nil, err
		}
		caller = state.GetCaller()
	}
}

// wantGRPC is the code and the reason of a verdict.
func wantGRPC(reason bearer.Reason) string {
	code := codes.Unauthenticated
	switch reason { //nolint:exhaustive // the others are the caller's credentials
	case "":
		return "OK"
	case bearer.MissingScope:
		code = codes.PermissionDenied
	case bearer.KeysUnavailable:
		code = codes.Unavailable
	case bearer.Internal:
		code = codes.Internal
	}
	return code.String() + " " + strings.ToUpper(string(reason))
}
