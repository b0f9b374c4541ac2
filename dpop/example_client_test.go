package dpop_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bearerkit/bearer/dpop"
)

// A request to the token endpoint has a proof without a token. The issuer binds the token to the
// key of the proof.
func ExampleSigner_Proof() {
	signer, err := dpop.GenerateSigner()
	if err != nil {
		fmt.Println(err)
		return
	}
	proof, err := signer.Proof("POST", "https://issuer.example/token", "", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signer.Algorithm(), strings.Count(proof, "."))
	// Output: ES256 2
}

func ExampleGenerateSigner() {
	signer, err := dpop.GenerateSigner()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signer.Algorithm(), len(signer.Thumbprint()))
	// Output: ES256 43
}

// A key in a key management service, a smart card or a TPM implements crypto.Signer too.
func ExampleNewSigner() {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := dpop.NewSigner(key, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signer.Algorithm())
	// Output: EdDSA
}

// The client sends the token to the API with a new proof for each request.
func ExampleNewTransport() {
	signer, err := dpop.GenerateSigner()
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := dpop.NewTransport(dpop.TransportOptions{
		Signer:  signer,
		Token:   func(context.Context) (string, error) { return "the-token", nil }, // from the issuer
		Origins: []string{"https://api.example"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}
	_, err = client.Get("https://other.example/")
	fmt.Println(errors.Is(err, dpop.ErrOrigin))
	// Output: true
}
