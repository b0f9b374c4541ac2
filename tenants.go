package bearer

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/profiles"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/tenant"
)

// accepted describes which customers of an issuer are accepted.
type accepted struct {
	list      *tenant.List // parsed from Config.Tenants; nil if Config.Tenants is nil
	otherwise string       // if list is nil, who decides about the customers; a text for Explain
	ambiguous []string     // the entries of Config.Tenants that tenant.Ambiguous returns
	names     string       // the names of the claims that identify a customer
}

// unlisted returns who decides about the customers if Config.Tenants is nil.
func (cfg *Config) unlisted(claims []tenant.Claim) string {
	switch {
	case len(claims) == 0:
		return "not checked, because the issuer counts as the issuer of one customer"
	case cfg.Validate != nil && cfg.InsecureAnyTenant:
		return "Config.InsecureAnyTenant is set, so only Config.Validate and the rule can refuse a customer"
	case cfg.Validate != nil:
		return "Config.Tenants is not set, so Config.Validate decides"
	}
	return "Config.InsecureAnyTenant is set, so every customer of the issuer is accepted"
}

// warnAmbiguous logs a warning about entries of Config.Tenants that are accepted in several
// claims. These entries are valid, but they may accept a stranger.
func (a *accepted) warnAmbiguous(cfg *Config) {
	if len(a.ambiguous) == 0 {
		return
	}
	entries := quote.List(a.ambiguous[:min(len(a.ambiguous), quote.MaxList)])
	cfg.warn("bearer: numbers in Config.Tenants are accepted in several claims",
		slog.String("issuer", cfg.Issuer), slog.String("entries", entries), slog.Int("count", len(a.ambiguous)),
		slog.String("help", "a stranger with the same number in a different claim is accepted too; write NAME=VALUE with the name "+a.names))
}

// tenants parses Config.Tenants. It returns an error if the issuer issues the tokens of all its
// customers, and no field says which customers are accepted. The argument template is true if
// Config.Issuer contains a placeholder.
func (cfg *Config) tenants(template bool) (accepted, []error) {
	forms, errs := cfg.tenantForms(template)
	claims, claimErrs := tenant.ParseClaims(forms)
	for _, err := range claimErrs {
		errs = append(errs, fmt.Errorf("Config.Profile.TenantClaims: %w", err))
	}
	switch {
	case len(errs) > 0:
		return accepted{}, errs
	case cfg.Tenants == nil && (len(claims) == 0 || cfg.Validate != nil || cfg.InsecureAnyTenant):
		return accepted{otherwise: cfg.unlisted(claims)}, nil
	case cfg.Tenants == nil:
		return accepted{}, []error{fmt.Errorf("Config.Tenants: required, because %s. List the accepted customers, each as NAME=VALUE with the name %v, or check the customer in Config.Validate, "+
			"or set Config.InsecureAnyTenant to accept every customer. Rules of routes do not count, because New does not see them",
			cfg.whyTenants(template), tenant.Names(claims))}
	case cfg.InsecureAnyTenant:
		errs = append(errs, errors.New("Config.InsecureAnyTenant: Config.Tenants is set too; remove one of the two fields"))
	case len(cfg.Tenants) == 0:
		errs = append(errs, errors.New("Config.Tenants: the list is empty, so no token can be accepted; list the accepted customers"))
	case len(claims) == 0:
		return accepted{}, []error{errors.New("Config.Tenants: Config.Profile names no claim of the customer. If Config.Issuer belongs to " +
			"one customer, remove Config.Tenants; otherwise name the claim in Config.Profile.TenantClaims")}
	}
	list, listErrs := tenant.ParseList(cfg.Tenants, claims)
	for _, err := range listErrs {
		errs = append(errs, fmt.Errorf("Config.Tenants: %w", err))
	}
	return accepted{list: list, ambiguous: tenant.Ambiguous(cfg.Tenants, claims), names: tenant.Names(claims)}, errs
}

// whyTenants explains why the issuer requires Config.Tenants.
func (cfg *Config) whyTenants(template bool) string {
	if known, _ := cfg.knownTenantForms(template); known == nil {
		profile := "the profile"
		if cfg.Profile.Name != "" {
			profile = fmt.Sprintf("the profile %q", cfg.Profile.Name)
		}
		return fmt.Sprintf("%s has claims of the customer (Profile.TenantClaims), and the issuer %q may issue the tokens of several customers", profile, cfg.Issuer)
	}
	return fmt.Sprintf("the issuer %q issues the tokens of all its customers, and every customer gets tokens for this audience", cfg.Issuer)
}

// tenantForms returns the claims that identify a customer of the issuer, in the form of
// Profile.TenantClaims. A profile cannot replace the known claims of an issuer, because the
// customers of this issuer can choose the values of many other claims.
func (cfg *Config) tenantForms(template bool) (map[string]string, []error) {
	known, where := cfg.knownTenantForms(template)
	own := cfg.Profile.TenantClaims
	switch {
	case known == nil:
		return own, nil
	case len(own) == 0:
		return known, nil
	}
	selected := maps.Clone(known)
	maps.DeleteFunc(selected, func(name, _ string) bool { _, ok := own[name]; return !ok })
	for name := range own {
		if _, ok := known[name]; !ok {
			return nil, []error{fmt.Errorf("Config.Profile.TenantClaims: %q: the claims that identify a customer of %s are %s; "+
				"to check other claims, use Config.Validate", name, where, strings.Join(slices.Sorted(maps.Keys(known)), ", "))}
		}
	}
	return selected, nil
}

// knownTenantForms returns the claims of an issuer that this package knows, and a text that
// describes the issuer. It returns nil for any other issuer.
func (cfg *Config) knownTenantForms(template bool) (forms map[string]string, where string) {
	if template {
		return tenant.PlaceholderClaims(), "an issuer with " + tenant.Placeholder
	}
	issuers := []string{cfg.Issuer}
	if slices.Contains(cfg.Profile.Aliases, cfg.Issuer) {
		issuers = append(issuers, cfg.Profile.Aliases...)
	}
	for _, issuer := range issuers {
		if forms, ok := profiles.Shared[issuer]; ok {
			return forms, fmt.Sprintf("%q", issuer)
		}
	}
	return nil, ""
}
