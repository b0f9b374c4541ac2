package main

import (
	"context"
	"fmt"
)

// serve prints lines to call the API with, and keeps everything up until ctx
// ends.
func (q quickstart) serve(ctx context.Context, env *environment, a *api) error {
	id, secret := env.client.ClientID, env.client.ClientSecret
	if env.sign == nil {
		// A real secret is not printed. The shell that has it fills it in.
		id, secret = `"$M2M_CLIENT_ID"`, `"$M2M_CLIENT_SECRET"`
	}
	_, err := fmt.Fprintf(q.stdout, `
Everything stays up until you press Ctrl-C. In another terminal, get a token:

  TOKEN=$(curl -sS %[1]s/oauth/token \
    -d grant_type=client_credentials \
    -d client_id=%[2]s \
    -d client_secret=%[3]s |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')

Call the API with it, and then in ways that are refused (no token: 401; a scope
that the client does not have: 403):

  curl -i http://%[4]s/deployments -H "Authorization: Bearer $TOKEN" -d '{"application":"inventory-service"}'
  curl -i http://%[4]s/deployments/%[6]s -H "Authorization: Bearer $TOKEN"
  curl -i http://%[4]s/deployments/%[6]s
  curl -i -X DELETE http://%[4]s/deployments/%[6]s -H "Authorization: Bearer $TOKEN"

The same over gRPC (Unauthenticated, PermissionDenied):

  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" -d '{"application":"inventory-service"}' %[5]s deploy.v1.Deployments/Create
  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" -d '{"id":"%[6]s"}' %[5]s deploy.v1.Deployments/Watch
  grpcurl -plaintext -d '{"id":"%[6]s"}' %[5]s deploy.v1.Deployments/Watch
  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" -d '{"id":"%[6]s"}' %[5]s deploy.v1.Deployments/Delete

What has the rule scopes.Public asks for no token:

  curl -i http://%[4]s/healthz
  grpcurl -plaintext %[5]s list
  grpcurl -plaintext %[5]s grpc.health.v1.Health/Check

Why a request is refused is logged here.

`, env.url, id, secret, a.httpAddr, a.grpcAddr, deploymentID)
	if err != nil {
		return err
	}
	<-ctx.Done()
	_, err = fmt.Fprintln(q.stdout, "shutting down")
	return err
}
