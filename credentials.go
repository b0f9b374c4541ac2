package bearer

import (
	"errors"
	"strings"
)

// These refusals are shared, because anonymous clients can cause them most often.
var (
	errSeveral = sharedRefusal(InvalidRequest, errors.New("the request has more than one Authorization value"))
	errNoField = sharedRefusal(NoToken, errors.New("the request has no Authorization field"))
)

const scheme = "Bearer"

// The function credentials returns the token in the Authorization values and its scheme (RFC 6750,
// section 2.1; RFC 9449, section 7.1; RFC 9110, section 11.4). The scheme is Bearer, or the scheme of
// a binding in accepts. It may be in upper or lower case, and several spaces may follow it. The
// result has the scheme as accepts spells it. The caller must check the alphabet of the token with
// isB64Token.
func credentials(values []string, accepts []Binding) (token, used string, _ *Error) {
	if len(values) > 1 {
		return "", "", errSeveral
	}
	if len(values) == 0 || values[0] == "" {
		return "", "", errNoField
	}
	value := values[0]
	if token, ok := strings.CutPrefix(value, scheme+" "); ok && token != "" && token[0] != ' ' && len(token) <= maxToken {
		return token, scheme, nil // almost all valid requests have this form
	}
	if used = schemeOf(value, accepts); used == "" {
		return "", "", otherScheme(value, accepts)
	}
	rest := value[len(used):]
	if len(rest) > maxToken+len(used) {
		return "", used, errTooLong // the code below must not scan a long value
	}
	token = strings.TrimLeft(rest, " ")
	if token == "" || token == rest {
		return "", used, notOneToken(value, used)
	}
	if len(token) > maxToken {
		return "", used, errTooLong
	}
	return token, used, nil
}

// schemeOf returns the accepted scheme with which the value begins, or "". The name of the scheme
// must end there: it is not a part of a longer name such as "BearerX".
func schemeOf(value string, accepts []Binding) string {
	if beginsWith(value, scheme) {
		return scheme
	}
	for i := range accepts {
		if name := accepts[i].Scheme; beginsWith(value, name) {
			return name
		}
	}
	return ""
}

func beginsWith(value, name string) bool {
	return len(value) >= len(name) && strings.EqualFold(value[:len(name)], name) &&
		(len(value) == len(name) || !isTokenChar(value[len(name)]))
}

// otherScheme returns the refusal for a value that does not start with the scheme Bearer.
// The reason is NoToken, with two exceptions. The reason is InvalidRequest for a value that
// starts with white space, and for a list of credentials in which the scheme Bearer comes
// later.
func otherScheme(value string, accepts []Binding) *Error {
	if value[0] == ' ' || value[0] == '\t' {
		return notOneToken(value, scheme)
	}
	refusal := noBearer[valueForm(value)]
	if len(value) > maxToken || strings.Count(value, ".") == 2 && strings.IndexByte(value, ' ') < 0 {
		return refusal // the value is too long, or probably a JWT without a scheme
	}
	for rest := value; ; {
		var found bool
		if _, rest, found = strings.Cut(rest, ","); !found {
			return refusal
		}
		rest = strings.TrimLeft(rest, " \t")
		if used := schemeOf(rest, accepts); used != "" && len(rest) > len(used) {
			return errSeveral
		}
	}
}

// isB64Token reports whether s is a b64token of RFC 6750, section 2.1.
func isB64Token(s string) bool {
	text := strings.TrimRight(s, "=")
	for len(text) >= 8 {
		if !b64[text[0]] || !b64[text[1]] || !b64[text[2]] || !b64[text[3]] || !b64[text[4]] || !b64[text[5]] || !b64[text[6]] || !b64[text[7]] {
			return false
		}
		text = text[8:]
	}
	for i := range len(text) {
		if !b64[text[i]] {
			return false
		}
	}
	return s != "" && s[0] != '='
}

// The table b64 marks the characters of a b64token, except the padding "=".
var b64 = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/" {
		t[c] = true
	}
	return t
}()

// isTokenChar reports whether c is a tchar of RFC 9110, section 5.6.2.
func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
