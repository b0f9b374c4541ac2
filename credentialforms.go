package bearer

import (
	"errors"
	"strings"
)

// A form is the probable mistake in an Authorization value that is not Bearer, a space and one
// token. The text of a form is for logs. It is a constant and quotes no part of the value,
// because the value can contain a token or a password.
type form int

// The forms of a value that does not begin with the scheme Bearer.
const (
	formOther form = iota
	formJWT
	formJWE
	formWord
	formQuoted
	formJoined
	formEscaped
	formParameter
	formField
	formObject
	formToken
	formBasic
	formDPoP
	formAPIKey
	formKnown
	formOtherJWT
)

// noBearer has the refusal for each form of a value that does not begin with the scheme Bearer.
// These refusals are shared, because anonymous clients can cause them most often.
//
//nolint:gochecknoglobals // never changed
var noBearer = map[form]*Error{
	formOther:     noBearerRefusal("has a scheme other than Bearer"),
	formJWT:       noBearerRefusal("has a token but no scheme; want Bearer, a space and the token"),
	formJWE:       noBearerRefusal("has a token but no scheme; want Bearer, a space and the token. The token has five parts, so it is an encrypted token (JWE), and encrypted tokens are not supported"),
	formWord:      noBearerRefusal("is one word: an opaque token without a scheme, or a scheme without credentials; want Bearer, a space and the token"),
	formQuoted:    noBearerRefusal("begins with a quote or a bracket; want Bearer, a space and the token, without quotes and brackets"),
	formJoined:    noBearerRefusal("has no space between Bearer and the token"),
	formEscaped:   noBearerRefusal("is encoded like a URL: Bearer%20 or Bearer+ in place of Bearer and a space"),
	formParameter: noBearerRefusal("has a parameter such as access_token=; want Bearer, a space and the token"),
	formField:     noBearerRefusal("repeats the name of the field (Authorization:) in its value"),
	formObject:    noBearerRefusal("is JSON, probably the whole response of the token endpoint; want Bearer, a space and the value of access_token"),
	formToken:     noBearerRefusal("has a scheme other than Bearer: a name such as JWT, Token or OAuth, which some frameworks use for tokens"),
	formBasic:     noBearerRefusal("has a scheme other than Bearer: Basic, with a user name and a password"),
	formDPoP:      noBearerRefusal("has a scheme other than Bearer: DPoP, and the verifier has no binding for it (Config.Bindings)"),
	formAPIKey:    noBearerRefusal("has a scheme other than Bearer: an API key"),
	formKnown:     noBearerRefusal("has a scheme other than Bearer: a scheme of HTTP such as Digest, Negotiate or AWS4-HMAC-SHA256"),
	formOtherJWT:  noBearerRefusal("has a scheme other than Bearer, and then a JWT"),
}

func noBearerRefusal(what string) *Error {
	return sharedRefusal(NoToken, errors.New("the Authorization field "+what))
}

// named is a beginning of a value, or the name of a scheme, and its form.
type named struct {
	name string
	form form
}

//nolint:gochecknoglobals // never changed
var (
	// beginnings lists the beginnings of values that have no scheme. Upper and lower case are equal.
	beginnings = []named{
		{"bearer%20", formEscaped},
		{"bearer+", formEscaped},
		{"authorization:", formField},
		{"authorization=", formField},
		{"{", formObject},
		{`"`, formQuoted},
		{"'", formQuoted},
		{"`", formQuoted},
		{"<", formQuoted},
		{"[", formQuoted},
		{"(", formQuoted},
		{"access_token=", formParameter},
		{"access_token:", formParameter},
		{"accesstoken=", formParameter},
		{"accesstoken:", formParameter},
		{"id_token=", formParameter},
		{"token=", formParameter},
		{"token:", formParameter},
		{"jwt=", formParameter},
		{"jwt:", formParameter},
	}
	// schemes lists the names of schemes. Upper and lower case are equal.
	schemes = []named{
		{"Basic", formBasic},
		{"DPoP", formDPoP},
		{"ApiKey", formAPIKey},
		{"Api-Key", formAPIKey},
		{"Key", formAPIKey},
		{"AccessKey", formAPIKey},
		{"JWT", formToken},
		{"Token", formToken},
		{"OAuth", formToken},
		{"OAuth2", formToken},
		{"access_token", formToken},
		{"AccessToken", formToken},
		{"Digest", formKnown},
		{"Negotiate", formKnown},
		{"NTLM", formKnown},
		{"HOBA", formKnown},
		{"Mutual", formKnown},
		{"SCRAM-SHA-256", formKnown},
		{"vapid", formKnown},
		{"GNAP", formKnown},
		{"AWS4-HMAC-SHA256", formKnown},
		{"Hawk", formKnown},
		{"Signature", formKnown},
		{"HMAC", formKnown},
	}
)

