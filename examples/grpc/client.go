package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"

	"github.com/bearerkit/bearer/interceptor"
)

// tokens returns a source of access tokens for a client. The source caches each token. It
// fetches a new token 10 s before the cached token expires.
func tokens(client clientcredentials.Config, via *http.Client) oauth2.TokenSource {
	// Package oauth2 takes the http.Client from a context. The source keeps this context
	// for all its token requests, and ignores the deadline of the gRPC call that waits
	// for a token. The http.Client therefore needs a Timeout.
	return client.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, via))
}

// connect returns a connection to a service. Each call carries a token from the source.
func connect(target string, roots *x509.CertPool, source oauth2.TokenSource, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	return connectAs(oauth.TokenSource{TokenSource: source}, target, roots, more...)
}

// connectForwarding returns a connection for the handlers of a service that calls another
// service. Each call carries the token of the request that the handler serves. The guard of
// the first service must have Options.KeepToken, which puts this token into the context.
func connectForwarding(target string, roots *x509.CertPool) (*grpc.ClientConn, error) {
	forward, err := interceptor.NewForwarder(clusterAudience)
	if err != nil {
		return nil, err
	}
	return connectAs(forward, target, roots)
}

func connectAs(caller credentials.PerRPCCredentials, target string, roots *x509.CertPool, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	transport := credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}) // if roots is nil, the client uses the roots of the system
	return grpc.NewClient(target, append([]grpc.DialOption{grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(caller)}, more...)...)
}
