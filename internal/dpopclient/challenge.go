package dpopclient

import "strings"

// The error codes of an API that refuses a proof (RFC 9449, sections 7.1 and 9).
const (
	UseNonce     = "use_dpop_nonce"
	InvalidProof = "invalid_dpop_proof"
)

// ErrorCode returns the parameter "error" of the first DPoP challenge that has exactly one. The
// argument fields holds the values of the field WWW-Authenticate. A value may contain several
// challenges (RFC 9110, section 11.6.1). If a value has a syntax error, the challenge with the error
// and the challenges after it are ignored. ErrorCode returns "" if it finds no error code.
func ErrorCode(fields []string) string {
	for _, field := range fields {
		for _, c := range challenges(field) {
			if strings.EqualFold(c.scheme, "DPoP") && len(c.codes) == 1 {
				return c.codes[0]
			}
		}
	}
	return ""
}

// challenge is a challenge with the values of its parameters "error".
type challenge struct {
	scheme string
	codes  []string
}

func challenges(field string) []challenge {
	var list []challenge
	p := parser{field}
	for {
		if p.skip(", \t"); p.text == "" {
			return list
		}
		name := p.token()
		value, isParameter := p.value()
		switch {
		case name == "", isParameter && list == nil:
			return list[:max(len(list)-1, 0)]
		case !isParameter:
			list = append(list, challenge{scheme: name})
			name, value, isParameter = p.credentials()
		}
		last := &list[len(list)-1]
		if isParameter && strings.EqualFold(name, "error") {
			last.codes = append(last.codes, value)
		}
		if p.skip(" \t"); p.text != "" && p.text[0] != ',' {
			return list[:len(list)-1]
		}
	}
}

// parser reads a field value from left to right. The text is the part that it has not read.
type parser struct{ text string }

func (p *parser) skip(characters string) { p.text = strings.TrimLeft(p.text, characters) }

// token reads a token (RFC 9110, section 5.6.2). It returns "" if there is none.
func (p *parser) token() string {
	rest := strings.TrimLeftFunc(p.text, isTokenChar)
	token := p.text[:len(p.text)-len(rest)]
	p.text = rest
	return token
}

// credentials reads what follows the scheme in the same element of the list: a parameter, a token68,
// or nothing. It returns the name and the value of the parameter.
func (p *parser) credentials() (name, value string, ok bool) {
	before := p.text
	if p.skip(" "); p.text == before {
		return "", "", false // no space: the scheme is alone, or the caller finds a syntax error
	}
	start := p.text
	name = p.token()
	if value, ok = p.value(); ok && name != "" {
		return name, value, true
	}
	p.text = strings.TrimLeft(trimToken68(start), "=")
	return "", "", false
}

// value reads "=" and the value of a parameter (RFC 9110, section 11.2). If there is none, it reads
// nothing.
func (p *parser) value() (string, bool) {
	rest := parser{p.text}
	rest.skip(" \t")
	var found bool
	if rest.text, found = strings.CutPrefix(rest.text, "="); !found {
		return "", false
	}
	rest.skip(" \t")
	value, ok := rest.quoted()
	if !ok {
		value = rest.token()
		ok = value != ""
	}
	if ok {
		*p = rest
	}
	return value, ok
}

// quoted reads a quoted string and removes its backslashes (RFC 9110, section 5.6.4).
func (p *parser) quoted() (string, bool) {
	if p.text == "" || p.text[0] != '"' {
		return "", false
	}
	var value []byte
	for i := 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.text = p.text[i+1:]
			return string(value), true
		case c == '\\' && i+1 < len(p.text):
			i++
			value = append(value, p.text[i])
		default:
			value = append(value, c)
		}
	}
	return "", false
}

func isTokenChar(r rune) bool {
	return r > ' ' && r < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// IsMethod reports whether text has the form of a method (RFC 9110, section 9.1: a token).
func IsMethod(text string) bool { return text != "" && strings.TrimLeftFunc(text, isTokenChar) == "" }
