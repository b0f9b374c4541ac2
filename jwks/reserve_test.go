package jwks_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// pausing is a body that makes a pause after a part of its bytes, which may last forever.
type pausing struct {
	r     *http.Request
	parts [2]io.Reader
	pause time.Duration // 0: forever
}

func (p *pausing) Read(b []byte) (int, error) {
	if n, err := p.parts[0].Read(b); err == nil {
		return n, nil
	}
	if p.pause >= 0 {
		end := time.After(p.pause)
		if p.pause == 0 {
			end = nil
		}
		select {
		case <-end:
			p.pause = -1
		case <-p.r.Context().Done():
			return 0, p.r.Context().Err()
		}
	}
	return p.parts[1].Read(b)
}

func (*pausing) Close() error { return nil }

// sending describes how an issuer sends a document.
type sending struct {
	zip    bool
	length int64 // the header field Content-Length; 0: none
	first  int   // the number of bytes before the pause; 0: there is no pause
	pause  time.Duration
}

// answer answers with the document.
func (s sending) answer(doc []byte) answerer {
	header := http.Header{}
	if s.zip {
		doc = zipped(doc)
		header.Set("Content-Encoding", "gzip")
	}
	length, first, pause := s.length, min(s.first, len(doc)), s.pause
	if length == 0 {
		length = -1
	}
	if s.first == 0 {
		pause = -1
	}
	return func(r *http.Request) (*http.Response, error) {
		resp := response(r, 200, header, nil)
		resp.ContentLength = length
		resp.Body = &pausing{r, [2]io.Reader{strings.NewReader(string(doc[:first])), strings.NewReader(string(doc[first:]))}, pause}
		return resp, nil
	}
}

// paddedDocument returns a key set of about size bytes, which does not compress.
func paddedDocument(kid string, size int) []byte {
	return []byte(`{"keys":[` + goodKey + `,"kid":"` + kid + `"}],"o":"` + number(size*3/4, 1) + `"}`)
}

// Issuers that send a part of a large document and then hang cannot reserve many more bytes than
// they send, so they do not delay a rotation.
func TestRotationWhileOthersReserve(t *testing.T) {
	for bad, others := range map[string]sending{
		"gzip of unknown size":   {zip: true, first: 10 << 10},
		"gzip of 1 MiB":          {zip: true, first: 10 << 10, length: 1 << 20},
		"document of any size":   {first: 17 << 10},
		"document of 1 MiB":      {first: 17 << 10, length: 1 << 20},
		"document that drips in": {first: 17 << 10, pause: 3 * time.Second},
	} {
		for good, own := range map[string]struct {
			size int
			sending
		}{
			"a small document":      {2 << 10, sending{}},
			"20 KiB, zipped slowly": {20 << 10, sending{zip: true, first: 8 << 10, pause: 50 * time.Millisecond}},
		} {
			t.Run(bad+"; "+good, func(t *testing.T) {
				number, most := 200, 500*time.Millisecond
				if others.zip && others.length == 0 { // the cheapest attack
					number, most = 1999, 3*time.Second
				}
				flood{
					others: number, start: serve(document(edKey("a"))), bad: others.answer(paddedDocument("a", 100<<10)),
					old: own.answer(paddedDocument("old", own.size)), new: own.answer(paddedDocument("new", own.size)),
					attack: forge, warm: 20 * time.Second, most: most,
				}.run(t)
			})
		}
	}
}

// Many issuers with large key sets get their keys after the start: the documents do not share the
// bytes in such a way that none ends in time.
func TestStartOfManyDocuments(t *testing.T) {
	for name, row := range map[string]struct {
		issuers, size, rate int
		sending
		most time.Duration
	}{
		"many of 24 KiB, zipped": {scaled(500), 24 << 10, scaled(4 << 20), sending{zip: true}, 15 * time.Second},
		"256 KiB, zipped":        {20, 256 << 10, 1 << 20, sending{zip: true}, 18 * time.Second},
		"512 KiB":                {20, 512 << 10, 512 << 10, sending{}, 40 * time.Second},
		"512 KiB, known":         {20, 512 << 10, 512 << 10, sending{length: 512 << 10}, 28 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				row.first, row.pause = 8<<10, 100*time.Millisecond
				_, caches := startCrowd(t, row.issuers, &jwks.Limits{MaxBytesPerSecond: row.rate}, row.answer(paddedDocument("a", row.size)))
				wantSoon(t, fmt.Sprintf("keys of all %d issuers", row.issuers), row.most, func() bool {
					return !slices.ContainsFunc(caches, func(c *jwks.Cache) bool { return !c.Status().Ready })
				})
			})
		})
	}
}
