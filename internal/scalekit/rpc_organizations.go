package scalekit

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

// organizationService implements the vendor's OrganizationService. It converts messages and
// calls the methods of Environment.
type organizationService struct {
	scalekitv1.UnimplementedOrganizationServiceServer

	env *Environment
}

func (s *organizationService) CreateOrganization(_ context.Context, in *scalekitv1.CreateOrganizationRequest) (*scalekitv1.CreateOrganizationResponse, error) {
	var v violations
	wanted := in.GetOrganization()
	name := wanted.GetDisplayName()
	p := profile{displayName: &name, region: int(wanted.GetRegionCode()), metadata: wanted.GetMetadata()}
	if wanted == nil {
		v.addViolation("organization", "is required", "required")
	} else {
		p.externalID, p.slug, p.logoURL = wanted.ExternalId, wanted.Slug, wanted.LogoUrl
	}
	o, err := s.env.createOrganization(p, &v)
	return &scalekitv1.CreateOrganizationResponse{Organization: o.message()}, err
}

func (s *organizationService) GetOrganization(_ context.Context, in *scalekitv1.GetOrganizationRequest) (*scalekitv1.GetOrganizationResponse, error) {
	o, err := s.env.getOrganization(identity{in.GetId(), in.GetExternalId()}, &violations{})
	return &scalekitv1.GetOrganizationResponse{Organization: o.message()}, err
}

func (s *organizationService) GetOrganizationByExternalId(ctx context.Context, in *scalekitv1.GetOrganizationRequest) (*scalekitv1.GetOrganizationResponse, error) {
	return s.GetOrganization(ctx, in)
}

func (s *organizationService) UpdateOrganization(_ context.Context, in *scalekitv1.UpdateOrganizationRequest) (*scalekitv1.UpdateOrganizationResponse, error) {
	var (
		v      violations
		update profile
	)
	if wanted := in.GetOrganization(); wanted == nil {
		v.addViolation("organization", "is required", "required")
	} else {
		update = profile{
			displayName: wanted.DisplayName, externalID: wanted.ExternalId, slug: wanted.Slug, logoURL: wanted.LogoUrl,
			metadata: wanted.GetMetadata(),
		}
	}
	o, err := s.env.updateOrganization(identity{in.GetId(), in.GetExternalId()}, update, &v)
	return &scalekitv1.UpdateOrganizationResponse{Organization: o.message()}, err
}

func (s *organizationService) DeleteOrganization(_ context.Context, in *scalekitv1.DeleteOrganizationRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.env.deleteOrganization(identity{in.GetId(), in.GetExternalId()}, &violations{})
}

func (s *organizationService) ListOrganization(_ context.Context, in *scalekitv1.ListOrganizationsRequest) (*scalekitv1.ListOrganizationsResponse, error) {
	p, err := s.env.listOrganizations(in.ExternalId, pageRequest{in.GetPageSize(), in.GetPageToken()}, &violations{})
	return &scalekitv1.ListOrganizationsResponse{
		NextPageToken: p.next, TotalSize: uint32(p.total), PrevPageToken: p.prev, //nolint:gosec // more than 2^32 items do not fit into memory
		Organizations: organizationMessages(p.items),
	}, err
}

func (s *organizationService) SearchOrganization(_ context.Context, in *scalekitv1.SearchOrganizationsRequest) (*scalekitv1.SearchOrganizationsResponse, error) {
	p, err := s.env.searchOrganizations(in.GetQuery(), pageRequest{in.GetPageSize(), in.GetPageToken()}, &violations{})
	return &scalekitv1.SearchOrganizationsResponse{
		NextPageToken: p.next, TotalSize: uint32(p.total), PrevPageToken: p.prev, //nolint:gosec // more than 2^32 items do not fit into memory
		Organizations: organizationMessages(p.items),
	}, err
}

func (s *organizationService) UpdateOrganizationSettings(_ context.Context, in *scalekitv1.UpdateOrganizationSettingsRequest) (*scalekitv1.GetOrganizationResponse, error) {
	var (
		v        violations
		features []feature
	)
	if in.GetSettings() == nil {
		v.addViolation("settings", "is required", "required")
	}
	for _, f := range in.GetSettings().GetFeatures() {
		features = append(features, feature{f.GetName(), f.GetEnabled()})
	}
	o, err := s.env.updateFeatures(in.GetId(), features, &v)
	return &scalekitv1.GetOrganizationResponse{Organization: o.message()}, err
}

func organizationMessages(organizations []organization) []*scalekitv1.Organization {
	var out []*scalekitv1.Organization
	for _, o := range organizations {
		out = append(out, o.message())
	}
	return out
}

func (o organization) message() *scalekitv1.Organization {
	out := &scalekitv1.Organization{
		Id:          o.id,
		CreateTime:  timestamppb.New(o.created),
		UpdateTime:  timestamppb.New(o.updated),
		DisplayName: o.name(),
		RegionCode:  scalekitv1.RegionCode(o.region), //nolint:gosec // the region is an index in the result of regionNames
		ExternalId:  o.externalID,
		Metadata:    o.metadata,
		Settings:    &scalekitv1.OrganizationSettings{},
		Slug:        o.slug,
		LogoUrl:     o.logoURL,
	}
	for _, f := range o.features {
		out.Settings.Features = append(out.Settings.Features, &scalekitv1.OrganizationSettingsFeature{Name: f.Name, Enabled: f.Enabled})
	}
	return out
}
