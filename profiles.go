package bearer

// The profiles of issuers. They are data: use them as they are, or copy one and
// give fields of the copy other values (what is in its lists and maps is shared).
// Each accepts what its issuer documents for machine clients, and "typ" at+jwt
// where it may come: the stricter form never hurts. docs/issuers.md has a table
// of what to configure for each.
//
//nolint:gochecknoglobals // fields of a Config need values; New copies them
var (
	// Scalekit is the machine-to-machine clients of Scalekit. Issuer is the
	// environment URL, without a slash at the end. Custom claims are one object,
	// "custom_claims". A client that was registered without an audience gets
	// tokens without "aud": list its client_id in Config.Audience to take them.
	Scalekit = Profile{
		Name:         "Scalekit",
		Types:        []string{"JWT", "at+jwt"},
		Audience:     []string{"aud", "client_id"},
		Scopes:       []string{"scopes", "scope"},
		ClientID:     []string{"client_id"},
		Required:     []string{"sub", "client_id", "iat", "jti"},
		WrongIssuers: map[string]string{`\.scalekit\.(dev|com|cloud)/$`: "Scalekit's issuer has no slash at the end"},
	}

	// Auth0 is both access token profiles of Auth0. Issuer is https://DOMAIN/ with
	// the slash at the end, Audience the API's identifier. "permissions" (RBAC) are
	// roles here. Where the request for a token names no audience Auth0 hands out
	// one that is no signed JWT.
	Auth0 = Profile{
		Name:         "Auth0",
		Types:        []string{"JWT", "at+jwt"},
		Scopes:       []string{"scope"},
		Roles:        []string{"permissions"},
		ClientID:     []string{"client_id", "azp"},
		Required:     []string{"sub", "iat"},
		WrongIssuers: map[string]string{`\.auth0\.com$`: "Auth0's issuer has a slash at the end"},
	}

	// Okta is a custom authorization server of Okta: Issuer is
	// https://DOMAIN/oauth2/ID, Audience that server's, such as api://default.
	// Tokens of the org authorization server, https://DOMAIN, are for Okta's own
	// APIs: it does not publish the keys. A user's token has the claim "uid".
	Okta = Profile{
		Name:     "Okta",
		Types:    []string{"", "JWT", "at+jwt"},
		Scopes:   []string{"scp"},
		ClientID: []string{"cid"},
		Required: []string{"sub", "cid", "iat", "jti"},
		WrongIssuers: map[string]string{
			`^https://[^/]+/?$`: "the org authorization server's tokens are for Okta's own APIs, and its keys are not published; a custom one has /oauth2/ and its identifier at the end",
		},
	}

	// Keycloak is a realm of Keycloak: Issuer is https://HOST/realms/REALM with the
	// host that clients ask for tokens. Give them an audience mapper: the default
	// audience, "account", is in the tokens of every client of the realm. Roles of
	// clients are at /resource_access/CLIENT/roles: copy the profile to add them.
	// The claim "typ" tells tokens apart, DPoP's too; "nonce" does not, since access
	// tokens of users may have it.
	Keycloak = Profile{
		Name:              "Keycloak",
		Types:             []string{"JWT", "at+jwt"},
		Scopes:            []string{"scope"},
		Roles:             []string{"/realm_access/roles"},
		ClientID:          []string{"client_id", "azp"},
		Required:          []string{"sub", "iat", "jti"},
		RequiredValues:    map[string][]string{"typ": {"Bearer"}},
		Forbidden:         []string{"at_hash", "c_hash", "events"},
		InertConfirmation: []string{"kc-jkt-type"}, // names a kind of key, and no key
	}

	// EntraV1 is Entra ID's tokens of version 1: Issuer is
	// https://sts.windows.net/TENANT/ with the slash at the end, Audience the App
	// ID URI or the application's GUID. The API's own setting
	// accessTokenAcceptedVersion decides which version it gets, whatever the
	// endpoint; with [Issuers] of both it takes both. Applications have roles and
	// no scopes; one without an assignment gets a valid token without either, so
	// ask for a role. Tokens for Microsoft Graph are for nobody else.
	EntraV1 = Profile{
		Name:            "Entra ID v1",
		Types:           []string{"JWT", "at+jwt"},
		Scopes:          []string{"scp"},
		Roles:           []string{"roles"},
		ClientID:        []string{"appid"},
		Required:        []string{"sub", "appid", "tid", "iat"},
		RequiredValues:  map[string][]string{"ver": {"1.0"}},
		ForbiddenHeader: microsoftGraph,
		KeysNameIssuer:  true,
		WrongIssuers: map[string]string{
			`sts\.windows\.net/[^/]+$`: "Entra's issuer of version 1 has a slash at the end",
			`/v2\.0/?$`:                "this is the issuer of version 2, which profile EntraV2 takes",
		},
	}

	// EntraV2 is Entra ID's tokens of version 2: Issuer is
	// https://login.microsoftonline.com/TENANT/v2.0, Audience the application's
	// GUID. See EntraV1. For the tenants of others, Issuer is
	// https://login.microsoftonline.com/{tenantid}/v2.0 as it stands here, and Keys
	// those of https://login.microsoftonline.com/common/discovery/v2.0/keys; Validate
	// or a rule on "tid" then has to say which tenants may come in.
	EntraV2 = Profile{
		Name:            "Entra ID v2",
		Types:           []string{"JWT", "at+jwt"},
		Scopes:          []string{"scp"},
		Roles:           []string{"roles"},
		ClientID:        []string{"azp"},
		Required:        []string{"sub", "azp", "tid", "iat"},
		RequiredValues:  map[string][]string{"ver": {"2.0"}},
		ForbiddenHeader: microsoftGraph,
		KeysNameIssuer:  true,
		WrongIssuers: map[string]string{
			`/v2\.0/$`:                    "Entra's issuer of version 2 has no slash at the end",
			`^https://sts\.windows\.net/`: "this is the issuer of version 1, for which the API's accessTokenAcceptedVersion asks, and which profile EntraV1 takes",
			`/(common|organizations|\{(tenant|tid|tenantId|tenant_id|TENANT_ID)\})/v2\.0$`: "no token has this issuer; for the tenants of others write {tenantid} in its place, letter by letter",
		},
	}

	// Cognito is a user pool of Amazon Cognito: Issuer is
	// https://cognito-idp.REGION.amazonaws.com/POOL. Its access tokens have no
	// "aud" unless a resource was bound: list the identifiers of the clients in
	// Audience. Scopes are written RESOURCE-SERVER/SCOPE. ID tokens, whose "aud" is
	// a client, are refused by "token_use".
	Cognito = Profile{
		Name:           "Cognito",
		Types:          []string{"", "JWT", "at+jwt"},
		Audience:       []string{"aud", "client_id"},
		Scopes:         []string{"scope"},
		Roles:          []string{"cognito:groups"},
		ClientID:       []string{"client_id"},
		Required:       []string{"sub", "client_id", "iat", "jti"},
		RequiredValues: map[string][]string{"token_use": {"access"}},
	}

	// Google is the ID tokens of Google's service accounts, with which they call
	// services of others: Issuer is https://accounts.google.com, Audience the
	// target_audience that they ask for. They have no scopes: ask for the client
	// by [ClientIs]. Google's own access tokens are no JWTs.
	Google = Profile{
		Name:     "Google",
		Types:    []string{"JWT"},
		Aliases:  []string{"https://accounts.google.com", "accounts.google.com"},
		Scopes:   []string{},
		ClientID: []string{"azp"},
		Required: []string{"sub", "azp", "iat"},
	}

	// PingOne is PingOne: Issuer is https://auth.pingone.TLD/ENVIRONMENT/as,
	// Audience the resource's. Tokens by client credentials have no "sub".
	PingOne = Profile{
		Name:     "PingOne",
		Types:    []string{"at+jwt", "JWT", ""},
		Scopes:   []string{"scope"},
		ClientID: []string{"client_id"},
		Required: []string{"client_id"},
	}

	// Zitadel is Zitadel with JWT access tokens, which are by choice: Issuer is
	// https://DOMAIN. "aud" has the project and every client of it: Audience is the
	// project. There are roles, where the request asks for them, and no scopes.
	Zitadel = Profile{
		Name:     "Zitadel",
		Types:    []string{"JWT", "at+jwt"},
		Scopes:   []string{},
		Roles:    []string{"urn:zitadel:iam:org:project:roles"},
		ClientID: []string{"client_id", "azp"},
		Required: []string{"sub", "iat", "jti"},
	}

	// Hydra is Ory Hydra with JWT access tokens, which are by choice: Issuer is
	// urls.self.issuer with its slash, if it has one. "aud" is empty where the
	// client asked for none: Audience lists the clients then. Custom claims are in
	// the object "ext".
	Hydra = Profile{
		Name:     "Ory Hydra",
		Types:    []string{"JWT", "at+jwt"},
		Audience: []string{"aud", "client_id"},
		Scopes:   []string{"scp", "scope"},
		ClientID: []string{"client_id"},
		Required: []string{"sub", "client_id", "iat"},
	}

	// FusionAuth is FusionAuth's entities, signed with a key pair (the default
	// key is symmetric and its tokens are refused). Issuer is the tenant's; where
	// it is no URL, Keys is required. Audience is the target entity's identifier;
	// the client is in "sub" only.
	FusionAuth = Profile{
		Name:     "FusionAuth",
		Types:    []string{"JWT", "at+jwt"},
		Scopes:   []string{"scope"},
		Roles:    []string{"permissions"},
		ClientID: []string{"sub"},
		Required: []string{"sub", "iat", "jti"},
	}

	// WorkOS is WorkOS Connect: Issuer is https://SUBDOMAIN.authkit.app, Audience
	// the environment's client identifier, which is that of all its APIs: tell them
	// apart by scope.
	WorkOS = Profile{
		Name:     "WorkOS",
		Types:    []string{"", "JWT", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"client_id"},
		Required: []string{"sub", "client_id", "iat", "jti"},
	}

	// Stytch is Stytch's machine clients. Issuer is stytch.com/PROJECT, which is no
	// URL, so that Keys is required: those of
	// https://api.stytch.com/v1/sessions/jwks/PROJECT. Audience is the project; the
	// client is in "sub" only.
	Stytch = Profile{
		Name:     "Stytch",
		Types:    []string{"JWT", "", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"sub"},
		Required: []string{"sub", "iat"},
	}

	// Kinde is Kinde's machine clients: Issuer is https://SUBDOMAIN.kinde.com,
	// without a slash at the end. Their tokens have no "sub".
	Kinde = Profile{
		Name:         "Kinde",
		Types:        []string{"JWT", "at+jwt"},
		Scopes:       []string{"scp", "scope"},
		Roles:        []string{"permissions"},
		ClientID:     []string{"azp"},
		Required:     []string{"azp", "iat", "jti"},
		WrongIssuers: map[string]string{`\.kinde\.com/$`: "Kinde's issuer has no slash at the end"},
	}

	// GitHubActions is the OIDC tokens of GitHub Actions: Issuer is
	// https://token.actions.githubusercontent.com, Audience what the workflow asks
	// for, or else https://github.com/OWNER. They have no client and no scopes: ask
	// for repository_id or repository_owner_id by [ClaimEquals], since anybody's
	// workflow gets a token, and the form of "sub" changes.
	GitHubActions = Profile{
		Name:     "GitHub Actions",
		Types:    []string{"JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "jti", "repository_id", "repository_owner_id"},
	}

	// Kubernetes is the bound tokens of service accounts: Issuer is the cluster's
	// --service-account-issuer, Audience what the pod's projected volume asks for.
	// They have no client and no scopes: ask for "sub", which is
	// system:serviceaccount:NAMESPACE:NAME, by [ClaimEquals]. Those that the API
	// server extends live for a year: set Config.MaxAge. Tokens from secrets never
	// expire and are refused.
	Kubernetes = Profile{
		Name:     "Kubernetes",
		Types:    []string{"", "JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "/kubernetes.io/namespace"},
	}
)

//nolint:gochecknoglobals // parts of the profiles
var (
	// idToken is claims of OpenID Connect Core 1.0, section 2 and 3.3.2.11, and
	// of RFC 8417, that an access token of a machine has no use for.
	idToken = []string{"at_hash", "c_hash", "nonce", "events"}

	microsoftGraph = map[string]string{
		"nonce": "the token is for Microsoft Graph, and nobody else can verify it",
	}

	// profiles is all of them, to find the one that a token would fit.
	profiles = []*Profile{
		&Scalekit, &Auth0, &Okta, &Keycloak, &EntraV1, &EntraV2, &Cognito, &Google, &PingOne, &Zitadel, &Hydra,
		&FusionAuth, &WorkOS, &Stytch, &Kinde, &GitHubActions, &Kubernetes,
	}
)
