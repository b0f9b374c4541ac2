// The program grpc runs a gRPC client and two services over TLS.
//
//	go run ./examples/grpc
//
// The client gets access tokens with the client credentials grant (golang.org/x/oauth2)
// and sends a token with each call (google.golang.org/grpc/credentials/oauth). The first
// service forwards the token of its caller to the second service. The program makes some
// calls and prints the results. If a result differs from the expected result, the program
// exits with status 1. A test issuer runs inside the program.
//
// The code to copy is in client.go for clients and in server.go for services.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/deployv1"
)

const (
	apiAudience     = "deployment-api"
	clusterAudience = "cluster-api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	slog.SetLogLoggerLevel(slog.LevelWarn)
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "grpc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout io.Writer) (err error) {
	issuer := newIssuer() // stands for your authorization server
	defer issuer.Close()
	certificate, roots, err := newCertificate() // stands for your certificates
	if err != nil {
		return err
	}

	cluster, err := start(ctx, issuer, clusterAudience, certificate, deployments{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.close()) }()
	next, err := connectForwarding(cluster.addr, roots)
	if err != nil {
		return err
	}
	defer next.Close()
	api, err := start(ctx, issuer, apiAudience, certificate, deployments{cluster: deployv1.NewDeploymentsClient(next)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.close()) }()

	_, err = fmt.Fprintf(stdout, "bearer gRPC example: client credentials grant over TLS\n\n  issuer   %s\n  cluster  %s\n  api      %s (forwards Create to the cluster)\n\n%s\n",
		issuer.URL(), cluster.addr, api.addr, api.audit)
	if err != nil {
		return err
	}
	return scenario{issuer, api.addr, roots}.run(ctx, stdout)
}

// newIssuer returns an issuer with three clients.
func newIssuer() *bearertest.Issuer {
	issuer := bearertest.NewIssuer(nil)
	may := []string{"deploy:applications", "read:deployments"}
	both := []string{apiAudience, clusterAudience}
	issuer.AddClient(bearertest.Client{ID: "ci", Secret: "ci-secret", Scopes: may, Audience: both})
	issuer.AddClient(bearertest.Client{ID: "brief", Secret: "brief-secret", Scopes: may, Audience: both, Lifetime: 9 * time.Second})
	issuer.AddClient(bearertest.Client{ID: "local", Secret: "local-secret", Scopes: may, Audience: []string{apiAudience}})
	return issuer
}

// runningService is a service that accepts calls.
type runningService struct {
	addr, audit string
	close       func() error
}

func start(ctx context.Context, issuer *bearertest.Issuer, audience string, certificate *tls.Certificate, service deployments) (*runningService, error) {
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}}) //nolint:contextcheck // the verifier lives until Close
	if err != nil {
		return nil, err
	}
	server, audit, err := newServer(verifier, certificate, service, service.cluster != nil)
	if err != nil {
		return nil, errors.Join(err, verifier.Close())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, verifier.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return &runningService{listener.Addr().String(), audit, func() error {
		server.GracefulStop()
		return errors.Join(<-ended, verifier.Close())
	}}, nil
}

// newCertificate returns a certificate for 127.0.0.1, and roots that trust this certificate.
func newCertificate() (*tls.Certificate, *x509.CertPool, error) {
	certificate, err := selfSigned(net.IPv4(127, 0, 0, 1))
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	return certificate, roots, nil
}
