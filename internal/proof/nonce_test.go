package proof_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
)

func TestNonces(t *testing.T) {
	key, other := []byte(strings.Repeat("k", 32)), []byte(strings.Repeat("o", 32))
	nonces := proof.NewNonces(time.Minute, "api", key)
	start := time.Unix(1_800_000_000, 0).Truncate(time.Minute)
	nonce := nonces.Make(start)
	for name, test := range map[string]struct {
		nonces *proof.Nonces
		nonce  string
		now    time.Time
		want   bool
	}{
		"at once":                   {nonces, nonce, start, true},
		"end of the period":         {nonces, nonce, start.Add(time.Minute - 1), true},
		"next period":               {nonces, nonce, start.Add(2*time.Minute - 1), true},
		"period after the next":     {nonces, nonce, start.Add(2 * time.Minute), false},
		"clock a little behind":     {nonces, nonce, start.Add(-1), true},
		"clock two minutes behind":  {nonces, nonce, start.Add(-2 * time.Minute), false},
		"other replica":             {proof.NewNonces(time.Minute, "api", key), nonce, start, true},
		"after a new key":           {proof.NewNonces(time.Minute, "api", other, key), nonce, start, true},
		"other key":                 {proof.NewNonces(time.Minute, "api", other), nonce, start, false},
		"other API":                 {proof.NewNonces(time.Minute, "api2", key), nonce, start, false},
		"empty":                     {nonces, "", start, false},
		"cut":                       {nonces, nonce[:len(nonce)-1], start, false},
		"longer":                    {nonces, nonce + "A", start, false},
		"zeros":                     {nonces, strings.Repeat("A", len(nonce)), start, false},
		"last character, same bits": {nonces, nonce[:len(nonce)-1] + nextCharacter(nonce), start, false},
		"not base64url":             {nonces, strings.Repeat("!", len(nonce)), start, false},
	} {
		got, current := test.nonces.Check(test.nonce, test.now)
		if got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
		if want := test.want && name != "next period"; current != want {
			t.Errorf("%s: got current=%t, want %t", name, current, want)
		}
	}
	if again := nonces.Make(start); again == nonce {
		t.Errorf("got the nonce %s twice, want different nonces", nonce)
	}
	for i := range nonce {
		for _, c := range []byte("Aa-_") {
			forged := nonce[:i] + string(c) + nonce[i+1:]
			if valid, _ := nonces.Check(forged, start); valid && forged != nonce {
				t.Errorf("got a nonce with a different character %d accepted, want it refused", i)
			}
		}
	}
}

// nextCharacter returns the character of base64url after the last character of text.
func nextCharacter(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.IndexByte(alphabet, text[len(text)-1])
	return string(alphabet[(at+1)%len(alphabet)])
}
