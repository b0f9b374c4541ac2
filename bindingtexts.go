package bearer

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

// membersOf lists the members of "cnf" that the bindings are for.
func membersOf(accepts []Binding) (members []string) {
	for _, b := range accepts {
		if b.Member != "" {
			members = append(members, b.Member)
		}
	}
	return members
}

func (e *explainer) adviseBinding(Reason) string {
	if len(e.v.accepts) == 0 {
		return "The token is bound to a client key (DPoP or mTLS). To accept it with its proof, add a binding to Config.Bindings: dpop.New makes the one for DPoP (see docs/bound-tokens.md). Otherwise configure the authorization server to issue bearer tokens without this binding for this API."
	}
	return "The token is bound to a client key in a way that Config.Bindings does not name. Add a binding for this member of cnf, or configure the authorization server to bind the tokens for this API differently."
}

func (e *explainer) wantPossession() string {
	bound, scheme := e.t.bindings()
	switch {
	case bound == nil && e.v.requireBound:
		return "a token that is bound to a client key, because Config.RequireBound is set"
	case bound == nil:
		return "the scheme Bearer, because the token is not bound to a client key"
	}
	return fmt.Sprintf("the scheme %s, and a proof of the key to which the token is bound", scheme)
}

func (e *explainer) gotPossession() string {
	if !e.possessed {
		return "" // the text of the error
	}
	bound, scheme := e.t.bindings()
	if bound == nil {
		return "the token is not bound to a client key"
	}
	text := "the scheme " + scheme
	for _, c := range bound {
		text += fmt.Sprintf(", and the key of %s %q", c.binding.Member, quote.Cut(c.value))
	}
	return text
}

func (e *explainer) advisePossession(reason Reason) string {
	switch reason { //nolint:exhaustive // the other reasons are those of a binding of another package
	case WrongBinding:
		return "Compare the scheme, the proof and cnf. A bound token must come with its own scheme and with a proof of its own key: a different client may have sent it. A token without cnf must come as Bearer; if this API accepts only bound tokens, configure the authorization server to bind the tokens of this client."
	case ProofNonce:
		return "The client must repeat the request with the nonce of the response (field DPoP-Nonce). A client that cannot do this needs an API without Options.NonceKeys."
	case InvalidProof:
		return "The text above says what is wrong with the proof. If the target URI differs, set dpop.Options.Origins to the address that clients use. If the time differs, correct the clocks. A proof must be new in each request."
	}
	return "Read the text of the error."
}