// valueForm returns the form of a value that does not begin with the scheme Bearer. It reads at
// most maxToken bytes of the value.
func valueForm(value string) form {
	whole := len(value) <= maxToken
	value = value[:min(len(value), maxToken)]
	for _, b := range beginnings {
		if len(value) >= len(b.name) && strings.EqualFold(value[:len(b.name)], b.name) {
			return b.form
		}
	}
	if len(value) > len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) && strings.HasPrefix(value[len(scheme):], jwtStart) {
		return formJoined
	}
	name, rest, several := strings.Cut(value, " ")
	if !several {
		return wordForm(value, whole)
	}
	for _, s := range schemes {
		if strings.EqualFold(name, s.name) {
			return s.form
		}
	}
	if strings.HasPrefix(strings.TrimLeft(rest, " "), jwtStart) {
		return formOtherJWT
	}
	return formOther
}

// wordForm returns the form of a value without a space. The parameter whole reports whether word
// is the whole value.
func wordForm(word string, whole bool) form {
	switch dots := strings.Count(word, "."); {
	case dots == 2 && whole:
		return formJWT
	case dots == 4 && whole:
		return formJWE
	case isB64Token(word):
		return formWord
	}
	return formOther
}

// jwtStart is the beginning of nearly every JWT: the encoded form of {".
const jwtStart = "eyJ"

// The refusals of values that begin with the scheme Bearer or with white space. All texts begin
// with the same words.
var (
	errNotOneText    = notOneRefusal("")
	errNothingAfter  = notOneRefusal(": no token follows the scheme")
	errSpaceFirst    = notOneRefusal(": the value begins with white space")
	errColon         = notOneRefusal(": a colon follows the scheme, in place of a space")
	errEqualsSign    = notOneRefusal(": an equals sign follows the scheme, in place of a space")
	errTab           = notOneRefusal(": a tab follows the scheme, in place of a space")
	errQuotes        = notOneRefusal(": the token begins with a quote or a bracket")
	errObject        = notOneRefusal(": the token is JSON, probably the whole response of the token endpoint")
	errTemplate      = notOneRefusal(": the token is a placeholder such as {{token}} that was not replaced")
	errTwice         = notOneRefusal(": the scheme Bearer is there twice")
	errParameter     = notOneRefusal(": the token begins with a parameter such as access_token=")
	errPercent       = notOneRefusal(": the token is encoded like a URL (%)")
	errSpaceAfter    = notOneRefusal(": white space follows the token")
	errSeveralWords  = notOneRefusal(": the token contains white space")
	errComma         = notOneRefusal(": the value contains a comma, so it may be a list of credentials")
	errPaddedText    = notOneRefusal(": " + paddedText)
	errNotASCIIToken = notOneRefusal(": the token contains a control character or a character that is not ASCII")
)

func notOneRefusal(why string) *Error {
	return sharedRefusal(InvalidRequest, errors.New("the Authorization field is not Bearer, a space and one token"+why))
}

// notOneToken returns the refusal for a value that begins with the scheme or with white space, and
// is not one token after that. It reads at most maxToken bytes of the value.
func notOneToken(value, scheme string) *Error {
	if value[0] == ' ' || value[0] == '\t' {
		return errSpaceFirst
	}
	rest := value[min(len(value), len(scheme)):min(len(value), maxToken)]
	token := strings.TrimLeft(rest, " ")
	if token == "" {
		return errNothingAfter
	}
	switch {
	case rest[0] == ':':
		return errColon
	case rest[0] == '=':
		return errEqualsSign
	case rest[0] == '\t':
		return errTab
	case strings.IndexByte("\"'`<[(", token[0]) >= 0:
		return errQuotes
	case strings.HasPrefix(token, "{{"), strings.HasPrefix(token, "${"):
		return errTemplate
	case token[0] == '{':
		return errObject
	case len(token) > len(scheme) && strings.EqualFold(token[:len(scheme)], scheme) && !isTokenChar(token[len(scheme)]):
		return errTwice
	case strings.HasPrefix(token, "access_token="), strings.HasPrefix(token, "token="), strings.HasPrefix(token, "id_token="):
		return errParameter
	}
	switch i := strings.IndexFunc(token, func(c rune) bool { return c > '~' || c < '!' || c == ',' || c == '%' }); {
	case i < 0 && hasPadding(token):
		return errPaddedText
	case i < 0:
		return errNotOneText
	case token[i] == ',':
		return errComma
	case token[i] == '%':
		return errPercent
	case token[i] != ' ' && token[i] != '\t':
		return errNotASCIIToken
	case strings.TrimLeft(token[i:], " \t") == "":
		return errSpaceAfter
	}
	return errSeveralWords
}
