package dpopclient_test

import (
	"testing"

	"github.com/bearerkit/bearer/internal/dpopclient"
)

func TestErrorCode(t *testing.T) {
	const nonce = `DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"` // RFC 9449, section 9
	for _, row := range []struct {
		fields []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{nonce}, "use_dpop_nonce"},
		{[]string{`DPoP error="invalid_dpop_proof", algs="ES256 PS256"`}, "invalid_dpop_proof"},
		{[]string{`Bearer, ` + nonce}, "use_dpop_nonce"},
		{[]string{`Bearer`, nonce}, "use_dpop_nonce"},
		{[]string{`Bearer error="invalid_token", DPoP algs="ES256"`, nonce}, "use_dpop_nonce"},
		{[]string{`DPoP algs="ES256", Bearer error="use_dpop_nonce"`}, ""},
		{[]string{`DPoP algs="ES256" , Bearer realm="a, DPoP error=\"use_dpop_nonce\""`}, ""},
		{[]string{`Bearer realm="say \"DPoP\", error=\"a\"", dpop algs="ES256",error=use_dpop_nonce`}, "use_dpop_nonce"},
		{[]string{`DPoP error = "use_dpop_nonce"`}, "use_dpop_nonce"},
		{[]string{`DPOP ERROR="use_dpop_\nonce"`}, "use_dpop_nonce"},
		{[]string{`,, DPoP   algs="ES256",,error="use_dpop_nonce",`}, "use_dpop_nonce"},
		{[]string{`Negotiate YWJj/+==, DPoP error="use_dpop_nonce"`}, "use_dpop_nonce"},
		{[]string{`Negotiate a=, DPoP error="use_dpop_nonce"`}, "use_dpop_nonce"},
		{[]string{`Basic realm="a" ,Negotiate,DPoP error="use_dpop_nonce"`}, "use_dpop_nonce"},
		// Two codes in one challenge, and one code in the next challenge.
		{[]string{`DPoP error="use_dpop_nonce", error="invalid_token"`}, ""},
		{[]string{`DPoP error="a", error="b", DPoP error="use_dpop_nonce"`}, "use_dpop_nonce"},
		// Syntax errors.
		{[]string{`error="use_dpop_nonce"`}, ""},
		{[]string{`DPoP error="use_dpop_nonce`}, ""},
		{[]string{`DPoP error="use_dpop_nonce\`}, ""},
		{[]string{`DPoP error="use_dpop_nonce" algs="ES256"`}, ""},
		{[]string{`DPoP, error="use_dpop_nonce", "x"`}, ""},
		{[]string{`DPoP error="use_dpop_nonce", Bearer realm="a`}, "use_dpop_nonce"},
		{[]string{`DPoP error="use_dpop_nonce", Bearer, "a"`}, "use_dpop_nonce"},
		{[]string{`"DPoP" error="use_dpop_nonce"`}, ""},
		{[]string{`DPoP/1 error="use_dpop_nonce"`}, ""},
		{[]string{`DPoP: error="use_dpop_nonce"`}, ""},
		{[]string{"DPoP\terror=\"use_dpop_nonce\""}, ""},
		{[]string{`DPoP ="use_dpop_nonce"`}, ""},
		{[]string{`DPoP error`, `Bearer error="use_dpop_nonce"`}, ""},
		{[]string{`XDPoP error="use_dpop_nonce"`}, ""},
		{[]string{`DPoP xerror="use_dpop_nonce"`}, ""},
		{[]string{"é", nonce}, "use_dpop_nonce"},
	} {
		if got := dpopclient.ErrorCode(row.fields); got != row.want {
			t.Errorf("%q: got %q, want %q", row.fields, got, row.want)
		}
	}
}

func TestIsMethod(t *testing.T) {
	for text, want := range map[string]bool{"GET": true, "M-SEARCH": true, "": false, "GE T": false, "G\nET": false, "É": false, "A,B": false} {
		if got := dpopclient.IsMethod(text); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}
