package scalekit_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

// startServing serves an environment over HTTP/1.1 and HTTP/2. If encrypted is true, the
// server uses TLS. startServing returns the environment and a connection for gRPC clients.
func startServing(t *testing.T, encrypted bool) (environment, *grpc.ClientConn) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	address := server.Listener.Addr().String()
	url := "http://" + address
	if encrypted {
		url = "https://" + address
	}
	env, admin, err := scalekit.New(scalekit.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = env.Handler()
	transport := insecure.NewCredentials()
	if encrypted {
		server.EnableHTTP2 = true
		server.StartTLS()
		transport = credentials.NewTLS(&tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}) //nolint:errcheck // the client of httptest has a *http.Transport
	} else {
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetHTTP1(true)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return environment{env, admin, url, server.Client(), server.Certificate()}, connection
}

func withToken(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// TestRPC makes the same calls over h2c and over TLS. For http:// URLs, the vendor's Node
// SDK uses h2c, and the vendor's Go SDK uses HTTP/1.1: see TestRPCOverHTTP1.
func TestRPC(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		t.Run(map[bool]string{false: "h2c", true: "TLS"}[encrypted], func(t *testing.T) {
			env, connection := startServing(t, encrypted)
			checkRPC(t, env, connection)
		})
	}
}

// checkRPC runs the lifecycle of a client over gRPC.
func checkRPC(t *testing.T, env environment, connection *grpc.ClientConn) {
	t.Helper()
	clients := scalekitv1.NewClientServiceClient(connection)
	ctx := withToken(t.Context(), env.adminToken(t))
	created, err := clients.CreateOrganizationClient(ctx, &scalekitv1.CreateOrganizationClientRequest{
		OrganizationId: env.OrganizationID,
		Client: &scalekitv1.OrganizationClient{
			Name: "CI", Description: "deploys", Scopes: []string{"a", "b"}, Audience: []string{"api"}, Expiry: 60,
			CustomClaims: []*scalekitv1.CustomClaim{{Key: "k", Value: "v"}},
		},
	}, grpc.UseCompressor(gzip.Name))
	if err != nil {
		t.Fatal(err)
	}
	client := created.GetClient()
	id, first := client.GetClientId(), client.GetSecrets()[0]
	if !valuePatterns["client_id"].MatchString(id) || client.GetOrganizationId() != env.OrganizationID || client.GetExpiry() != 60 ||
		client.GetCreateTime() == nil || first.GetLastUsedTime() == nil || first.PlainSecret != nil || first.ExpireTime != nil ||
		first.GetSecretSuffix() != created.GetPlainSecret()[len(created.GetPlainSecret())-4:] {
		t.Errorf("created: got client %v, want the settings of the request", client)
	}
	got, err := clients.GetOrganizationClient(ctx, &scalekitv1.GetOrganizationClientRequest{OrganizationId: env.OrganizationID, ClientId: id})
	if err != nil || !proto.Equal(got.GetClient(), client) {
		t.Errorf("fetched: got response %v and error %v, want client %v", got, err, client)
	}
	claims := claimsOf(t, text(t, env.requestToken(t, id, created.GetPlainSecret()).members, "access_token"))
	if claims["scope"] != "a b" || claims["oid"] != env.OrganizationID || fmt.Sprint(claims["custom_claims"]) != "map[k:v]" {
		t.Errorf("got claims %v, want scope a b, oid %s and custom claim k=v", claims, env.OrganizationID)
	}
	updated, err := clients.UpdateOrganizationClient(ctx, &scalekitv1.UpdateOrganizationClientRequest{
		OrganizationId: env.OrganizationID, ClientId: id, Client: &scalekitv1.OrganizationClient{Name: "CD"},
	})
	if c := updated.GetClient(); err != nil || c.GetName() != "CD" || c.GetDescription() != "deploys" || c.GetExpiry() != 60 || len(c.GetScopes()) != 2 {
		t.Errorf("updated: got response %v and error %v, want the new name and the old settings", updated, err)
	}
	added, err := clients.CreateOrganizationClientSecret(ctx, &scalekitv1.CreateOrganizationClientSecretRequest{OrganizationId: env.OrganizationID, ClientId: id})
	if err != nil || env.requestToken(t, id, added.GetPlainSecret()).StatusCode != http.StatusOK {
		t.Errorf("added secret: got response %v and error %v, want a secret that the token endpoint accepts", added, err)
	}
	off, err := clients.UpdateClientSecret(ctx, &scalekitv1.UpdateClientSecretRequest{
		ClientId: id, SecretId: first.GetId(), Secret: &scalekitv1.UpdateClientSecret{Status: scalekitv1.ClientSecretStatus_INACTIVE},
	})
	if err != nil || off.GetSecret().GetStatus() != scalekitv1.ClientSecretStatus_INACTIVE || env.requestToken(t, id, created.GetPlainSecret()).StatusCode != http.StatusUnauthorized {
		t.Errorf("deactivated secret: got response %v and error %v, want a secret that the token endpoint refuses", off, err)
	}
	if _, err := clients.DeleteOrganizationClientSecret(ctx, &scalekitv1.DeleteOrganizationClientSecretRequest{
		OrganizationId: env.OrganizationID, ClientId: id, SecretId: first.GetId(),
	}); err != nil {
		t.Error(err)
	}
	_, err = clients.DeleteClientSecret(ctx, &scalekitv1.DeleteClientSecretRequest{ClientId: id, SecretId: added.GetSecret().GetId()})
	checkStatus(t, "delete the last secret", err, codes.FailedPrecondition, "FAILED_PRECONDITION", "")
	list, err := clients.ListOrganizationClients(ctx, &scalekitv1.ListOrganizationClientsRequest{OrganizationId: env.OrganizationID, PageSize: 10})
	if err != nil || list.GetTotalSize() != 1 || list.GetClients()[0].GetClientId() != id || list.GetNextPageToken() != "" {
		t.Errorf("list: got response %v and error %v, want one client", list, err)
	}
	if _, err := clients.DeleteOrganizationClient(ctx, &scalekitv1.DeleteOrganizationClientRequest{OrganizationId: env.OrganizationID, ClientId: id}); err != nil {
		t.Error(err)
	}
	_, err = clients.GetOrganizationClient(ctx, &scalekitv1.GetOrganizationClientRequest{OrganizationId: env.OrganizationID, ClientId: id})
	checkStatus(t, "deleted client", err, codes.NotFound, "NOT_FOUND", "")
}

