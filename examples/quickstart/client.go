package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer/examples/deployv1"
)

// httpClient is the address of the API. Its methods call the API over HTTP.
type httpClient string

// sendRequest creates a deployment. If missingScope is true, sendRequest deletes a
// deployment instead.
func (addr httpClient) sendRequest(ctx context.Context, c credential, missingScope bool) (outcome, error) {
	method, url, body := http.MethodPost, "http://"+string(addr)+"/deployments", `{"application":"inventory-service"}`
	if missingScope {
		method, url, body = http.MethodDelete, url+"/"+deploymentID, ""
	}
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return outcome{}, err
	}
	fields, err := c.fields(method, url)
	if err != nil {
		return outcome{}, err
	}
	for name, value := range fields {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return outcome{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return outcome{}, err
	}
	o := outcome{status: response.Status, detail: challengeOf(response.Header)}
	switch {
	case response.StatusCode == http.StatusCreated:
		var d deployment
		if err := json.Unmarshal(answer, &d); err != nil {
			return outcome{}, err
		}
		o.caller = &d.Caller
	case o.detail == "":
		o.detail = strings.TrimSpace(string(answer))
	default:
		if code := regexp.MustCompile(`\berror="([^"]*)"`).FindStringSubmatch(o.detail); code != nil {
			o.reason = code[1]
		}
	}
	return o, nil
}

// challengeOf returns the challenge with an error code, or the first one. An API that also accepts
// bound tokens sends a challenge for each scheme (RFC 9449, section 7.2).
func challengeOf(h http.Header) string {
	for _, challenge := range h.Values("WWW-Authenticate") {
		if strings.Contains(challenge, ` error="`) {
			return challenge
		}
	}
	return h.Get("WWW-Authenticate")
}

// grpcClient calls the API over gRPC.
type grpcClient struct {
	addr        string
	conn        *grpc.ClientConn
	deployments deployv1.DeploymentsClient
}

func newGRPCClient(addr string) (*grpcClient, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &grpcClient{addr, conn, deployv1.NewDeploymentsClient(conn)}, nil
}

func (c *grpcClient) close() { _ = c.conn.Close() } // an error has no effect, because all calls have ended

// callUnary creates a deployment. If missingScope is true, callUnary deletes a deployment
// instead.
func (c *grpcClient) callUnary(ctx context.Context, from credential, missingScope bool) (outcome, error) {
	method := deployv1.Deployments_Create_FullMethodName
	if missingScope {
		method = deployv1.Deployments_Delete_FullMethodName
	}
	ctx, err := c.withFields(ctx, from, method)
	if err != nil {
		return outcome{}, err
	}
	if missingScope {
		_, err := c.deployments.Delete(ctx, &deployv1.DeleteRequest{Id: deploymentID})
		return grpcOutcome(nil, err)
	}
	d, err := c.deployments.Create(ctx, &deployv1.CreateRequest{Application: "inventory-service"})
	return grpcOutcome(d.GetCaller(), err)
}

// callStream watches a deployment until the deployment is done. If missingScope is true,
// callStream reads the log of a deployment instead.
func (c *grpcClient) callStream(ctx context.Context, from credential, missingScope bool) (outcome, error) {
	method := deployv1.Deployments_Watch_FullMethodName
	if missingScope {
		method = deployv1.Deployments_Logs_FullMethodName
	}
	ctx, err := c.withFields(ctx, from, method)
	if err != nil {
		return outcome{}, err
	}
	if missingScope {
		lines, err := c.deployments.Logs(ctx, &deployv1.LogsRequest{Id: deploymentID})
		if err != nil {
			return outcome{}, err
		}
		_, err = lastMessage(lines)
		return grpcOutcome(nil, err)
	}
	states, err := c.deployments.Watch(ctx, &deployv1.WatchRequest{Id: deploymentID})
	if err != nil {
		return outcome{}, err
	}
	state, err := lastMessage(states)
	if err == nil && state.GetPhase() != "done" {
		return outcome{}, fmt.Errorf("the stream ended with phase %q, want phase \"done\"", state.GetPhase())
	}
	return grpcOutcome(state.GetCaller(), err)
}

// lastMessage reads a stream until the end and returns the last message of the stream.
func lastMessage[T any](stream grpc.ServerStreamingClient[T]) (*T, error) {
	var message *T
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return message, nil
		}
		if err != nil {
			return nil, err
		}
		message = next
	}
}

// withFields adds the credential to the metadata of a call of a method.
func (c *grpcClient) withFields(ctx context.Context, from credential, method string) (context.Context, error) {
	fields, err := from.fields(http.MethodPost, "http://"+c.addr+method)
	if err != nil {
		return nil, err
	}
	return metadata.NewOutgoingContext(ctx, metadata.New(fields)), nil
}

// grpcOutcome returns the outcome of a gRPC call. A refusal is an outcome, too. Therefore,
// the returned error is always nil.
func grpcOutcome(from *deployv1.Caller, err error) (outcome, error) {
	st := status.Convert(err)
	o := outcome{status: st.Code().String()}
	if err == nil {
		if from != nil {
			o.caller = &caller{from.GetClientId(), from.GetGithubRepository(), from.GetEnvironment()}
		}
		return o, nil
	}
	o.detail = st.Message()
	for _, d := range st.Details() {
		info, ok := d.(*errdetails.ErrorInfo)
		if !ok {
			continue
		}
		o.reason = info.GetReason()
		o.detail = o.reason + ": " + o.detail
		if scope := info.GetMetadata()["scope"]; scope != "" {
			o.detail += " (" + scope + ")"
		}
	}
	return o, nil
}
