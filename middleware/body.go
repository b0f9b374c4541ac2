package middleware

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// body returns the content type and the body of a refusal.
func (g *Guard) body(r *http.Request, refused Refusal) (contentType string, body []byte) {
	if g.opts.Body != nil {
		return g.opts.Body(r, refused)
	}
	scope := strings.Join(refused.Scopes, " ")
	if prefersProblem(r.Header["Accept"]) {
		// RFC 9457, section 3 defines "title", "status" and "detail". Without "type", the
		// type is about:blank, and the title is the text of the status (section 4.2.1).
		return problemType, encode(struct {
			Title  string `json:"title"`
			Status int    `json:"status"`
			Detail string `json:"detail"`
			Error  string `json:"error"`
			Reason string `json:"reason"`
			Scope  string `json:"scope,omitempty"`
		}{http.StatusText(refused.Status), refused.Status, refused.Description, refused.Error, string(refused.Reason), scope})
	}
	return jsonType, encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Reason      string `json:"reason"`
		Scope       string `json:"scope,omitempty"`
	}{refused.Error, refused.Description, string(refused.Reason), scope})
}

// encode returns v as a line of JSON. v contains only strings and numbers, so encoding
// cannot fail.
func encode(v any) []byte {
	text, _ := json.Marshal(v)
	return append(text, '\n')
}

// prefersProblem reports whether the Accept fields (RFC 9110, section 12.5.1) name
// application/problem+json with at least the weight of application/json. Wildcards do not
// count. A client that sends only wildcards gets application/json, because every OAuth
// client can read this type.
func prefersProblem(accept []string) bool {
	problem, plain := -1.0, -1.0
	for _, field := range accept {
		for item := range strings.SplitSeq(field, ",") {
			name, params, _ := strings.Cut(item, ";")
			switch name = strings.Trim(name, " \t"); {
			case strings.EqualFold(name, problemType):
				problem = max(problem, quality(params))
			case strings.EqualFold(name, jsonType):
				plain = max(plain, quality(params))
			}
		}
	}
	return problem > 0 && problem >= plain
}

// quality returns the weight "q" from the parameters of a media range (RFC 9110, section
// 12.4.2). The weight is 1 if there is no "q", and 0 if "q" is invalid.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
