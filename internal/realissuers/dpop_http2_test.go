package realissuers_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/bearerkit/bearer/dpop"
)

// refusing is a server that refuses the second stream. The test is here, because package dpop must not
// import x/net, not even in its tests: the go.sum of its users then contains it.
type refusing struct {
	mu     sync.Mutex // guards proofs
	proofs []string
}

// add adds the proof of a request. It returns the number of requests.
func (b *refusing) add(field string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.proofs = append(b.proofs, field)
	return len(b.proofs)
}

// serveHTTP2 refuses the second request with REFUSED_STREAM, after which HTTP/2 clients repeat it.
func serveHTTP2(b *refusing, conn net.Conn) {
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		return
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		headers, ok := frame.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		for _, field := range headers.Fields {
			if field.Name != "dpop" {
				continue
			}
			if b.add(field.Value) == 2 {
				err = framer.WriteRSTStream(headers.StreamID, http2.ErrCodeRefusedStream)
				continue
			}
			var block bytes.Buffer
			_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "204"})
			err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: headers.StreamID, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		}
		if err != nil {
			return
		}
	}
}

// TestTransportRefusedStream tests that a request that HTTP/2 repeats on its own has a new proof.
func TestTransportRefusedStream(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &refusing{}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				serveHTTP2(b, conn)
			})
		}
	})
	base := &http.Transport{Protocols: new(http.Protocols)}
	base.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(func() {
		base.CloseIdleConnections()
		_ = listener.Close() // Accept returns
		group.Wait()
	})
	signer, err := dpop.GenerateSigner()
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	transport, err := dpop.NewTransport(dpop.TransportOptions{
		Signer: signer, Token: func(context.Context) (string, error) { return "token", nil }, Origins: []string{url}, Base: base,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			t.Errorf("got status %d, want 204", response.StatusCode)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(b.proofs)
	if got := len(slices.Compact(slices.Clone(b.proofs))); len(b.proofs) != 3 || got != 3 {
		t.Errorf("got %d requests with %d proofs, want 3 with 3", len(b.proofs), got)
	}
}
