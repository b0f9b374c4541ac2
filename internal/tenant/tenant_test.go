package tenant_test

import (
	"math/rand/v2"
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
		if got := template.Matches(row.iss, func() string { return row.tid }); got != row.want {
			t.Errorf("iss %s, tid %s: got match=%v, want match=%v", row.iss, row.tid, got, row.want)
		}
	}
}

func TestKeySigns(t *testing.T) {
	const public, government, china = "https://login.microsoftonline.com/", "https://login.microsoftonline.us/", "https://login.partner.microsoftonline.cn/"
	of := func(host, id string) string { return host + id + "/v2.0" }
	v1, chinaV1 := "https://sts.windows.net/"+guid+"/", "https://sts.chinacloudapi.cn/"+guid+"/"
	for _, row := range []struct {
		key, iss string
		want     bool
	}{
		{"", of(public, guid), true},
		{of(public, guid), of(public, guid), true},
		{of("https://login.example/", guid), of("https://login.example/", guid), true},
		{of("https://login.example/", tenant.Placeholder), of("https://login.example/", guid), true},
		{of("https://{tenantid}.ciamlogin.com/", tenant.Placeholder), of("https://"+guid+".ciamlogin.com/", guid), true},
		{of(public, tenant.Placeholder), of(government, guid), false},
		{of("https://login.example/", tenant.Placeholder), v1, false},
		{of("https://login.example/", guid), v1, false},
		{of(public, otherGUID), of(public, guid), false},
		{of(public, otherGUID), v1, false},
		{public + tenant.Placeholder, v1, false},
		{of(public+"x/", guid), v1, false},
		{of(public, guid) + "/", v1, false},
		{of(public, guid), v1, true},
		{of(public, tenant.Placeholder), v1, true},
		{of(government, guid), v1, true},
		{of(government, tenant.Placeholder), v1, true},
		{of(china, guid), v1, false},
		{of(china, tenant.Placeholder), v1, false},
		{of(china, guid), chinaV1, true},
		{of(china, tenant.Placeholder), chinaV1, true},
		{of(public, tenant.Placeholder), chinaV1, false},
		{of(government, tenant.Placeholder), chinaV1, false},
		{"https://sts.windows.net/" + tenant.Placeholder + "/", v1, true},
		{"https://sts.windows.net/" + tenant.Placeholder + "/", chinaV1, false},
		{"https://sts.windows.net/" + tenant.Placeholder + "/", of(public, guid), false},
	} {
		if got := tenant.KeySigns(row.key, row.iss, guid); got != row.want {
			t.Errorf("KeySigns for a key with issuer %q and a token with iss %q: got %v, want %v", row.key, row.iss, got, row.want)
		}
	}
}

// CommonKeys knows the URL for each issuer with a placeholder, in each cloud.
func TestCommonKeys(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/{tenantid}/v2.0":        "https://login.microsoftonline.com/common/discovery/v2.0/keys",
		"https://login.microsoftonline.us/{tenantid}/v2.0":         "https://login.microsoftonline.us/common/discovery/v2.0/keys",
		"https://login.partner.microsoftonline.cn/{tenantid}/v2.0": "https://login.partner.microsoftonline.cn/common/discovery/v2.0/keys",
		"https://sts.windows.net/{tenantid}/":                      "https://login.microsoftonline.com/common/discovery/keys",
		"https://sts.chinacloudapi.cn/{tenantid}/":                 "https://login.partner.microsoftonline.cn/common/discovery/keys",
		"https://login.example/{tenantid}/v2.0":                    "",
		"https://login.microsoftonline.com/{tenantid}":             "",
	} {
		if got := tenant.CommonKeys(issuer); got != want {
			t.Errorf("CommonKeys(%q): got %q, want %q", issuer, got, want)
		}
	}
}

// KeySigns never accepts a key that it refuses if it makes the issuer of the key first. For
// identifiers of tenants, the results are equal.
func TestKeySignsMakesNoText(t *testing.T) {
	random := rand.New(rand.NewPCG(18, 0)) //nolint:gosec // the test must be the same each time
	pieces := []string{tenant.Placeholder, "https://sts.windows.net/", "https://login.microsoftonline.us/", "https://sts.chinacloudapi.cn/", "https://login.partner.microsoftonline.cn/", "https://login.example/", "/", "/v2.0", "a", guid}
	text := func() (s string) {
		if random.IntN(2) == 0 { // the form of an issuer
			return pieces[1+random.IntN(5)] + []string{tenant.Placeholder, guid}[random.IntN(2)] + []string{"/", "/v2.0"}[random.IntN(2)]
		}
		for range random.IntN(5) {
			s += pieces[random.IntN(len(pieces))]
		}
		return s
	}
	pairs := map[string]string{ // from the beginning of a version 2 issuer to the version 1 issuer
		"https://login.microsoftonline.com/": "https://sts.windows.net/", "https://login.microsoftonline.us/": "https://sts.windows.net/",
		"https://login.partner.microsoftonline.cn/": "https://sts.chinacloudapi.cn/",
	}
	signed := 0
	for range 200_000 {
		key, iss, tid := text(), text(), text()
		if random.IntN(2) == 0 {
			tid = guid
		}
		issuer := strings.ReplaceAll(key, tenant.Placeholder, tid)
		want := key == "" || issuer == iss
		for v2, v1 := range pairs {
			if iss == v1+tid+"/" && issuer == v2+tid+"/v2.0" {
				want, signed = true, signed+1
			}
		}
		if got := tenant.KeySigns(key, iss, tid); got != want && (got || tid == guid) {
			t.Fatalf("KeySigns(%q, %q, %q): got %v, want %v", key, iss, tid, got, want)
		}
	}
	if signed < 20 {
		t.Errorf("got %d keys of version 2 for tokens of version 1, want at least 20", signed)
	}
	// A text with 6,000 copies of a long identifier takes 70 MB.
	key, tid := strings.Repeat(tenant.Placeholder, 6000), strings.Repeat("a", 12_000)
	if n := testing.AllocsPerRun(10, func() { tenant.KeySigns(key, "https://login.example/", tid) }); n > 1 {
		t.Errorf("a key with many placeholders: got %v allocations, want at most 1", n)
	}
}
