package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/terminal"
)

func TestCompare(t *testing.T) {
	expected := caller{"m2morg_1", "acmecorp/inventory-service", "production_us"}
	other := caller{"m2morg_1", "acmecorp/inventory-service", "production_eu"}
	good := outcome{status: "201 Created", caller: &expected}
	expired := wantHTTP(bearer.Expired)
	withDetail := func(o outcome, detail string) outcome { o.detail = detail; return o }
	tests := []struct {
		name      string
		want, got outcome
		problem   string // "" if the outcomes are equal
	}{
		{"accepted as expected", good, good, ""},
		{"accepted with a different status", good, outcome{status: "200 OK", caller: &expected}, "got status 200 OK, want status 201 Created"},
		{"accepted without a caller", good, outcome{status: "201 Created"}, "the response contains no caller"},
		{"accepted with a different caller", good, outcome{status: "201 Created", caller: &other}, "the handler saw"},
		{"refused as expected", expired, withDetail(expired, "Bearer"), ""},
		{"refused without a challenge", expired, expired, "the refusal has no challenge"},
		{"refused with a different status", expired, outcome{status: "403 Forbidden", reason: "invalid_token", detail: "Bearer"}, "got status 403"},
		{"refused with a different reason", expired, outcome{status: "401 Unauthorized", detail: "Bearer"}, `got reason "", want reason "invalid_token"`},
		{"refused after a handler ran", expired, outcome{status: "401 Unauthorized", reason: "invalid_token", detail: "Bearer", caller: &expected}, "reached a handler"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(differences(tt.want, tt.got), "; ")
			if (tt.problem == "") != (got == "") || !strings.Contains(got, tt.problem) {
				t.Errorf("got problems %q, want problems with %q", got, tt.problem)
			}
		})
	}
}

func TestReport(t *testing.T) {
	rows := []row{
		{kind: "accepted", transport: "HTTP", want: outcome{status: "201 Created"}, got: outcome{status: "201 Created", caller: &caller{"c", "r", "e"}}},
		{kind: "tampered", transport: "HTTP", want: outcome{status: "401 Unauthorized"}, got: outcome{status: "201 Created"}, problems: []string{"a", "b"}},
		{kind: "expired", transport: "HTTP", want: outcome{status: "401 Unauthorized"}, skipped: "no key"},
	}
	const want = `
       CALL      TRANSPORT  RESULT       CHALLENGE, STATUS, OR CLAIMS IN THE HANDLER
ok     accepted  HTTP       201 Created  github_repository=r environment=e client_id=c
WRONG  tampered  HTTP       201 Created  WRONG: a; b
skip   expired   HTTP       -            no key

1 of 2 calls as expected, 1 skipped
`
	screen := terminal.Screen{Width: 100}
	var out strings.Builder
	err := printTable(&out, screen, rows)
	if got := "\n" + out.String(); got != want {
		t.Errorf("got table %s\nwant table %s", got, want)
	}
	if err == nil {
		t.Error("table with a wrong outcome: got no error, want an error")
	}
	if err := printTable(&out, screen, rows[:1]); err != nil {
		t.Errorf("table without a wrong outcome: got error %v, want no error", err)
	}
	if err := printTable(&out, screen, nil); err == nil {
		t.Error("table without calls: got no error, want an error")
	}
	if err := printTable(failingWriter{}, screen, rows[:1]); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writer that fails: got error %v, want the error of the writer", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
