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

// profile is the editable part of an organization. The method updatedWith
// describes an update.
type profile struct {
	displayName, externalID, slug, logoURL *string
	region                                 int // index in the result of regionNames
	metadata                               map[string]string
	features                               []feature
}

// feature is a feature of an organization. A feature is on or off. Features are stored, but
// have no effect in this environment.
type feature struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// regionNames returns the names that the vendor's RegionCode defines. The index of a name is
// the number of the value.
func regionNames() []string { return []string{"REGION_CODE_UNSPECIFIED", "US", "EU"} }

func (o organization) clone() organization {
	o.metadata = maps.Clone(o.metadata)
	o.features = slices.Clone(o.features)
	return o
}

// checkNew validates the profile of a new organization.
func (p profile) checkNew(v *violations) {
	if p.displayName == nil {
		v.addViolation("organization.display_name", "is required", "required")
	}
	if p.slug != nil && *p.slug == "" {
		v.addViolation("organization.slug", "must not be empty", "string.min_len")
	}
	p.check(v)
}

func (p profile) check(v *violations) {
	if p.displayName != nil {
		v.checkLength("organization.display_name", *p.displayName, 1, maxDisplayNameLength)
	}
	if p.region < 0 || p.region >= len(regionNames()) {
		v.addViolation("organization.region_code", "must be one of "+strings.Join(regionNames(), ", "), "enum.defined_only")
	}
	if len(p.metadata) > maxMetadata {
		v.addViolation("organization.metadata", fmt.Sprintf("must have at most %d members", maxMetadata), "map.max_pairs")
	}
	for _, key := range slices.Sorted(maps.Keys(p.metadata)) {
		field := fmt.Sprintf("organization.metadata[%q]", key)
		v.checkLength(field, key, minMetadataKeyLength, maxMetadataKeyLength)
		v.checkLength(field, p.metadata[key], 1, maxMetadataValueLength)
	}
	if p.slug != nil && *p.slug != "" && !isSlug(*p.slug) {
		v.addViolation("organization.slug", "must be a lower-case DNS label or a lower-case host name", "string.pattern")
	}
	if p.logoURL != nil && *p.logoURL != "" {
		v.checkLength("organization.logo_url", *p.logoURL, 0, maxLogoURLLength)
		if u, err := url.Parse(*p.logoURL); err != nil || u.Scheme != "https" || u.Host == "" {
			v.addViolation("organization.logo_url", "must be an https URL", "string.uri")
		}
	}
	checkFeatures(v, "organization.settings.features", p.features)
}

func checkFeatures(v *violations, field string, features []feature) {
	for n, f := range features {
		v.checkLength(fmt.Sprintf("%s[%d].name", field, n), f.Name, 1, maxNameLength)
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

// updatedWith returns a copy of p with the values in changes. If a text field of changes
// is nil, the field of p stays unchanged. If the metadata in changes has members, these
// members replace all metadata of p. Otherwise, the metadata of p stays unchanged. Each
// feature in changes is added, or replaces the feature with the same name. The region stays
// unchanged.
func (p profile) updatedWith(changes profile) profile {
	for _, field := range []struct{ to, from **string }{
		{&p.displayName, &changes.displayName}, {&p.externalID, &changes.externalID}, {&p.slug, &changes.slug}, {&p.logoURL, &changes.logoURL},
	} {
		if *field.from == nil {
			continue
		}
		*field.to = *field.from
		if **field.from == "" {
			*field.to = nil // in the vendor's API, an empty string deletes the value of a field
		}
	}
	if len(changes.metadata) > 0 {
		p.metadata = maps.Clone(changes.metadata)
	}
	p.features = slices.Clone(p.features)
	for _, f := range changes.features {
		known := slices.IndexFunc(p.features, func(k feature) bool { return k.Name == f.Name })
		if known < 0 {
			p.features = append(p.features, f)
		} else {
			p.features[known] = f
		}
	}
	return p
}

// name returns the display name. Every stored organization has a display name.
func (o organization) name() string {
	if o.displayName == nil {
		return ""
	}
	return *o.displayName
}

// containsQuery reports whether the ID, the name or the external ID contains query. It
// ignores the case of letters.
func (o organization) containsQuery(query string) bool {
	texts := []string{o.id, o.name()}
	if o.externalID != nil {
		texts = append(texts, *o.externalID)
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(query))
	})
}
