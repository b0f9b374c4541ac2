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

// environment is a Scalekit environment with a registered client.
type environment struct {
	url, kind   string
	clientLabel string // name of the client in the output
	client      clientcredentials.Config
	audience    string
	// sign returns a token with these claims. The issuer's private key signs the token.
	// For a real environment, sign is nil, because this program does not have the
	// private key of the issuer.
	sign func(claims map[string]any) string
	// caller is the caller that handlers must see. If caller is nil, handlers must see
	// the values in the client's token.
	caller *caller
	close  func() error
}

// environment returns the real environment that the environment variables name. If none of
// the variables is set, the method starts an embedded environment.
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
		return nil, fmt.Errorf("missing environment variables: %s; to use a real environment, set all three variables; to use the embedded environment, set none of the three variables", strings.Join(missing, ", "))
	}
	// A URL that a user copied may end in a slash, but the issuer identifier does not.
	url = strings.TrimRight(url, "/")
	return &environment{
		url:         url,
		kind:        "from SCALEKIT_ENVIRONMENT_URL",
		clientLabel: id,
		client:      credentials(url, id, secret),
		audience:    cmp.Or(q.env("M2M_AUDIENCE"), defaultAudience),
		close:       func() error { return nil },
	}, nil
}

// credentials returns the configuration of the client credentials grant (RFC 6749, section
// 4.4). The client sends the secret in the body of the token request.
func credentials(url, id, secret string) clientcredentials.Config {
	return clientcredentials.Config{
		ClientID:     id,
		ClientSecret: secret,
		TokenURL:     url + "/oauth/token",
		AuthStyle:    oauth2.AuthStyleInParams,
	}
}

// embedded starts an embedded environment on a free port of this machine. Then it registers a
// client over REST, like an administrator.
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

// serveHTTP starts an HTTP server for h. The server runs until the caller calls stop, even
// if ctx ends earlier. The function stop shuts the server down gracefully and returns the
// error of the server.
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

// gracePeriod is the time limit for requests in flight during a shutdown.
const gracePeriod = 5 * time.Second
