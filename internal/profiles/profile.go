// Package profiles holds the profiles of issuers: one file for each issuer, one
// exported function for each profile. They are in a package of their own so that
// the documentation of package bearer does not begin with their literals.
//
// To add a profile, add a file with a function as [Auth0] is. Its doc comment has
// this form, which "go generate ." in the root turns into the variable of package
// bearer and into the row and the section of docs/issuers.md:
//
//	// NAME accepts WHICH TOKENS.
//	//
//	// Issuer: what Config.Issuer is for this issuer
//	//
//	// Audience: what Config.Audience is for this issuer
//	//
//	// Notes, in any number of paragraphs.
//
// Backquotes mark claims and values, as in Markdown. The tests ask for the rest:
// a token of the issuer in testdata/issuers.json, and the variable in testdata/api.
package profiles

// Profile has the fields of bearer.Profile, in the same order: Go converts one to
// the other, and does not compile where they differ. bearer.Profile says what each one
// means, and which rule of RFC 9068 holds where it is nil.
type Profile struct {
	Name              string              // for logs
	Types             []string            // "typ"; the value that the issuer usually writes comes first
	WrongIssuers      map[string]string   // regular expression: why it is not the issuer
	Aliases           []string            // other values of "iss"
	Audience          []string            // claims, the first one that is there
	Scopes            []string            // claims, all of them together
	Roles             []string            // claims, all of them together
	ClientID          []string            // claims, the first one that is there
	Required          []string            // claims
	RequiredValues    map[string][]string // claim: its values
	Forbidden         []string            // claims
	ForbiddenHeader   map[string]string   // header member: whom such a token is for
	InertConfirmation []string            // members of "cnf"
	KeysNameIssuer    bool                // the member "issuer" of a key counts
}
