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

// answer is the response to one request.
type answer struct {
	verdict string                       // HTTP status, or gRPC code and reason
	want    func(bearer.Reason) []string // returns the correct values of the field verdict for a reason
	caller  foundCaller                  // the caller that the handler found
}

// maxInFlight returns the limit on the requests in flight for each transport. The limit is the
// number of requests of both transports in one unit of time. If the machine is too slow for
// the rate, more requests in flight only make each request slower.
func (c config) maxInFlight() int { return max(8, int(float64(c.rate)*c.pace.Seconds())) }

// sendRequests sends requests over one transport until ctx ends. Each transport gets half of
// the rate. Requests run concurrently, so a request that waits for the keys of an issuer does
// not delay other requests. sendRequests skips a request if too many requests are in flight.
func (s *soak) sendRequests(ctx context.Context, transport string, seed uint64, send func(context.Context, string, request) (answer, error)) {
	g := &generator{s: s, rng: mathrand.New(mathrand.NewPCG(seed, 1))} //nolint:gosec // the numbers are not secrets
	var inFlight sync.WaitGroup
	defer inFlight.Wait()
	// The requests in advance are for a sixteenth of the unit of time, because a token must not
	// get old: the next events of the issuer can withdraw its key.
	requests := make(chan request, int(float64(s.cfg.rate)/2*s.cfg.pace.Seconds()/16))
	inFlight.Go(func() { g.run(ctx, requests) })
	slots := make(chan struct{}, s.cfg.maxInFlight())
	schedule(ctx, 2*time.Second/time.Duration(s.cfg.rate), func(n int) {
		select {
		case slots <- struct{}{}:
		default:
			s.result.skipped.Add(1)
			return
		}
		id, request := transport+strconv.Itoa(n), request{}
		select {
		case request = <-requests:
		case <-ctx.Done():
			return
		}
		inFlight.Go(func() {
			defer func() { <-slots }()
			before := request.cacheState()
			// The end of ctx must not cancel the last requests.
			got, err := send(context.WithoutCancel(ctx), id, request)
			s.check(id, request, before, got, err)
		})
	})
}

// check compares one answer with the verdicts that are correct for the request.
func (s *soak) check(id string, request request, before moment, got answer, err error) {
	after := request.cacheState()
	reason, observed := s.verdicts.remove(id)
	allowed := request.correctVerdicts(before, after)
	wrong := ""
	switch {
	case err != nil:
		wrong = "got no response: " + err.Error()
	case !observed:
		wrong = "the observer got no event, want one"
	case !slices.Contains(allowed, reason):
		wrong = fmt.Sprintf("got verdict %q, want one of %q", reason, allowed)
	case !slices.Contains(got.want(reason), got.verdict):
		wrong = fmt.Sprintf("got response %s, want one of the responses %q for the verdict %q", got.verdict, got.want(reason), reason)
	case reason == "" && !reflect.DeepEqual(got.caller, foundCaller{request.subject, wantGrant}):
		wrong = fmt.Sprintf("got caller %+v in the handler, want caller %+v", got.caller, foundCaller{request.subject, wantGrant})
	}
	s.result.count(request, reason, len(allowed) > 1, wrong)
}

// sendHTTP sends a request over HTTP.
func (s *soak) sendHTTP(ctx context.Context, id string, request request) (answer, error) {
	method, target := http.MethodGet, "/deployments/"+id
	if len(id)%2 == 0 {
		method, target = http.MethodPost, "/deployments"
	}
	req, err := http.NewRequestWithContext(ctx, method, s.httpURL+target, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Header["Authorization"] = request.authorization
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
		return a, json.Unmarshal(body, &a.caller)
	}
	s.leaks.search("an HTTP response", body)
	for _, values := range resp.Header {
		s.leaks.search("an HTTP header field", []byte(strings.Join(values, " ")))
	}
	return a, nil
}

// wantHTTP returns the HTTP status for a reason, as the only correct response.
func wantHTTP(reason bearer.Reason) []string {
	switch reason { //nolint:exhaustive // for all other reasons, the status is 401
	case "":
		return []string{"200"}
	case bearer.InvalidRequest:
		return []string{"400"}
	case bearer.MissingScope:
		return []string{"403"}
	case bearer.KeysUnavailable, bearer.KeyNotAsked:
		return []string{"503"}
	case bearer.Internal:
		return []string{"500"}
	}
	return []string{"401"}
}

// sendGRPC sends a unary or a streaming call.
func (s *soak) sendGRPC(ctx context.Context, id string, request request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	md := metadata.MD{idHeader: {id}}
	if len(request.authorization) > 0 {
		md["authorization"] = request.authorization
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
		a.caller.Subject = caller.GetClientId()
		return a, json.Unmarshal([]byte(caller.GetGithubRepository()), &a.caller.Grant)
	}
	a.verdict = st.Code().String()
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			a.verdict += " " + info.GetReason()
		}
	}
	s.leaks.search("a gRPC status", []byte(st.String()))
	return a, nil
}

// watch reads a stream to its end and returns the caller in its last message.
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

// wantGRPC returns the gRPC code and the text of the reason in the gRPC status. If the claims of
// a token do not fit, there are two correct texts: the client learns the reason only if the
// cache has the key of the token.
func wantGRPC(reason bearer.Reason) []string {
	const unverified = "Unauthenticated INVALID_TOKEN"
	code := codes.Unauthenticated
	switch reason { //nolint:exhaustive // for all other reasons, the code is Unauthenticated
	case "":
		return []string{"OK"}
	case bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey, bearer.BadSignature:
		return []string{unverified}
	case bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.WrongType, bearer.WrongBinding:
		return []string{unverified, code.String() + " " + strings.ToUpper(string(reason))}
	case bearer.MissingScope:
		code = codes.PermissionDenied
	case bearer.KeysUnavailable, bearer.KeyNotAsked:
		code = codes.Unavailable
	case bearer.Internal:
		code = codes.Internal
	}
	return []string{code.String() + " " + strings.ToUpper(string(reason))}
}
