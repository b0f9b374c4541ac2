package scalekit

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxDisplayNameLength   = 200
	maxMetadata            = 10
	minMetadataKeyLength   = 3
	maxMetadataKeyLength   = 25
	maxMetadataValueLength = 256
	maxSlugLength          = 253
	maxSlugLabelLength     = 63
	maxLogoURLLength       = 1024
)

// organization is a customer of whoever owns the environment.
type organization struct {
	profile

	id               string
	sequence         uint64 // its place in the order of creation
	created, updated time.Time
}

// profile is what is known about an organization. In a request that changes
// one, nil is for what stays as it is.
type profile struct {
	displayName, externalID, slug, logoURL *string
	region                                 int // a number of regionNames
	metadata                               map[string]string
	features                               []feature
}

// feature is one switch of an organization's settings, of which none has an
// effect here.
type feature struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// regionNames returns the names of the vendor's RegionCode by their numbers.
func regionNames() []string { return []string{"REGION_CODE_UNSPECIFIED", "US", "EU"} }

func (o organization) clone() organization {
	o.metadata = maps.Clone(o.metadata)
	o.features = slices.Clone(o.features)
	return o
}

// checkNew notes what is wrong with the profile of a new organization.
func (p profile) checkNew(v *violations) {
	if p.displayName == nil {
		v.refuse("organization.display_name", "is required", "required")
	}
	if p.slug != nil && *p.slug == "" {
		v.refuse("organization.slug", "must not be empty", "string.min_len")
	}
	p.check(v)
}

func (p profile) check(v *violations) {
	if p.displayName != nil {
		v.length("organization.display_name", *p.displayName, 1, maxDisplayNameLength)
	}
	if p.region < 0 || p.region >= len(regionNames()) {
		v.refuse("organization.region_code", "must be one of "+strings.Join(regionNames(), ", "), "enum.defined_only")
	}
	if len(p.metadata) > maxMetadata {
		v.refuse("organization.metadata", fmt.Sprintf("must have at most %d members", maxMetadata), "map.max_pairs")
	}
	for _, key := range slices.Sorted(maps.Keys(p.metadata)) {
		field := fmt.Sprintf("organization.metadata[%q]", key)
		v.length(field, key, minMetadataKeyLength, maxMetadataKeyLength)
		v.length(field, p.metadata[key], 1, maxMetadataValueLength)
	}
	if p.slug != nil && *p.slug != "" && !isSlug(*p.slug) {
		v.refuse("organization.slug", "must be a DNS label or a host name in lower case", "string.pattern")
	}
	if p.logoURL != nil && *p.logoURL != "" {
		v.length("organization.logo_url", *p.logoURL, 0, maxLogoURLLength)
		if u, err := url.Parse(*p.logoURL); err != nil || u.Scheme != "https" || u.Host == "" {
			v.refuse("organization.logo_url", "must be an https URL", "string.uri")
		}
	}
	checkFeatures(v, "organization.settings.features", p.features)
}

func checkFeatures(v *violations, field string, features []feature) {
	for n, f := range features {
		v.length(fmt.Sprintf("%s[%d].name", field, n), f.Name, 1, maxNameLength)
	}
}

// isSlug reports whether text is a DNS name in lower case.
func isSlug(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > maxSlugLabelLength || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(text) <= maxSlugLength
}

// with returns the profile with what by sets: metadata as a whole, features
// one by one. The region stays.
func (p profile) with(by profile) profile {
	for _, field := range []struct{ to, from **string }{
		{&p.displayName, &by.displayName}, {&p.externalID, &by.externalID}, {&p.slug, &by.slug}, {&p.logoURL, &by.logoURL},
	} {
		if *field.from == nil {
			continue
		}
		*field.to = *field.from
		if **field.from == "" {
			*field.to = nil // how the vendor's API clears one
		}
	}
	if len(by.metadata) > 0 {
		p.metadata = maps.Clone(by.metadata)
	}
	p.features = slices.Clone(p.features)
	for _, f := range by.features {
		known := slices.IndexFunc(p.features, func(k feature) bool { return k.Name == f.Name })
		if known < 0 {
			p.features = append(p.features, f)
		} else {
			p.features[known] = f
		}
	}
	return p
}

// name returns the display name, which is never missing in what is kept.
func (o organization) name() string {
	if o.displayName == nil {
		return ""
	}
	return *o.displayName
}

// matches reports whether the query is in what people know an organization by.
func (o organization) matches(query string) bool {
	texts := []string{o.id, o.name()}
	if o.externalID != nil {
		texts = append(texts, *o.externalID)
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(query))
	})
}
