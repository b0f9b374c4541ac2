package main

import (
	"context"
	"fmt"
)

// serve prints commands that call the API, and then waits until ctx ends.
func (q quickstart) serve(ctx context.Context, env *environment, a *api) error {
	id, secret := env.client.ClientID, env.client.ClientSecret
	if env.sign == nil {
		// The program must not print the secret of a real client. The user's shell has
		// the secret in a variable.
		id, secret = `"$M2M_CLIENT_ID"`, `"$M2M_CLIENT_SECRET"`
	}
	_, err := fmt.Fprintf(q.stdout, `
The program keeps running until you press Ctrl-C. In a second terminal, get a
token for the client:

  TOKEN=$(curl -sS %[1]s/oauth/token \
    -d grant_type=client_credentials \
    -d client_id=%[2]s \
    -d client_secret=%[3]s |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')

Call the API over HTTP. The API accepts the first two calls. The API refuses
the third call, because this call has no token (401 Unauthorized). The API
refuses the fourth call, because the client does not have the required scope
(403 Forbidden).

  curl -i http://%[4]s/deployments \
    -H "Authorization: Bearer $TOKEN" \
    -d '{"application":"inventory-service"}'
  curl -i http://%[4]s/deployments/%[6]s \
    -H "Authorization: Bearer $TOKEN"
  curl -i http://%[4]s/deployments/%[6]s
  curl -i -X DELETE http://%[4]s/deployments/%[6]s \
    -H "Authorization: Bearer $TOKEN"

Call the API over gRPC. The API accepts the first two calls. The API refuses
the third call, because this call has no token (Unauthenticated). The API
refuses the fourth call, because the client does not have the required scope
(PermissionDenied).

  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" \
    -d '{"application":"inventory-service"}' \
    %[5]s deploy.v1.Deployments/Create
  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" \
    -d '{"id":"%[6]s"}' %[5]s deploy.v1.Deployments/Watch
  grpcurl -plaintext \
    -d '{"id":"%[6]s"}' %[5]s deploy.v1.Deployments/Watch
  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" \
    -d '{"id":"%[6]s"}' %[5]s deploy.v1.Deployments/Delete

Routes and methods with the rule scopes.Public need no token:

  curl -i http://%[4]s/healthz
  grpcurl -plaintext %[5]s list
  grpcurl -plaintext %[5]s grpc.health.v1.Health/Check

This terminal shows a log record with the reason of each refused request.

`, env.url, id, secret, a.httpAddr, a.grpcAddr, deploymentID)
	if err != nil {
		return err
	}
	<-ctx.Done()
	_, err = fmt.Fprintln(q.stdout, "Shutting down.")
	return err
}
