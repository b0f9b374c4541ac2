package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
	"github.com/bearerkit/bearer/jwks"
)

// To count instructions, this program runs itself under valgrind as a child process. These
// environment variables describe the work of the child process.
const (
	childUnits = "BENCH_CHILD_UNITS" // the number of requests to send
	childWork  = "BENCH_CHILD_WORK"  // the path of a file with the job, as JSON
)

// signatureCheck is the name of the work that verifies only the signature. The tables contain
// this name.
const signatureCheck = "signature check"

// A job is the work of a child process.
type job struct {
	Peer   string
	Setup  peers.Setup
	Tokens []string
	// If Refuse is true, each element of Tokens is a complete hostile value of the Authorization
	// field, and the peer must refuse this value.
	Refuse bool
}

// instructions returns the number of instructions that a peer executes for one request. Each
// request carries the next of these tokens.
func instructions(ctx context.Context, setup peers.Setup, list []string, peer string) (int64, error) {
	return job{Peer: peer, Setup: setup, Tokens: list}.instructions(ctx)
}

// instructions returns the number of instructions for one request of the job.
func (j job) instructions(ctx context.Context) (int64, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return 0, err
	}
	file, err := os.CreateTemp("", "bench-*.json")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return 0, err
	}
	// The garbage collector is off, because it runs at random times.
	return measure.Instructions(ctx, childUnits, childWork+"="+file.Name(), "GOGC=off")
}

// runChild does the job that the environment variables describe.
func runChild(ctx context.Context) error {
	units, err := strconv.Atoi(os.Getenv(childUnits))
	if err != nil {
		return err
	}
	var j job
	text, err := os.ReadFile(os.Getenv(childWork)) //nolint:gosec // the parent process wrote the file
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	requests, err := j.requests(ctx)
	if err != nil {
		return err
	}
	for i := range units {
		if requests[i%len(requests)]() == j.Refuse {
			return errors.New("the peer refused a valid token, or accepted a hostile request")
		}
	}
	return nil
}

func (j *job) requests(ctx context.Context) ([]func() bool, error) {
	if j.Peer == signatureCheck {
		key, err := publicKey(j.Setup)
		if err != nil {
			return nil, err
		}
		requests := make([]func() bool, len(j.Tokens))
		for i, token := range j.Tokens { // more than one token, because some signatures take longer to verify than others
			if requests[i], err = tokens.Raw(token, j.Setup.Alg, key); err != nil {
				return nil, err
			}
		}
		return requests, nil
	}
	for _, peer := range peers.All() {
		if peer.Name != j.Peer {
			continue
		}
		endpoint, err := peer.Open(ctx, j.Setup)
		if err != nil {
			return nil, err
		}
		requests := make([]func() bool, len(j.Tokens))
		for i, token := range j.Tokens {
			if !j.Refuse {
				token = "Bearer " + token
			}
			requests[i] = endpoint(token)
		}
		return requests, nil
	}
	return nil, fmt.Errorf("there is no peer with the name %q", j.Peer)
}

func publicKey(s peers.Setup) (any, error) {
	resp, err := http.Get(s.KeysURL) //nolint:noctx // the server is on loopback, and the parent process has a timeout
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	document, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	set, err := jwks.Parse(document)
	if err != nil {
		return nil, err
	}
	return set.Keys()[0].Public(), nil
}
