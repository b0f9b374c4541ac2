package profiles

// ADFS accepts access tokens of Active Directory Federation Services (AD FS) 2016 and later.
//
// Issuer: the value of `access_token_issuer` in AD FS's metadata, usually `http://HOST/adfs/services/trust`
//
// Audience: `microsoft:identityserver:` and the identifier of the web API; only the identifier, if this is a URL
//
// The metadata of AD FS has two issuers. Its member `issuer`, usually `https://HOST/adfs`, is
// the issuer of ID tokens. Access tokens have the value of `access_token_issuer`, which usually
// begins with `http`. bearer still fetches the keys over https, if `Config.KeyOptions` names the
// metadata:
//
//	KeyOptions: &jwks.Options{
//	    MetadataURL:    "https://HOST/adfs/.well-known/openid-configuration",
//	    MetadataIssuer: "https://HOST/adfs",
//	},
//
// If both issuers are equal in your metadata, ID tokens have the form of access tokens, except
// that their `aud` is the client's identifier. Then set `WrongIssuers` of a copy of the profile
// to nil, and never list the identifier of a client in `Config.Audience`.
//
// The administrator of AD FS chooses which roles and groups a token has, and the names of their
// claims. The profile reads the claims `role`, `roles`, `group` and `groups`. Each of them is a
// string if the caller has only one role or group, and an array otherwise. For other names, set
// `Roles` of a copy of the profile. Many tokens have no `sub`. Tokens of users usually have
// `upn` or `unique_name`.
func ADFS() Profile {
	// The facts are from Microsoft's page "Single log-out for OpenID Connect with AD FS"
	// (metadata), from github.com/MicrosoftDocs/windowsserverdocs/issues/551 and
	// github.com/aspnet/Security/issues/1852 (the two issuers), from the documentation of
	// django-auth-adfs (audience), and from published tokens.
	return Profile{
		Name:  "AD FS",
		Types: []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{
			`^https?://[^/]+/adfs/?$`: "this is the issuer of AD FS's ID tokens: access tokens have the issuer in the member access_token_issuer of the metadata, usually http://HOST/adfs/services/trust",
		},
		Scopes:         []string{"scp"},
		Roles:          []string{"role", "roles", "group", "groups"},
		ClientID:       []string{"appid"},
		Required:       []string{"appid", "apptype", "iat"},
		RequiredValues: map[string][]string{"ver": {"1.0"}},
	}
}
