package demo_test

import (
	"bytes"
	"errors"
	"flag"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
)

func noAPI(*middleware.Guard) http.Handler { return http.NotFoundHandler() }

// The flag -h prints the list of flags to standard output. A wrong flag prints nothing there.
func TestHelp(t *testing.T) {
	for arg, want := range map[string]string{"-h": "  -audience string\n", "-wrong": ""} {
		var out bytes.Buffer
		err := demo.Run(t.Context(), []string{arg}, &out, noAPI)
		if got := errors.Is(err, flag.ErrHelp); err == nil || got != (arg == "-h") {
			t.Errorf("%s: got error %v, want flag.ErrHelp only for -h", arg, err)
		}
		if !strings.Contains(out.String(), want) || (out.Len() > 0) != (want != "") {
			t.Errorf("%s: got output %q, want output with %q", arg, out.String(), want)
		}
	}
}
