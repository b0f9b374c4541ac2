// Package profiles contains the profiles of issuers. It has one file for each issuer,
// and one exported function for each profile. The profiles are not in package bearer,
// so that the documentation of bearer does not begin with long literals.
//
// To add a profile, add a file with a function like [Auth0], and run "go generate ." in
// the root of the module. From the doc comment of the function, this command writes a
// variable of package bearer, and a table row and a section of docs/issuers.md. The doc
// comment must have this form:
//
//	// NAME accepts KIND OF TOKENS.
//	//
//	// Issuer: what Config.Issuer is for this issuer
//	//
//	// Audience: what Config.Audience is for this issuer
//	//
//	// Notes, in any number of paragraphs.
//
// In the comment, mark claims and values with backquotes, as in Markdown. Then add a
// token of the issuer to testdata/issuers.json, and run
// "go test -run TestAPI . -update-api". This command adds the variable to testdata/api.
// Tests fail if the token or the variable is missing.
package profiles

// Profile has the fields of bearer.Profile in the same order. Package bearer converts a
// Profile to a bearer.Profile, so package bearer does not compile if the two types differ.
// The comments of bearer.Profile describe each field. They also describe the rule of RFC
// 9068 that applies if the field is nil.
type Profile struct {
	Name              string              // name of the profile in logs
	Types             []string            // accepted values of "typ"; the first value is the usual value
	WrongIssuers      map[string]string   // key: regular expression that matches wrong issuers; value: explanation of the mistake
	Aliases           []string            // other accepted values of "iss"
	Audience          []string            // claims; the first claim that the token has is used
	Scopes            []string            // claims; the scopes of all these claims are combined
	WildcardScopes    bool                // a scope that ends in ":*" grants all scopes with this beginning
	Roles             []string            // claims; the roles of all these claims are combined
	ClientID          []string            // claims; the first claim that the token has is used
	Required          []string            // claims that must be present
	RequiredValues    map[string][]string // key: required claim; value: accepted values of this claim
	Forbidden         []string            // claims that must be absent
	ForbiddenHeader   map[string]string   // key: header member that must be absent; value: explanation
	InertConfirmation []string            // members of "cnf" that do not bind the token to a key
	KeysNameIssuer    bool                // if a key has a member "issuer", this member must match "iss"
	TenantClaims      map[string]string   // key: claim that identifies the customer; value: regular expression of the identifiers
	SPIFFE            bool                // the tokens are SPIFFE JWT-SVIDs, which have no issuer but a trust domain
}
