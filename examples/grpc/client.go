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

// tokens returns a source of access tokens for a client. The source caches a token until
// 10 s before it expires, and then fetches the next one.
func tokens(client clientcredentials.Config, via *http.Client) oauth2.TokenSource {
	// oauth2 takes the http.Client from a context. The source keeps this context for
	// all of its calls. It ignores the deadline of the gRPC call that waits for a
	// token, so the http.Client needs a Timeout.
	return client.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, via))
}

// dial returns a connection to a service. It sends a token of source with each call.
func dial(target string, roots *x509.CertPool, source oauth2.TokenSource, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	return dialAs(oauth.TokenSource{TokenSource: source}, target, roots, more...)
}

// dialForwarding returns a connection for the handlers of a service. It forwards the token
// of the call that the handler serves. The token is in the context of the handler if the
// guard of the service has Options.KeepToken.
func dialForwarding(target string, roots *x509.CertPool) (*grpc.ClientConn, error) {
	forward, err := interceptor.NewForwarder(clusterAudience)
	if err != nil {
		return nil, err
	}
	return dialAs(forward, target, roots)
}

func dialAs(caller credentials.PerRPCCredentials, target string, roots *x509.CertPool, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	transport := credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}) // nil roots: those of the system
	return grpc.NewClient(target, append([]grpc.DialOption{grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(caller)}, more...)...)
}
