// Package profiles holds the profiles of issuers: one file for each issuer, one
// exported function for each profile. It is separate from package bearer so that the
// documentation of bearer does not begin with the literals of all profiles.
//
// To add a profile, add a file with a function like [Auth0]. From its doc comment,
// "go generate ." in the root writes a variable of package bearer, and a table row and a
// section of docs/issuers.md. The doc comment must have this form:
//
//	// NAME accepts WHICH TOKENS.
//	//
//	// Issuer: what Config.Issuer is for this issuer
//	//
//	// Audience: what Config.Audience is for this issuer
//	//
//	// Notes, in any number of paragraphs.
//
// Backquotes mark claims and values, as in Markdown. Tests also require a token of the
// issuer in testdata/issuers.json, and the variable in testdata/api.
package profiles

// Profile has the fields of bearer.Profile in the same order. Package bearer converts
// this type to its own, so it does not compile if the two differ. The doc comment of
// bearer.Profile defines each field, and the rule of RFC 9068 that holds if it is nil.
type Profile struct {
	Name              string              // for logs
	Types             []string            // accepted values of "typ", the usual one first
	WrongIssuers      map[string]string   // regular expression for issuers: why a match is wrong
	Aliases           []string            // other accepted values of "iss"
	Audience          []string            // claims; the first that is present counts
	Scopes            []string            // claims; the union of all counts
	Roles             []string            // claims; the union of all counts
	ClientID          []string            // claims; the first that is present counts
	Required          []string            // claims that must be present
	RequiredValues    map[string][]string // claim: its accepted values
	Forbidden         []string            // claims that must be absent
	ForbiddenHeader   map[string]string   // header member that must be absent: why
	InertConfirmation []string            // members of "cnf" that bind nothing
	KeysNameIssuer    bool                // the member "issuer" of a key must match "iss"
}
