package profiles

// EntraV1 accepts version 1 access tokens of Microsoft Entra ID.
//
// Issuer: `https://sts.windows.net/TENANT/`, **with a slash at the end**
//
// Audience: both the App ID URI and the application's GUID, because a token has only one of them
//
// The API's setting `accessTokenAcceptedVersion` determines the version of the tokens. The
// version of the token endpoint does not matter. To accept both versions, add the issuers
// of both versions to `bearer.Issuers`. The issuer for the US government is the same. The
// issuer for China is `https://sts.chinacloudapi.cn/TENANT/`.
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
			`^` + stsHost + `/[^/]+$`:                               "Entra's version 1 issuer has a slash at the end",
			`^` + stsHost + `/` + noTenant + `/?$`:                  adviceTenant,
			`^` + loginHost + `/[^/]+/v2\.0/?$`:                     "this is the version 2 issuer: use profile EntraV2",
			`^` + externalID + `/`:                                  "this is an issuer of External ID: use profile EntraV2",
			`^` + b2cHost + `/`:                                     adviceB2C,
			`^(` + loginHost + `/[^/]*/?$|` + otherLogin + `(/|$))`: "no token has this issuer: version 1 tokens have https://sts.windows.net/TENANT/, or https://sts.chinacloudapi.cn/TENANT/ in China",
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
// The issuer for the US government is `https://login.microsoftonline.us/TENANT/v2.0`, and the
// issuer for China is `https://login.partner.microsoftonline.cn/TENANT/v2.0`.
//
// To accept the tokens of several tenants, set `Config.Issuer` to exactly
// `https://login.microsoftonline.com/{tenantid}/v2.0`, with the braces. Set `Config.KeyOptions`
// to `&jwks.Options{KeysURL: "https://login.microsoftonline.com/common/discovery/v2.0/keys"}`.
// In another cloud, replace the host in both addresses.
// Set `Config.Tenants` to the GUIDs of the tenants that may call the API, in lower case. To look
// up the tenants in a database, set `Config.Validate` and check `tid` there. To accept every
// tenant, set `Config.InsecureAnyTenant`.
//
// This profile is also for Entra External ID, whose issuer is
// `https://TENANT.ciamlogin.com/TENANT/v2.0`. Both `TENANT` are the GUID of the tenant, even if
// clients use an address with its name. For Azure AD B2C, use the profile `EntraB2C`.
func EntraV2() Profile {
	return Profile{
		Name:  "Entra ID v2",
		Types: []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{
			`^` + loginHost + `/[^/]+/v2\.0/$`: "Entra's version 2 issuer has no slash at the end; for Azure AD B2C, use profile EntraB2C",
			`^` + externalID + `/.*/$`:         "External ID's issuer has no slash at the end",
			`^` + stsHost + `/`:                "this is the version 1 issuer: use profile EntraV1, or set accessTokenAcceptedVersion of the API to 2",
			`^(` + loginHost + `|` + otherLogin + `)/` + noTenant + `/v2\.0/?$`: adviceTenant,
			`^https://([^/.]{1,35}|[^/.]{37,})\.ciamlogin\.com/`:                "no token has this issuer: write https://GUID.ciamlogin.com/GUID/v2.0, with the GUID of the tenant",
			`^` + b2cHost + `/`:           adviceB2C,
			`^` + loginHost + `/[^/]*/?$`: "no token has this issuer: version 2 tokens have https://login.microsoftonline.com/TENANT/v2.0, or the same with another host",
			`^` + otherLogin + `(/|$)`:    "no token has this host: write login.microsoftonline.com, or login.partner.microsoftonline.cn in China, or login.microsoftonline.us for the US government",
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

// The regular expressions below match the beginning of issuers of Microsoft, as far as the host.
// The profiles of Entra ID use them in WrongIssuers. Other hosts can be domains of a customer, so
// no expression matches them. The hosts are from Microsoft's pages "National clouds" and "What are
// the token issuers for the sovereign cloud?" (learn.microsoft.com), and from package
// @azure/msal-common.
const (
	// stsHost matches issuers of version 1 tokens.
	stsHost = `https://sts\.(windows\.net|chinacloudapi\.cn)`
	// loginHost matches issuers of version 2 tokens.
	loginHost = `https://login\.(microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn)`
	// otherLogin matches further addresses of Entra ID. No token has them as its issuer.
	otherLogin = `https://(login\.windows\.net|login\.microsoft\.com|login\.chinacloudapi\.cn|login-us\.microsoftonline\.com)`
	// externalID matches issuers of Entra External ID.
	externalID = `https://[^/]+\.ciamlogin\.com`
	// b2cHost matches issuers of Azure AD B2C, but not the ones with a domain of a customer.
	b2cHost = `https://[^/]+\.b2clogin\.(com|cn|us|de)`
	// noTenant matches texts in the place of the tenant that are in no issuer.
	noTenant = `(common|organizations|consumers|\{(tenant|tid|tenantId|tenant_id|TENANT_ID)\})`

	adviceTenant = "no token has this issuer: write the GUID of your tenant, or exactly {tenantid} to accept tokens of the tenants in Config.Tenants"
	adviceB2C    = "this is an issuer of Azure AD B2C: use profile EntraB2C"
)

// microsoftGraph returns the header member that marks tokens for Microsoft Graph.
func microsoftGraph() map[string]string {
	return map[string]string{"nonce": "the token is for Microsoft Graph, and no other service can verify it"}
}
