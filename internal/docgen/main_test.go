package main

import (
	"strings"
	"testing"
)

func TestDocument(t *testing.T) {
	const src = `package p

const (
	Svc_Do_FullMethodName = "/p.Svc/Do"
)

var File_p_proto int

// Kept has words of its own.
func (x *M) GetKept() int { return 0 }

func (x *M) GetName() string { return "" }

func (x *M) String() string { return "" }

func (UnimplementedSvc) Do() {}

func NewSvcClient(cc int) int { return cc }

func (x *m) private() {}

type M_Name struct{}
`
	got, err := document([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"// Svc_Do_FullMethodName is the full name of the method.\n\tSvc_Do",
		"// File_p_proto describes the .proto file.\nvar",
		"// Kept has words of its own.\nfunc",
		"// GetName returns Name, or its zero value where x is nil.\nfunc",
		"// String returns the message as text, for people.\nfunc",
		"// Do refuses the call with Unimplemented.\nfunc",
		"// NewSvcClient returns a client that calls over cc.\nfunc",
		"\n\nfunc (x *m) private()",
		"// M_Name is the choice Name of a M.\ntype",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
	again, err := document(got)
	if err != nil || string(again) != string(got) {
		t.Errorf("a second run changes the file: %v", err)
	}
	if _, err := document([]byte("package")); err == nil {
		t.Error("no error for what is no Go file")
	}
}
