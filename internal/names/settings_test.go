package names_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
)

// profileNames returns the names that bearer.ProfileByName accepts, and the Name of each profile,
// which logs and explanations contain.
func profileNames(t *testing.T) list {
	t.Helper()
	var names list
	for _, name := range listed(t, func() error { _, err := bearer.ProfileByName("unknown"); return err }) {
		profile, err := bearer.ProfileByName(name)
		if err != nil {
			t.Errorf("%s: got error %v, want a profile, because the error for an unknown name lists this name", name, err)
		}
		names.add("profile", name)
		if profile.Name != "" {
			names.add("profile", name, "is", profile.Name)
		}
	}
	return names
}

// dialectNames returns the values of middleware.Options.Dialect.
func dialectNames(t *testing.T) list {
	t.Helper()
	var names list
	check := func(dialect string) error {
		_, err := middleware.New(testkit.Refuse(bearer.Internal), &middleware.Options{Dialect: dialect})
		return err
	}
	for _, name := range listed(t, func() error { return check("unknown") }) {
		name = strings.Trim(name, `[]"`)
		if err := check(name); err != nil {
			t.Errorf("%s: got error %v, want none, because the error for an unknown dialect lists this name", name, err)
		}
		names.add("forward-auth dialect", name)
	}
	return names
}

// listed returns the names at the end of the text of an error, after "one of".
func listed(t *testing.T, fail func() error) []string {
	t.Helper()
	err := fail()
	if err == nil {
		t.Fatal("got no error for an unknown name, want an error that lists all names")
	}
	_, names, found := strings.Cut(err.Error(), "one of ")
	if !found {
		t.Fatalf("got the error %q, want a list of names after the words: one of", err)
	}
	return strings.Fields(strings.ReplaceAll(names, ",", ""))
}
