// Command bench measures bearer beside the libraries that do the same work.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

// fewTokens is so small a cache that none of twice as many tokens is in it when it
// comes again.
const fewTokens = 64

func main() {
	ctx := context.Background()
	if os.Getenv(childUnits) != "" {
		if err := child(ctx); err != nil {
			log.Fatal(err)
		}
		return
	}
	for _, alg := range os.Args[1:] {
		mint := tokens.New(alg)
		var list []string
		for range measure.MostUnits {
			list = append(list, mint.Token())
		}
		raw, err := instructions(ctx, mint.Setup(), list, floorName)
		fmt.Println(raw, err)
		for _, name := range []string{"bearer", "golang-jwt + keyfunc"} {
			n, err := instructions(ctx, mint.Setup(), list, name)
			fmt.Println(alg, name, n-raw, err)
		}
		mint.Close()
	}
}
