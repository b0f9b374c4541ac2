package profiles

// OracleIDCS accepts access tokens of Oracle's identity domains (OCI IAM, formerly Oracle IDCS).
//
// Issuer: `https://identity.oraclecloud.com/`, **with a slash at the end**; the domain's own issuer, if the domain's settings have one
//
// Audience: the primary audience of the resource server's application
//
// The tokens of all Oracle's customers have the same `iss`, and the keys of all domains have the
// same `kid`. Only the keys differ. Therefore, fetch the keys of your domain, and list the name
// of your domain in `Config.Tenants`. The name is in the domain's URL, and in the claim `tenant`
// of its tokens:
//
//	Tenants: []string{"tenant=idcs-..."},
//	KeyOptions: &jwks.Options{
//	    KeysURL: "https://idcs-....identity.oraclecloud.com/admin/v1/SigningCert/jwk",
//	},
//
// By default, this URL answers 401. In the settings of the domain, switch on "Configure client
// access" in the section "Access signing certificate". If this is not possible, set
// `AuthorizationFile` in `Config.KeyOptions` to a file with a token that may read the keys.
//
// The claim `tok_type` distinguishes access tokens (AT) and ID tokens (IT). Scopes are without
// the audience: a client that requests the scope `https://api.example/read` gets the scope
// `read`. `sub` is the client in tokens of clients, and the name of the user in tokens of users;
// the claim `sub_type` is `client` or `user`. The tokens have groups only if the domain defines a
// custom claim for them. To read such a claim, set `Roles` of a copy of the profile to its name.
func OracleIDCS() Profile {
	// The facts are from docs.oracle.com/en-us/iaas/Content/Identity/api-getstarted/AccessToken.htm,
	// docs.oracle.com/en/cloud/paas/identity-cloud/idcsa/op-admin-v1-signingcert-jwk-get.html
	// (the keys of one domain), docs.oracle.com/en-us/iaas/Content/APIGateway/Tasks/apigatewayusingjwttokens-identityprovider.htm
	// (issuer and URL of the keys), and from published tokens.
	return Profile{
		Name:           "Oracle IDCS",
		Types:          []string{"", "JWT", "at+jwt"},
		WrongIssuers:   map[string]string{`^https://identity\.oraclecloud\.com$`: "Oracle's issuer has a slash at the end"},
		Scopes:         []string{"scope"},
		ClientID:       []string{"client_id"},
		Required:       []string{"sub", "client_id", "iat", "jti"},
		RequiredValues: map[string][]string{"tok_type": {"AT"}},
		TenantClaims:   map[string]string{"tenant": `idcs-[0-9a-f]{32}`},
	}
}
