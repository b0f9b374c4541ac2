package scalekit

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

// clientService implements the vendor's ClientService. It converts messages and calls the
// methods of Environment.
type clientService struct {
	scalekitv1.UnimplementedClientServiceServer

	env *Environment
}

func (s *clientService) CreateOrganizationClient(_ context.Context, in *scalekitv1.CreateOrganizationClientRequest) (*scalekitv1.CreateOrganizationClientResponse, error) {
	var v violations
	c, plain, err := s.env.createClient(in.GetOrganizationId(), settingsOf(in.GetClient(), &v), &v)
	return &scalekitv1.CreateOrganizationClientResponse{Client: c.message(), PlainSecret: plain}, err
}

func (s *clientService) GetOrganizationClient(_ context.Context, in *scalekitv1.GetOrganizationClientRequest) (*scalekitv1.GetOrganizationClientResponse, error) {
	c, err := s.env.getClient(in.GetOrganizationId(), in.GetClientId(), &violations{})
	return &scalekitv1.GetOrganizationClientResponse{Client: c.message()}, err
}

func (s *clientService) UpdateOrganizationClient(_ context.Context, in *scalekitv1.UpdateOrganizationClientRequest) (*scalekitv1.UpdateOrganizationClientResponse, error) {
	var v violations
	c, err := s.env.updateClient(in.GetOrganizationId(), in.GetClientId(), settingsOf(in.GetClient(), &v), &v)
	c.secrets = nil // the vendor's response to an update has no secrets
	return &scalekitv1.UpdateOrganizationClientResponse{Client: c.message()}, err
}

func (s *clientService) DeleteOrganizationClient(_ context.Context, in *scalekitv1.DeleteOrganizationClientRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.env.deleteClient(in.GetOrganizationId(), in.GetClientId(), &violations{})
}

func (s *clientService) ListOrganizationClients(_ context.Context, in *scalekitv1.ListOrganizationClientsRequest) (*scalekitv1.ListOrganizationClientsResponse, error) {
	p, err := s.env.listClients(in.GetOrganizationId(), pageRequest{in.GetPageSize(), in.GetPageToken()}, &violations{})
	out := &scalekitv1.ListOrganizationClientsResponse{
		NextPageToken: p.next, TotalSize: uint32(p.total), PrevPageToken: p.prev, //nolint:gosec // more than 2^32 items do not fit into memory
	}
	for _, c := range p.items {
		out.Clients = append(out.Clients, c.message())
	}
	return out, err
}

func (s *clientService) CreateOrganizationClientSecret(_ context.Context, in *scalekitv1.CreateOrganizationClientSecretRequest) (*scalekitv1.CreateOrganizationClientSecretResponse, error) {
	made, plain, err := s.env.createSecret(in.GetOrganizationId(), in.GetClientId(), &violations{})
	return &scalekitv1.CreateOrganizationClientSecretResponse{PlainSecret: plain, Secret: made.message()}, err
}

func (s *clientService) DeleteOrganizationClientSecret(_ context.Context, in *scalekitv1.DeleteOrganizationClientSecretRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.env.deleteSecret(in.GetOrganizationId(), in.GetClientId(), in.GetSecretId(), &violations{})
}

func (s *clientService) CreateClientSecret(_ context.Context, in *scalekitv1.CreateClientSecretRequest) (*scalekitv1.CreateClientSecretResponse, error) {
	made, plain, err := s.env.addSecret("", in.GetClientId(), &violations{})
	return &scalekitv1.CreateClientSecretResponse{PlainSecret: plain, Secret: made.message()}, err
}

func (s *clientService) UpdateClientSecret(_ context.Context, in *scalekitv1.UpdateClientSecretRequest) (*scalekitv1.UpdateClientSecretResponse, error) {
	var v violations
	status := int(in.GetSecret().GetStatus())
	if in.GetSecret() == nil {
		v.addViolation("secret", "is required", "required")
	} else if status < 0 || status >= len(secretStatusNames()) {
		v.addViolation("secret.status", "must be ACTIVE or INACTIVE", "enum.defined_only")
	}
	changed, err := s.env.setSecretStatus(in.GetClientId(), in.GetSecretId(), status == secretActive, &v)
	return &scalekitv1.UpdateClientSecretResponse{Secret: changed.message()}, err
}

func (s *clientService) DeleteClientSecret(_ context.Context, in *scalekitv1.DeleteClientSecretRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.env.dropSecret("", in.GetClientId(), in.GetSecretId(), &violations{})
}

func settingsOf(in *scalekitv1.OrganizationClient, v *violations) settings {
	if in == nil {
		v.addViolation("client", "is required", "required")
	}
	out := settings{
		name:        in.GetName(),
		description: in.GetDescription(),
		scopes:      in.GetScopes(),
		audience:    in.GetAudience(),
		expiry:      in.GetExpiry(),
	}
	for _, claim := range in.GetCustomClaims() {
		out.customClaims = append(out.customClaims, customClaim{claim.GetKey(), claim.GetValue()})
	}
	return out
}

func (c client) message() *scalekitv1.M2MClient {
	out := &scalekitv1.M2MClient{
		ClientId:       c.id,
		Name:           c.name,
		Description:    c.description,
		OrganizationId: c.organizationID,
		CreateTime:     timestamppb.New(c.created),
		UpdateTime:     timestamppb.New(c.updated),
		Scopes:         c.scopes,
		Audience:       c.audience,
		Expiry:         c.expiry,
	}
	for _, claim := range c.customClaims {
		out.CustomClaims = append(out.CustomClaims, &scalekitv1.CustomClaim{Key: claim.Key, Value: claim.Value})
	}
	for _, s := range c.secrets {
		out.Secrets = append(out.Secrets, s.message())
	}
	return out
}

func (s secret) message() *scalekitv1.ClientSecret {
	return &scalekitv1.ClientSecret{
		Id:           s.id,
		CreateTime:   timestamppb.New(s.created),
		UpdateTime:   timestamppb.New(s.updated),
		SecretSuffix: s.suffix,
		Status:       scalekitv1.ClientSecretStatus(s.status()), //nolint:gosec // the number is 0 or 1
		LastUsedTime: timestamppb.New(s.lastUsed),
	}
}
