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

// organization is a customer of the environment's owner.
type organization struct {
	profile

	id               string
	sequence         uint64 // position in the order of creation
	created, updated time.Time
}

// profile is the editable part of an organization. In an update, a nil field leaves
// the value unchanged.
type profile struct {
	displayName, externalID, slug, logoURL *string
	region                                 int // an index of regionNames
	metadata                               map[string]string
	features                               []feature
}

// feature is a feature of an organization, which is on or off. Features are stored, but
// have no effect here.
type feature struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// regionNames returns the names of the vendor's RegionCode, indexed by number.
func regionNames() []string { return []string{"REGION_CODE_UNSPECIFIED", "US", "EU"} }

func (o organization) clone() organization {
	o.metadata = maps.Clone(o.metadata)
	o.features = slices.Clone(o.features)
	return o
}

// checkNew validates the profile of a new organization.
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
		v.refuse("organization.slug", "must be a DNS label or a host name, in lower case", "string.pattern")
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

// isSlug reports whether text is a lower-case DNS name.
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

// with returns a copy of p with the fields that update sets. It replaces the metadata as
// a whole, sets each feature of update, and leaves the region unchanged.
func (p profile) with(update profile) profile {
	for _, field := range []struct{ to, from **string }{
		{&p.displayName, &update.displayName}, {&p.externalID, &update.externalID}, {&p.slug, &update.slug}, {&p.logoURL, &update.logoURL},
	} {
		if *field.from == nil {
			continue
		}
		*field.to = *field.from
		if **field.from == "" {
			*field.to = nil // in the vendor's API an empty string clears a field
		}
	}
	if len(update.metadata) > 0 {
		p.metadata = maps.Clone(update.metadata)
	}
	p.features = slices.Clone(p.features)
	for _, f := range update.features {
		known := slices.IndexFunc(p.features, func(k feature) bool { return k.Name == f.Name })
		if known < 0 {
			p.features = append(p.features, f)
		} else {
			p.features[known] = f
		}
	}
	return p
}

// name returns the display name, which every stored organization has.
func (o organization) name() string {
	if o.displayName == nil {
		return ""
	}
	return *o.displayName
}

// matches reports whether the ID, the name or the external ID contains query,
// ignoring case.
func (o organization) matches(query string) bool {
	texts := []string{o.id, o.name()}
	if o.externalID != nil {
		texts = append(texts, *o.externalID)
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(query))
	})
}
