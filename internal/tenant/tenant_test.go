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

// KeySigns never accepts a key that it refuses if it makes the issuer of the key first. For
// identifiers of tenants, the results are equal.
func TestKeySignsMakesNoText(t *testing.T) {
	random := rand.New(rand.NewPCG(18, 0)) //nolint:gosec // the test must be the same each time
	pieces := []string{tenant.Placeholder, "https://sts.windows.net/", "https://login.example/", "/", "/v2.0", "a", guid}
	text := func() (s string) {
		for range random.IntN(5) {
			s += pieces[random.IntN(len(pieces))]
		}
		return s
	}
	for range 200_000 {
		key, iss, tid := text(), text(), text()
		if random.IntN(2) == 0 {
			tid = guid
		}
		issuer := strings.ReplaceAll(key, tenant.Placeholder, tid)
		want := key == "" || issuer == iss || iss == "https://sts.windows.net/"+tid+"/" && strings.HasSuffix(issuer, "/"+tid+"/v2.0")
		if got := tenant.KeySigns(key, iss, tid); got != want && (got || tid == guid) {
			t.Fatalf("KeySigns(%q, %q, %q): got %v, want %v", key, iss, tid, got, want)
		}
	}
	// A text with 6,000 copies of a long identifier takes 70 MB.
	key, tid := strings.Repeat(tenant.Placeholder, 6000), strings.Repeat("a", 12_000)
	if n := testing.AllocsPerRun(10, func() { tenant.KeySigns(key, "https://login.example/", tid) }); n > 1 {
		t.Errorf("a key with many placeholders: got %v allocations, want at most 1", n)
	}
}
