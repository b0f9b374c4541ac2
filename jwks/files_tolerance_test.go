package jwks_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/jwks"
)

// A key set in a file is read as leniently, and as strictly, as the key set of an issuer. This is
// true for a file and for the same file in a folder, where its keys become part of a new document.
func TestFileTolerance(t *testing.T) {
	rows := toleratedDocuments()
	for name, element := range map[string]string{
		"line break in kid":          changedKey("kid", "\"\n\""),
		"Latin-1 in kid":             changedKey("kid", "\"\xe9\""),
		"kid twice":                  changedKey("kid", `""`)[:len(changedKey("kid", `""`))-1] + `,"kid":"b"}`,
		"DEL in kid":                 changedKey("kid", "\"\x7f\""),
		"name with a line break":     goodKey + ",\"kid\":\"a\",\"x\n5t\":1}",
		"not an object":              "1",
		"line break after backslash": changedKey("kid", "\"\\\n\""),
	} {
		rows[name] = `{"keys":[` + element + "," + edElement("other", 1) + "]}"
	}
	rows["keys twice"] = `{"keys":[],"keys":[` + goodKey + "}]}"
	rows["line break in the name keys"] = "{\"ke\nys\":[" + goodKey + "}]}"
	rows["two byte order marks"] = bom + bom + withMembers(`"use":"sig"`)
	rows["line break before the end"] = strings.TrimSuffix(withMembers(`"use":"sig"`), "}") + "\n\n}\n"
	for name, doc := range rows {
		t.Run(name, func(t *testing.T) {
			wanted := "no key set"
			if set, err := jwks.Parse([]byte(doc)); err == nil {
				wanted = foundIn(set.Keys())
			}
			folder := t.TempDir()
			writeFiles(t, folder, map[string]string{"keys.json": doc})
			for _, path := range []string{filepath.Join(folder, "keys.json"), folder} {
				want(t, "keys at "+filepath.Base(path), foundAt(t, path), wanted)
			}
		})
	}
}

// foundAt returns the keys of a file or folder in the form of foundIn, or "no key set".
func foundAt(t *testing.T, path string) (found string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := options(nil)
		o.Transport = nil
		c, err := jwks.New(fileURL(path), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		found = "no key set"
		if err := c.Refresh(t.Context()); err == nil {
			found = foundIn(c.Status().Keys)
		}
	})
	return found
}

// foundIn returns the ids and thumbprints of keys, sorted.
func foundIn(keys []*jwks.Key) string {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = key.ID() + " " + key.Thumbprint()
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// A JWK alone in a file may have the mistakes of a key in a set.
func TestFileWithOneKeyTolerance(t *testing.T) {
	key := goodKey + `,"kid":"a","x5c":["MIIB` + "\r\n" + `"],"x5t":"a","x5t":"` + "\xe9" + `"}`
	set, err := jwks.Parse([]byte(`{"keys":[` + key + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	writeFiles(t, folder, map[string]string{"key.jwk": bom + key + "\n"})
	for _, path := range []string{filepath.Join(folder, "key.jwk"), folder} {
		want(t, "keys at "+filepath.Base(path), foundAt(t, path), foundIn(set.Keys()))
	}
}
