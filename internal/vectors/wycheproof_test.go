package vectors_test

import (
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wycheproofFile is a JOSE file of Wycheproof, with the members that this test needs.
type wycheproofFile struct {
	NumberOfTests int `json:"numberOfTests"`
	TestGroups    []struct {
		Comment string         `json:"comment"`
		Public  jsontext.Value `json:"public"`
		Private jsontext.Value `json:"private"`
		Tests   []struct {
			ID      int            `json:"tcId"`
			Comment string         `json:"comment"`
			JWS     jsontext.Value `json:"jws"`
			JWE     jsontext.Value `json:"jwe"`
			Result  string         `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// departures maps the names of vectors to the causes of differences. For each of these
// vectors, the verdict of bearer differs from the verdict of Wycheproof. departures does not
// contain vectors with symmetric keys, because bearer refuses all these vectors.
var departures = map[string]string{
	"json_web_signature 346": "the alg of the token is PS384, but the alg of the key is PS256 (RFC 7517, section 4.4)",
	"json_web_signature 347": "the alg of the key is ES521, which is not an algorithm",
	"json_web_signature 350": "the alg of the token is PS384, but the alg of the key is PS256",
	"json_web_signature 351": "the alg of the key is ES521",
}

// TestWycheproof runs the JWS, JWK and JWE vectors.
func TestWycheproof(t *testing.T) {
	for _, file := range []struct {
		name              string
		accepted, refused int
	}{
		{"json_web_signature", 32, 369}, {"json_web_key", 1, 25}, {"json_web_crypto", 2, 81}, {"json_web_encryption", 0, 139},
	} {
		data, err := fs.ReadFile(wycheproof.TestVectors, file.name+"_test.json")
		if err != nil {
			t.Fatal(err)
		}
		var vectors wycheproofFile
		if err := json.Unmarshal(data, &vectors); err != nil {
			t.Fatal(err)
		}
		accepted, refused := 0, 0
		for _, group := range vectors.TestGroups {
			keys := group.Public
			symmetric := keys == nil
			if symmetric {
				keys = group.Private
			}
			for _, test := range group.Tests {
				token := string(slices.Concat(test.JWS, test.JWE))
				if token[0] == '"' {
					if err := json.Unmarshal([]byte(token), &token); err != nil {
						t.Fatal(err)
					}
				}
				_, err := verifyJSON(token, keys)
				want := test.Result == "valid" && !symmetric && test.JWE == nil
				name := fmt.Sprintf("%s %d", file.name, test.ID)
				if _, departs := departures[name]; departs {
					want = !want
				}
				if (err == nil) != want {
					t.Errorf("%s: %s: %s: accepted the token = %v, want %v; error: %v", name, group.Comment, test.Comment, err == nil, want, err)
				}
				if err == nil {
					accepted++
				} else {
					refused++
				}
			}
		}
		t.Logf("%s: %d accepted, %d refused", file.name, accepted, refused)
		if accepted != file.accepted || refused != file.refused || accepted+refused != vectors.NumberOfTests {
			t.Errorf("%s: got %d accepted and %d refused vectors, want %d accepted and %d refused", file.name, accepted, refused, file.accepted, file.refused)
		}
	}
}
