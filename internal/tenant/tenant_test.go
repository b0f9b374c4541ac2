package tenant_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/tenant"
)

const (
	guid      = "11111111-2222-3333-4444-555555555555"
	otherGUID = "99999999-2222-3333-4444-555555555555"
)

func TestParse(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://issuer.example":                      "none",
		"https://login.example/{tenantid}/v2.0":       "template",
		"http://login.example/{tenantid}/v2.0":        "error",
		"https://login.example/{tenantid}/{tenantid}": "error",
		"{tenantid}":                          "error",
		"https://login.example/{tenant}/v2.0": "none",
	} {
		template, err := tenant.Parse(issuer)
		got := "none"
		if err != nil {
			got = "error"
		} else if template != nil {
			got = "template"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", issuer, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	template, err := tenant.Parse("https://login.example/{tenantid}/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		iss, tid string
		want     bool
	}{
		{"https://login.example/" + guid + "/v2.0", guid, true},
		{"https://login.example/" + guid + "/v2.0", otherGUID, false},
		{"https://login.example/" + guid + "/v2.0", "", false},
		{"https://login.example/" + guid + "/v2.0/", guid, false},
		{"https://login.example/common/v2.0", "common", false},
		{"https://login.example//v2.0", "", false},
		{"https://login.example/" + guid + "/../v2.0", guid + "/..", false},
		{"https://login.example/" + strings.Replace(guid, "-", "_", 1) + "/v2.0", strings.Replace(guid, "-", "_", 1), false},
		{"https://evil.example/" + guid + "/v2.0", guid, false},
	} {
		if got := template.Matches(row.iss, row.tid); got != row.want {
			t.Errorf("iss %s, tid %s: got match=%v, want match=%v", row.iss, row.tid, got, row.want)
		}
	}
}

func TestKeySigns(t *testing.T) {
	v1, v2 := "https://sts.windows.net/"+guid+"/", "https://login.example/"+guid+"/v2.0"
	for _, row := range []struct {
		key, iss string
		want     bool
	}{
		{"", v2, true},
		{v2, v2, true},
		{"https://login.example/{tenantid}/v2.0", v2, true},
		{"https://login.example/{tenantid}/v2.0", v1, true},
		{"https://login.example/" + otherGUID + "/v2.0", v2, false},
		{"https://login.example/" + otherGUID + "/v2.0", v1, false},
		{"https://login.example/{tenantid}", v1, false},
	} {
		if got := tenant.KeySigns(row.key, row.iss, guid); got != row.want {
			t.Errorf("KeySigns for a key with issuer %q and a token with iss %q: got %v, want %v", row.key, row.iss, got, row.want)
		}
	}
}
