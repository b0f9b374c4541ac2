package bearertest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
)

// A token request with a proof gets a token that is bound to the key of the proof.
func ExampleClient_bound() {
	issuer := bearertest.NewUnstartedIssuer(nil)
	defer issuer.Close()
	issuer.AddClient(bearertest.Client{ID: "deployer", Secret: "s3cret", RequireBound: true})
	signer, err := dpop.GenerateSigner()
	if err != nil {
		fmt.Println(err)
		return
	}

	body := url.Values{"grant_type": {"client_credentials"}, "client_id": {"deployer"}, "client_secret": {"s3cret"}}
	for _, withProof := range []bool{false, true} {
		request, err := http.NewRequest(http.MethodPost, issuer.TokenURL(), strings.NewReader(body.Encode()))
		if err != nil {
			fmt.Println(err)
			return
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if withProof {
			proof, err := signer.Proof(request.Method, request.URL.String(), "", "")
			if err != nil {
				fmt.Println(err)
				return
			}
			request.Header.Set("DPoP", proof)
		}
		got, err := do(issuer.HTTPClient(), request)
		var answer struct {
			Type  string `json:"token_type"`
			Error string `json:"error"`
		}
		if err == nil {
			err = json.Unmarshal(got.body, &answer)
		}
		fmt.Println(answer.Type, answer.Error, err)
	}
	// Output:
	//  invalid_dpop_proof <nil>
	// DPoP  <nil>
}
