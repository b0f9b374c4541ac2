package bearer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/compact"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// maxToken is how many bytes a token may have. The headers of a request are 8 to
// 16 KiB in all with most servers and proxies.
const maxToken = 16 << 10

// token is a token that was read and is not yet believed.
type token struct {
	parts  compact.JWS
	header jws.Header
	iss    string
	claims *Claims
}

// What is refused most often under attack costs nothing to say.
var (
	errEmpty     = &Error{Reason: NoToken}
	errTooLong   = &Error{Reason: Malformed, Err: fmt.Errorf("longer than %d bytes", maxToken)}
	errNotJWS    = &Error{Reason: Malformed, Err: errors.New("not three parts of base64url: no signed JWT in compact serialization, perhaps an opaque token")}
	errEncrypted = &Error{Reason: Malformed, Err: errors.New("five parts: encrypted tokens (JWE) are not supported")}
)

// read takes a token apart, as far as it is needed to know whose it claims to
// be. It accepts one spelling of everything.
func read(raw string) (*token, error) {
	if raw == "" {
		return nil, errEmpty
	}
	if len(raw) > maxToken {
		return nil, errTooLong
	}
	parts, ok := compact.Split(raw)
	if !ok {
		if strings.Count(raw, ".") == 4 {
			return nil, errEncrypted
		}
		return nil, errNotJWS
	}
	t := &token{parts: parts}
	if err := t.readHeader(); err != nil {
		return nil, err
	}
	if err := t.readClaims(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *token) readHeader() error {
	var err error
	t.header, err = jws.ReadHeader(t.parts.Header)
	switch {
	case errors.Is(err, jws.ErrType):
		return refuse(WrongType, "%w", err)
	case err != nil:
		return refuse(Malformed, "header: %w", err)
	case mediaType(t.header.Cty) == "jwt":
		return refuse(Malformed, "header: nested tokens are not supported (RFC 7519, section 5.2)")
	}
	return nil
}

func (t *token) readClaims() error {
	raw, err := compact.Decode(t.parts.Payload)
	if err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	members, err := strictjson.Parse(raw)
	if err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	t.claims = &Claims{raw: raw, members: members}
	// Without an issuer it is nobody's: "" is no issuer that can be configured.
	t.iss, _ = strictjson.String(members.Lookup("iss"))
	return nil
}
