package profiles

// EntraB2C accepts access tokens of Azure AD B2C.
//
// Issuer: `https://NAME.b2clogin.com/TENANT/v2.0/` or `https://DOMAIN/TENANT/v2.0/`, **with a slash at the end**; `TENANT` is a GUID
//
// Audience: the application's GUID
//
// The metadata has the policy (user flow) in its path. So set `Config.KeyOptions` to
// `&jwks.Options{MetadataURL: "https://NAME.b2clogin.com/NAME.onmicrosoft.com/POLICY/v2.0/.well-known/openid-configuration"}`.
// If the tenant's token compatibility setting is `https://DOMAIN/tfp/TENANT/POLICY/v2.0/`, use this
// issuer, which needs no `MetadataURL`.
//
// The tokens of all policies of a tenant have the same issuer. To accept only one policy, set
// `RequiredValues` of a copied profile to `ver` and `tfp`, or to `ver` and `acr` for old policies.
// Tokens have no `tid`, unless the policy adds it.
//
// Tokens of users and tokens of applications have scopes (`scp`). For an application, the scopes
// are the app roles that an administrator has granted. A token without `scp` is refused, because
// ID tokens have none.
//
// For Entra External ID, use the profile `EntraV2`.
func EntraB2C() Profile {
	return Profile{
		Name:  "Azure AD B2C",
		Types: []string{"JWT"},
		WrongIssuers: map[string]string{
			`^` + b2cHost + `(/.*[^/])?$`:                                 "B2C's issuer has a slash at the end",
			`^` + b2cHost + `/([^/]{36}/[^/]+/v2\.0/?|(tfp/)?[^/]*\..*)$`: "no token has this issuer: this is the address of the metadata of a policy; write https://NAME.b2clogin.com/GUID/v2.0/, with the GUID of the tenant, and set KeyOptions.MetadataURL",
			`^` + stsHost + `/`:                                           "this is an issuer of Entra ID: use profile EntraV1",
			`^((` + loginHost + `|` + otherLogin + `)/[^/]*(/v2\.0|/)?|` + externalID + `/.*)$`: "this is an issuer of Entra ID: use profile EntraV2",
		},
		Scopes:   []string{"scp"},
		ClientID: []string{"azp"},
		// "scp" and "azp" are in access tokens only. "nonce" is in access tokens too, so it does
		// not mark an ID token.
		Required:       []string{"sub", "azp", "scp", "iat"},
		RequiredValues: map[string][]string{"ver": {"1.0"}},
		Forbidden:      []string{"at_hash", "c_hash", "events"},
	}
}