func TestOrganizationRPC(t *testing.T) {
	env, connection := startServing(t, false)
	organizations := scalekitv1.NewOrganizationServiceClient(connection)
	ctx := withToken(t.Context(), env.adminToken(t))
	external, slug := "tenant_1", "acme"
	created, err := organizations.CreateOrganization(ctx, &scalekitv1.CreateOrganizationRequest{Organization: &scalekitv1.CreateOrganization{
		DisplayName: "Acme", ExternalId: &external, Slug: &slug, Metadata: map[string]string{"key": "value"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := created.GetOrganization()
	byID := &scalekitv1.GetOrganizationRequest{Identities: &scalekitv1.GetOrganizationRequest_Id{Id: o.GetId()}}
	byExternalID := &scalekitv1.GetOrganizationRequest{Identities: &scalekitv1.GetOrganizationRequest_ExternalId{ExternalId: external}}
	if o.GetRegionCode() != scalekitv1.RegionCode_US || o.GetExternalId() != external || o.LogoUrl != nil {
		t.Errorf("created: got organization %v, want region US, the external ID of the request and no logo URL", o)
	}
	for _, get := range []func() (*scalekitv1.GetOrganizationResponse, error){
		func() (*scalekitv1.GetOrganizationResponse, error) { return organizations.GetOrganization(ctx, byID) },
		func() (*scalekitv1.GetOrganizationResponse, error) {
			return organizations.GetOrganization(ctx, byExternalID)
		},
		func() (*scalekitv1.GetOrganizationResponse, error) {
			return organizations.GetOrganizationByExternalId(ctx, byExternalID)
		},
	} {
		if got, err := get(); err != nil || !proto.Equal(got.GetOrganization(), o) {
			t.Errorf("got response %v and error %v, want organization %v", got, err, o)
		}
	}
	name, none := "Acme again", ""
	updated, err := organizations.UpdateOrganization(ctx, &scalekitv1.UpdateOrganizationRequest{
		Identities:   &scalekitv1.UpdateOrganizationRequest_ExternalId{ExternalId: external},
		Organization: &scalekitv1.UpdateOrganization{DisplayName: &name, Slug: &none},
	})
	if got := updated.GetOrganization(); err != nil || got.GetDisplayName() != name || got.Slug != nil || got.GetMetadata()["key"] != "value" {
		t.Errorf("updated: got response %v and error %v, want the new name, no slug and the old metadata", updated, err)
	}
	switched, err := organizations.UpdateOrganizationSettings(ctx, &scalekitv1.UpdateOrganizationSettingsRequest{
		Id: o.GetId(), Settings: &scalekitv1.OrganizationSettings{Features: []*scalekitv1.OrganizationSettingsFeature{{Name: "sso", Enabled: true}}},
	})
	if err != nil || !switched.GetOrganization().GetSettings().GetFeatures()[0].GetEnabled() {
		t.Errorf("settings: got response %v and error %v, want an enabled feature", switched, err)
	}
	list, err := organizations.ListOrganization(ctx, &scalekitv1.ListOrganizationsRequest{PageSize: 1})
	if err != nil || list.GetTotalSize() != 2 || list.GetOrganizations()[0].GetId() != o.GetId() || list.GetNextPageToken() == "" {
		t.Errorf("list: got response %v and error %v, want the first of two organizations and a page token", list, err)
	}
	found, err := organizations.SearchOrganization(ctx, &scalekitv1.SearchOrganizationsRequest{Query: "again"})
	if err != nil || found.GetTotalSize() != 1 {
		t.Errorf("search: got response %v and error %v, want one organization", found, err)
	}
	if _, err := organizations.DeleteOrganization(ctx, &scalekitv1.DeleteOrganizationRequest{Identities: &scalekitv1.DeleteOrganizationRequest_Id{Id: o.GetId()}}); err != nil {
		t.Error(err)
	}
	_, err = organizations.GetOrganization(ctx, byID)
	checkStatus(t, "deleted organization", err, codes.NotFound, "NOT_FOUND", "")
	_, err = organizations.GetOrganization(ctx, &scalekitv1.GetOrganizationRequest{})
	checkStatus(t, "get without an identity", err, codes.InvalidArgument, "INVALID_ARGUMENT", "identities")
	_, err = organizations.CreateOrganization(ctx, &scalekitv1.CreateOrganizationRequest{})
	checkStatus(t, "create without an organization", err, codes.InvalidArgument, "INVALID_ARGUMENT", "organization")
}

func TestRPCRefusals(t *testing.T) {
	env, connection := startServing(t, false)
	clients := scalekitv1.NewClientServiceClient(connection)
	c := env.registerClient(t, "{}")
	own := text(t, env.requestToken(t, c.id, c.plain).members, "access_token")
	request := func(change func(*scalekitv1.OrganizationClient)) *scalekitv1.CreateOrganizationClientRequest {
		out := &scalekitv1.CreateOrganizationClientRequest{OrganizationId: env.OrganizationID, Client: &scalekitv1.OrganizationClient{}}
		change(out.Client)
		return out
	}
	admin := withToken(t.Context(), env.adminToken(t))
	before := env.Dump()
	for _, row := range []struct {
		name      string
		ctx       context.Context //nolint:containedctx // the context carries the row's token
		request   *scalekitv1.CreateOrganizationClientRequest
		code      codes.Code
		errorCode string
		field     string
	}{
		{"call without a token", t.Context(), request(func(*scalekitv1.OrganizationClient) {}), codes.Unauthenticated, "UNAUTHENTICATED", ""},
		{"malformed token", withToken(t.Context(), "a.b.c"), request(func(*scalekitv1.OrganizationClient) {}), codes.Unauthenticated, "UNAUTHENTICATED", ""},
		{"token of an organization's client", withToken(t.Context(), own), request(func(*scalekitv1.OrganizationClient) {}), codes.PermissionDenied, "PERMISSION_DENIED", ""},
		{"request without a client", admin, &scalekitv1.CreateOrganizationClientRequest{OrganizationId: env.OrganizationID}, codes.InvalidArgument, "INVALID_ARGUMENT", "client"},
		{"request without an organization ID", admin, &scalekitv1.CreateOrganizationClientRequest{Client: &scalekitv1.OrganizationClient{}}, codes.InvalidArgument, "INVALID_ARGUMENT", "organization_id"},
		{"name that is too long", admin, request(func(c *scalekitv1.OrganizationClient) { c.Name = strings.Repeat("é", 129) }), codes.InvalidArgument, "INVALID_ARGUMENT", "client.name"},
		{"description that is too long", admin, request(func(c *scalekitv1.OrganizationClient) { c.Description = strings.Repeat("x", 513) }), codes.InvalidArgument, "INVALID_ARGUMENT", "client.description"},
		{"invalid scope", admin, request(func(c *scalekitv1.OrganizationClient) { c.Scopes = []string{"a", "b c"} }), codes.InvalidArgument, "INVALID_ARGUMENT", "client.scopes[1]"},
		{"empty audience", admin, request(func(c *scalekitv1.OrganizationClient) { c.Audience = []string{""} }), codes.InvalidArgument, "INVALID_ARGUMENT", "client.audience[0]"},
		{"custom claim without a key", admin, request(func(c *scalekitv1.OrganizationClient) { c.CustomClaims = []*scalekitv1.CustomClaim{{}} }), codes.InvalidArgument, "INVALID_ARGUMENT", "client.custom_claims[0].key"},
		{"negative expiry", admin, request(func(c *scalekitv1.OrganizationClient) { c.Expiry = -1 }), codes.InvalidArgument, "INVALID_ARGUMENT", "client.expiry"},
	} {
		_, err := clients.CreateOrganizationClient(row.ctx, row.request)
		checkStatus(t, row.name, err, row.code, row.errorCode, row.field)
	}
	_, err := clients.UpdateClientSecret(admin, &scalekitv1.UpdateClientSecretRequest{ClientId: c.id, SecretId: c.secretID, Secret: &scalekitv1.UpdateClientSecret{Status: 7}})
	checkStatus(t, "unknown status", err, codes.InvalidArgument, "INVALID_ARGUMENT", "secret.status")
	for _, method := range []string{"/scalekit.v1.clients.ClientService/CreateResource", "/scalekit.v1.users.UserService/ListUsers"} {
		err := connection.Invoke(admin, method, &emptypb.Empty{}, &emptypb.Empty{})
		checkStatus(t, method, err, codes.Unimplemented, "UNIMPLEMENTED", "")
	}
	if env.Dump() != before {
		t.Error("a refused call changed the state")
	}
}

// checkStatus checks the gRPC status of an error, and the vendor's ErrorInfo in this status.
func checkStatus(t *testing.T, name string, err error, code codes.Code, errorCode, field string) {
	t.Helper()
	got := status.Convert(err)
	if got.Code() != code || got.Message() == "" || len(got.Details()) != 1 {
		t.Errorf("%s: got status %v with %d details, want status %s with 1 detail", name, got, len(got.Details()), code)
		return
	}
	info, ok := got.Details()[0].(*scalekitv1.ErrorInfo)
	if !ok || info.GetErrorCode() != errorCode {
		t.Errorf("%s: got details %v, want details with error code %s", name, got.Details(), errorCode)
	}
	violations := info.GetValidationErrorInfo().GetFieldViolations()
	if field != "" && (len(violations) != 1 || violations[0].GetField() != field || !strings.Contains(got.Message(), field)) {
		t.Errorf("%s: got status %v with violations %v, want one violation of the field %s", name, got, violations, field)
	}
}

// rawAnswer is the HTTP response to a gRPC call.
type rawAnswer struct {
	body    []byte
	trailer http.Header
}

// callOverHTTP1 makes a gRPC call over HTTP/1.1. The request body is a gRPC frame.
func (env environment) callOverHTTP1(t *testing.T, method, token string, message proto.Message) rawAnswer {
	t.Helper()
	encoded, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(encoded))), encoded...) //nolint:gosec // a small message
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, env.url+method, bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Grpc-Timeout": {"9999996u"}, "Authorization": {"Bearer " + token}}
	response, err := env.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Proto != "HTTP/1.1" || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/grpc" {
		t.Errorf("got protocol %s, status %s and header %v, want protocol HTTP/1.1, status 200 and Content-Type application/grpc", response.Proto, response.Status, response.Header)
	}
	return rawAnswer{body, response.Trailer}
}

