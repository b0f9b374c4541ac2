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

// tokens returns where a client gets its access tokens. It keeps one for as long
// as it is good, and fetches the next when asked less than 10 s before it expires.
func tokens(client clientcredentials.Config, via *http.Client) oauth2.TokenSource {
	// A context is how oauth2 wants to be told. It is the source's for all of
	// its life and no call's: calls wait for their token whatever their own
	// deadline is, so the http.Client should have a Timeout.
	return client.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, via))
}

// dial returns a connection to a service that sends a token with each call.
func dial(target string, roots *x509.CertPool, source oauth2.TokenSource, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	return dialAs(oauth.TokenSource{TokenSource: source}, target, roots, more...)
}

// dialForwarding returns a connection that sends the token of the caller whose
// call is being handled. It is for the handlers of a service and for their
// contexts; the guard there has Options.KeepToken.
func dialForwarding(target string, roots *x509.CertPool) (*grpc.ClientConn, error) {
	forward, err := interceptor.NewForwarder(clusterAudience)
	if err != nil {
		return nil, err
	}
	return dialAs(forward, target, roots)
}

func dialAs(caller credentials.PerRPCCredentials, target string, roots *x509.CertPool, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	transport := credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}) // nil roots: the system's
	return grpc.NewClient(target, append([]grpc.DialOption{grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(caller)}, more...)...)
}
