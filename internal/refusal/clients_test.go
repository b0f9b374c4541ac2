package refusal_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// TestClientTable tests the table for developers of clients in docs/reasons.md. It must have a row
// for each answer that a client can get, with the status, the error code, the reason in the body,
// the code of gRPC and the reason in ErrorInfo. A row must not contain a reason that no client gets.
func TestClientTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadFile("../../testdata/api/bearer.txt")
	if err != nil {
		t.Fatal(err)
	}
	errs := []error{&bearer.Error{Reason: bearer.MissingScope, Err: scopes.ErrNoRule}, bearer.Reason("unknown")}
	for _, reason := range regexp.MustCompile(`(?m)^const \w+ Reason = "(\w+)"$`).FindAllStringSubmatch(string(names), -1) {
		errs = append(errs, &bearer.Error{Reason: bearer.Reason(reason[1])})
	}
	if len(errs) < 20 {
		t.Fatalf("got %d reasons in testdata/api/bearer.txt, want at least 18", len(errs)-2)
	}
	_, table, _ := strings.Cut(string(page), "\n## What a client must do\n")
	table, _, _ = strings.Cut(table, "\n## ")
	codes := map[uint32]string{7: "PermissionDenied", 13: "Internal", 14: "Unavailable", 16: "Unauthenticated"}
	want := map[string]bool{}
	for _, err := range errs {
		answer := refusal.Of(err)
		http, grpc := fmt.Sprintf("`%s`", answer.HTTPReason()), fmt.Sprintf("`%s`", strings.ToUpper(string(answer.Reason)))
		want[http], want[grpc] = true, true
		row := regexp.MustCompile(fmt.Sprintf("(?m)^\\| %d \\| `%s` \\| %s \\| %v \\| [^|]*%s[^|]* \\| .+ \\|$", answer.Status, answer.Error, http, codes[answer.Code], grpc))
		if !row.MatchString(table) {
			t.Errorf("docs/reasons.md: %v: got no row in the table for clients, want one that matches %s", err, row)
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| \d+ \| [^|]+ \|([^|]+)\|[^|]+\|([^|]+)\|`).FindAllStringSubmatch(table, -1) {
		for _, reason := range regexp.MustCompile("`\\w+`").FindAllString(row[1]+row[2], -1) {
			if !want[reason] && reason != "`scope`" {
				t.Errorf("docs/reasons.md: got reason %s in the table for clients, want a reason that a client can get", reason)
			}
		}
	}
}