func TestRPCOverHTTP1(t *testing.T) {
	env := startEnvironment(t)
	const create = "/scalekit.v1.clients.ClientService/CreateOrganizationClient"
	got := env.callOverHTTP1(t, create, env.adminToken(t), &scalekitv1.CreateOrganizationClientRequest{
		OrganizationId: env.OrganizationID, Client: &scalekitv1.OrganizationClient{Name: "x"},
	})
	var created scalekitv1.CreateOrganizationClientResponse
	if len(got.body) < 5 || got.body[0] != 0 || int(binary.BigEndian.Uint32(got.body[1:])) != len(got.body)-5 {
		t.Fatalf("got a body of %d bytes, want one gRPC frame", len(got.body))
	}
	if err := proto.Unmarshal(got.body[5:], &created); err != nil || created.GetClient().GetName() != "x" || got.trailer.Get("Grpc-Status") != "0" {
		t.Errorf("got response %v, error %v and trailer %v, want the client x and gRPC status 0", &created, err, got.trailer)
	}
	got = env.callOverHTTP1(t, create, "", &scalekitv1.CreateOrganizationClientRequest{})
	details, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(got.trailer.Get("Grpc-Status-Details-Bin"), "="))
	var st statuspb.Status
	if err != nil || proto.Unmarshal(details, &st) != nil || st.GetCode() != 16 || st.GetDetails()[0].GetTypeUrl() != "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo" {
		t.Errorf("got status %v and error %v, want a status with code 16 and the vendor's ErrorInfo", &st, err)
	}
	if len(got.body) != 0 || got.trailer.Get("Grpc-Status") != "16" || got.trailer.Get("Grpc-Message") == "" {
		t.Errorf("got body %q and trailer %v, want an empty body and gRPC status 16", got.body, got.trailer)
	}
	got = env.callOverHTTP1(t, "/scalekit.v1.nothing.Service/Method", env.adminToken(t), &scalekitv1.CreateOrganizationClientRequest{})
	if got.trailer.Get("Grpc-Status") != "12" {
		t.Errorf("unknown service: got trailer %v, want gRPC status 12", got.trailer)
	}
}

// TestReflection checks that tools such as grpcurl can list the services.
func TestReflection(t *testing.T) {
	_, connection := startServing(t, false)
	stream, err := reflectionv1.NewServerReflectionClient(connection).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	for _, want := range []string{"scalekit.v1.clients.ClientService", "scalekit.v1.organizations.OrganizationService"} {
		if !slices.Contains(names, want) {
			t.Errorf("got services %v, want a list with %s", names, want)
		}
	}
}
