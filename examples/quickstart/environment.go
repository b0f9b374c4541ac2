package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/bearerkit/bearer/internal/scalekit"
)

const defaultAudience = "deployment-api.acmecorp.com"

// environment is a Scalekit environment with a client registered in it.
type environment struct {
	url, kind   string
	clientLabel string // how the output names the client
	client      clientcredentials.Config
	audience    string
	// sign signs a token with these claims by the issuer's private key. It is nil for
	// a real environment, because this program does not have its private key.
	sign func(claims map[string]any) string
	// caller is the caller that handlers must see. If it is nil, the claims of the
	// client's token are expected.
	caller *caller
	close  func() error
}

// environment returns the real environment that the environment variables name. If no
// variable is set, it starts an embedded environment.
func (q quickstart) environment(ctx context.Context) (*environment, error) {
	url, id, secret := q.env("SCALEKIT_ENVIRONMENT_URL"), q.env("M2M_CLIENT_ID"), q.env("M2M_CLIENT_SECRET")
	if url == "" && id == "" && secret == "" {
		return embedded(ctx)
	}
	var missing []string
	for _, v := range []struct{ name, value string }{
		{"SCALEKIT_ENVIRONMENT_URL", url}, {"M2M_CLIENT_ID", id}, {"M2M_CLIENT_SECRET", secret},
	} {
		if v.value == "" {
			missing = append(missing, v.name)
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("%s not set; set all three variables to use a real environment, or none of them to use the embedded environment", strings.Join(missing, " and "))
	}
	// The issuer identifier has no trailing slash, but a copied URL may end in a slash.
	url = strings.TrimRight(url, "/")
	return &environment{
		url:         url,
		kind:        "a real environment",
		clientLabel: id,
		client:      credentials(url, id, secret),
		audience:    cmp.Or(q.env("M2M_AUDIENCE"), defaultAudience),
		close:       func() error { return nil },
	}, nil
}

// credentials configures the client credentials grant: the client posts its secret to
// the token endpoint (RFC 6749, section 4.4).
func credentials(url, id, secret string) clientcredentials.Config {
	return clientcredentials.Config{
		ClientID:     id,
		ClientSecret: secret,
		TokenURL:     url + "/oauth/token",
		AuthStyle:    oauth2.AuthStyleInParams,
	}
}

// embedded starts an embedded environment on a free port of this machine. It registers
// a client over REST, as an administrator does.
func embedded(ctx context.Context) (_ *environment, err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the issuer: %w", err)
	}
	url := "http://" + listener.Addr().String()
	env, admin, err := scalekit.New(scalekit.Config{URL: url})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	stop := serveHTTP(ctx, listener, env.Handler())
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	id, secret, err := register(ctx, url, admin)
	if err != nil {
		return nil, fmt.Errorf("register the client: %w", err)
	}
	issuer := env.Issuer()
	return &environment{
		url:         url,
		kind:        "embedded, for development",
		clientLabel: fmt.Sprintf("%s, registered as %s", clientName, id),
		client:      credentials(url, id, secret),
		audience:    defaultAudience,
		sign: func(claims map[string]any) string {
			return issuer.Mint(map[string]any{"typ": "JWT"}, claims)
		},
		caller: &caller{ClientID: id, GitHubRepository: "acmecorp/inventory-service", Environment: "production_us"},
		close: func() error {
			err := stop()
			issuer.Close()
			return err
		},
	}, nil
}

// serveHTTP serves h until stop is called, even if ctx ends earlier. stop shuts the
// server down gracefully and returns the server's error.
func serveHTTP(ctx context.Context, listener net.Listener, h http.Handler) (stop func() error) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: timeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gracePeriod)
		defer cancel()
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}

// gracePeriod is the time that requests in flight have at shutdown.
const gracePeriod = 5 * time.Second
