package jwks

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
)

// hidden replaces a token in texts.
const hidden = "xxxxx"

// minHidden is the shortest token that is replaced. Shorter texts are no secrets, and other texts
// may contain them.
const minHidden = 8

// withoutToken removes the token from the parts of an answer that errors and logs contain, because
// some servers and proxies send back what they received. For the body, see the function sentBack.
func withoutToken(resp *http.Response, err error, token string) (*http.Response, error) {
	switch {
	case len(token) < minHidden:
	case err != nil && containsToken(err.Error(), token):
		return nil, errors.New("the answer is not valid HTTP, and it contains the token of jwks.Options.AuthorizationFile")
	case err != nil:
	case containsToken(resp.Header.Get("Location"), token):
		_ = resp.Body.Close()
		return nil, errors.New("the server redirects to a URL that contains the token of jwks.Options.AuthorizationFile")
	default:
		resp.Status = strings.ReplaceAll(resp.Status, token, hidden)
	}
	return resp, err
}

// errSentBack means that a body contains the token.
var errSentBack = errors.New("the body contains the token of the request (jwks.Options.AuthorizationFile), so it was not read further")

// sentBack reports whether the body of an answer contains the token of the request. Such a body is
// not parsed, because errors, logs and the Status contain parts of a document.
func sentBack(resp *http.Response, body []byte) bool {
	if resp.Request == nil {
		return false
	}
	_, token, _ := strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	return len(token) >= minHidden && containsToken(string(body), token)
}

// containsToken reports whether a text contains the token in any case, because net/http changes the
// host of a URL to lower case. The token may be escaped as in JSON or as in a URL: many encoders
// escape "/", "+" and "=".
func containsToken(text, token string) bool {
	text, token = strings.ToLower(text), strings.ToLower(token)
	return strings.Contains(text, token) || strings.ContainsAny(text, `\%`) && strings.Contains(strings.ToLower(unescape(text)), token)
}

// unescape replaces the escapes of ASCII characters in JSON strings and in URLs. It removes all other
// backslashes, so it also finds strings within strings.
func unescape(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		digits := i + 1 // the position of the two hexadecimal digits
		switch {
		case text[i] == '\\':
			i = len(text) - len(strings.TrimLeft(text[i:], `\`))
			if !strings.HasPrefix(text[i:], "u00") {
				continue
			}
			digits = i + 3
		case text[i] != '%':
			digits = len(text)
		}
		end := min(digits+2, len(text))
		if c, err := hex.DecodeString(text[min(digits, end):end]); err == nil && len(c) == 1 {
			out, i = append(out, c[0]), end
		} else {
			out, i = append(out, text[i]), i+1
		}
	}
	return string(out)
}
