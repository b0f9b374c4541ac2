package profiles

// EntraV1 accepts version 1 access tokens of Microsoft Entra ID.
//
// Issuer: `https://sts.windows.net/TENANT/`, **with a slash at the end**
//
// Audience: both the App ID URI and the application's GUID, because a token has only one of them
//
// The API's setting `accessTokenAcceptedVersion` determines the version of the tokens. The
// version of the token endpoint does not matter. To accept both versions, add the issuers
// of both versions to `bearer.Issuers`.
//
// Only tokens of users have scopes (`scp`). Tokens of applications have roles. An
// application without a role assignment gets a valid token that has no roles and no scopes.
// Therefore, require a role with `bearer.HasRole`.
//
// bearer refuses tokens for Microsoft Graph, because only Microsoft Graph can verify these
// tokens.
func EntraV1() Profile {
	return Profile{
		Name:  "Entra ID v1",
		Types: []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{
			`sts\.windows\.net/[^/]+$`: "Entra's version 1 issuer has a slash at the end",
			`/v2\.0/?$`:                "this is the version 2 issuer: use profile EntraV2",
		},
		Scopes:          []string{"scp"},
		Roles:           []string{"roles"},
		ClientID:        []string{"appid"},
		Required:        []string{"sub", "appid", "tid", "iat"},
		RequiredValues:  map[string][]string{"ver": {"1.0"}},
		ForbiddenHeader: microsoftGraph(),
		KeysNameIssuer:  true,
	}
}

// EntraV2 accepts version 2 access tokens of Microsoft Entra ID.
//
// Issuer: `https://login.microsoftonline.com/TENANT/v2.0`
//
// Audience: the application's GUID
//
// The notes on Entra ID v1 about versions, roles and Microsoft Graph also apply to version 2.
//
// To accept the tokens of several tenants, set `Config.Issuer` to exactly
// `https://login.microsoftonline.com/{tenantid}/v2.0`, with the braces. Set `Config.KeyOptions`
// to `&jwks.Options{KeysURL: "https://login.microsoftonline.com/common/discovery/v2.0/keys"}`.
// Set `Config.Tenants` to the GUIDs of the tenants that may call the API, in lower case. To look
// up the tenants in a database, set `Config.Validate` and check `tid` there. To accept every
// tenant, set `Config.InsecureAnyTenant`.
func EntraV2() Profile {
	return Profile{
		Name:  "Entra ID v2",
		Types: []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{
			`/v2\.0/$`:                    "Entra's version 2 issuer has no slash at the end",
			`^https://sts\.windows\.net/`: "this is the version 1 issuer: use profile EntraV1, or set accessTokenAcceptedVersion of the API to 2",
			`/(common|organizations|\{(tenant|tid|tenantId|tenant_id|TENANT_ID)\})/v2\.0$`: "no token has this issuer: write the GUID of your tenant, or exactly {tenantid} to accept tokens of the tenants in Config.Tenants",
		},
		Scopes:          []string{"scp"},
		Roles:           []string{"roles"},
		ClientID:        []string{"azp"},
		Required:        []string{"sub", "azp", "tid", "iat"},
		RequiredValues:  map[string][]string{"ver": {"2.0"}},
		ForbiddenHeader: microsoftGraph(),
		KeysNameIssuer:  true,
	}
}

// microsoftGraph returns the header member that marks tokens for Microsoft Graph.
func microsoftGraph() map[string]string {
	return map[string]string{"nonce": "the token is for Microsoft Graph, and no other service can verify it"}
}
