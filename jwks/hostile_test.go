package jwks_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/jwks"
)

// Elements beyond the limits are left out, and elements at the limits are used.
func TestElementLimits(t *testing.T) {
	texts := func(n int) string { return list(n, func(i int) string { return fmt.Sprintf(`"op%d"`, i) }) }
	ops := func(n int) string { return `"key_ops":["verify",` + texts(n - 1)[1:] }
	fill := func(size int) string { // a key of this size in bytes
		key := goodKey + `,"x5t":""}`
		return strings.Replace(key, `""`, `"`+strings.Repeat("a", size-len(key))+`"`, 1)
	}
	for name, row := range map[string]struct{ element, want string }{
		"64 KiB":                             {fill(64 << 10), ""},
		"more than 64 KiB":                   {fill(64<<10 + 1), "more than 65536 bytes"},
		"100 members":                        {goodKey + "," + object(97, "m%d")[1:], ""},
		"101 members":                        {goodKey + "," + object(98, "m%d")[1:], "more than 100 members"},
		"32 key_ops":                         {goodKey + "," + ops(32) + "}", ""},
		"33 key_ops":                         {goodKey + "," + ops(33) + "}", `"key_ops" has more than 32 elements`},
		"33 key_ops, no verify":              {goodKey + `,"key_ops":` + texts(33) + "}", `"key_ops" has more than 32 elements`},
		"key_ops is not an array":            {goodKey + `,"key_ops":"verify"}`, `"key_ops" is not an array of strings`},
		"key_ops contains numbers":           {goodKey + `,"key_ops":["verify",1]}`, `"key_ops" is not an array of strings`},
		"key_ops is empty":                   {goodKey + `,"key_ops":[]}`, `"key_ops" does not contain "verify"`},
		"an operation twice":                 {goodKey + `,"key_ops":["verify","sign","verify"]}`, `"key_ops" contains an operation twice`},
		"an operation twice, with an escape": {goodKey + `,"key_ops":["verify","\u0076erify"]}`, `"key_ops" contains an operation twice`},
	} {
		set, err := jwks.Parse([]byte(`{"keys":[` + edElement("other", 1) + "," + row.element + "]}"))
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
			continue
		}
		got := ""
		if skipped := set.Skipped(); len(skipped) > 0 {
			got = skipped[0].Reason
		}
		want(t, name+": reason for leaving the element out", got, row.want)
	}
}

// A key set may have 100 members.
func TestSetLimits(t *testing.T) {
	for n, wanted := range map[int]string{99: "", 100: "more than 100 members"} {
		_, err := jwks.Parse([]byte(`{"keys":[` + goodKey + "}]," + object(n, "m%d")[1:]))
		if wanted != "" {
			wantText(t, err, wanted)
		} else if err != nil {
			t.Errorf("%d members: got error %v, want none", n+1, err)
		}
	}
}

// countdown is a context that ends when Err has been called a number of times.
type countdown struct {
	context.Context //nolint:containedctx // the test extends this context
	left, late      int
}

func (c *countdown) Err() error {
	if c.left == 0 {
		c.late++
		return context.Canceled
	}
	c.left--
	return nil
}

// Parsing checks the context at least once for each element and ends with it. So Close does
// not wait until a large document is parsed.
func TestParseEndsWithContext(t *testing.T) {
	keys := make([]jwk, 1000)
	for i := range keys {
		keys[i] = jwk{}
	}
	keys[0] = edKey("a")
	doc := document(keys...)
	const many = 1 << 20
	ctx := &countdown{Context: t.Context(), left: many}
	if _, err := jwks.ParseContext(ctx, doc); err != nil {
		t.Fatal(err)
	}
	checks := many - ctx.left
	if checks < 2*len(keys) {
		t.Fatalf("checks of the context: got %d, want at least 2 for each of %d elements", checks, len(keys))
	}
	for _, left := range []int{0, 1, 2, 500, 1000, 1500, checks - 1} {
		ctx := &countdown{Context: t.Context(), left: left}
		set, err := jwks.ParseContext(ctx, doc)
		if set != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("context ends after %d checks: got set %v and error %v, want context.Canceled", left, set, err)
		}
		if ctx.late > 2 {
			t.Errorf("context ends after %d checks: got %d further checks, want at most 2", left, ctx.late)
		}
	}
}

// closingBody closes a cache when its document has been read.
type closingBody struct {
	io.Reader
	request *http.Request
	close   func()
}

func (b *closingBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		b.close()
		<-b.request.Context().Done()
	}
	return n, err
}

func (*closingBody) Close() error { return nil }

// If a cache is closed when it begins to parse a large document, it does not parse the document:
// Close does not wait for it.
func TestCloseBeforeParse(t *testing.T) {
	doc := []byte(`{"keys":` + list(700, func(i int) string { return rsaElement(fmt.Sprint(i), 8192, "AQAB", i) }) + "}")
	allocations := func(closes bool) uint64 {
		var before, after runtime.MemStats
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i)
			i.update(func(i *issuer) {
				i.answer = func(req *http.Request) *http.Response {
					resp := response(req, 200, nil, doc)
					if closes {
						resp.Body = &closingBody{bytes.NewReader(doc), req, func() { go func() { _ = c.Close() }() }}
					}
					return resp
				}
			})
			runtime.ReadMemStats(&before)
			err := c.Refresh(t.Context())
			_ = c.Close()
			runtime.ReadMemStats(&after)
			want(t, "Refresh failed", err != nil, closes)
		})
		return after.Mallocs - before.Mallocs
	}
	if all, n := allocations(false), allocations(true); n > all/10 {
		t.Errorf("allocations of a refresh of a closed cache: got %d, want at most a tenth of %d, which parsing takes", n, all)
	}
}

// slowBody sends one byte of white space per second and ignores the context of the request.
type slowBody struct{}

func (slowBody) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	p[0] = ' '
	return 1, nil
}

func (slowBody) Close() error { return nil }

// A refresh ends after Options.Timeout, even if the Transport returns a body that never ends.
// A cache that is closed does not wait for the body either.
func TestSlowBody(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i)
			i.update(func(i *issuer) {
				i.answer = func(req *http.Request) *http.Response {
					resp := response(req, 200, http.Header{"Content-Encoding": {coding}}, nil)
					resp.ContentLength, resp.Body = -1, slowBody{}
					return resp
				}
			})
			start := time.Now()
			if err := c.Refresh(t.Context()); err == nil {
				t.Error("Refresh: got no error, want an error")
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("time of Refresh: got %v, want at most 6s", took)
			}
			go func() { _ = c.Refresh(context.Background()) }()
			time.Sleep(1500 * time.Millisecond)
			start = time.Now()
			_ = c.Close()
			if took := time.Since(start); took > time.Second {
				t.Errorf("time of Close: got %v, want at most 1s", took)
			}
		})
	}
}

// zipped returns the gzip form of data.
func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// emptyBlocks returns n bytes of a gzip member that begins with deflate blocks without content
// (RFC 1951, section 3.2.7). Each block of 12 bytes has its own Huffman codes, so it costs the
// decompressor as much as 400 bytes of text.
func emptyBlocks(n int) []byte {
	data := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	var held uint64
	var count int
	put := func(value uint64, bits int) {
		for held, count = held|value<<count, count+bits; count >= 8; held, count = held>>8, count-8 {
			data = append(data, byte(held)) //nolint:gosec // the lowest byte
		}
	}
	for len(data) < n {
		put(0b100, 3)                 // not the last block; dynamic Huffman codes
		put(14<<10, 14)               // 257 literals, 1 distance, 18 code lengths
		put(1<<(2*3)|1<<(17*3), 54)   // the codes of the code lengths 18 (138 zeros at most) and 1
		put(1|127<<1|1<<8|107<<9, 16) // 138 and 118 zeros: no literals
		put(0, 3)                     // the end of the block has a code, the distance has a code; the end
	}
	return data
}

// A compressed body of empty blocks is refused after 64 KiB.
func TestEmptyBlocks(t *testing.T) {
	blocks := emptyBlocks(1<<20 - 1<<10)
	r, err := gzip.NewReader(bytes.NewReader(blocks))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("decompressed blocks: got %d bytes and error %v, want only that the input ends", n, err)
	}
	for name, body := range map[string][]byte{
		"empty blocks":  blocks,
		"empty members": bytes.Repeat(zipped(nil), 40_000),
	} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i)
			i.update(func(i *issuer) { i.header, i.doc = http.Header{"Content-Encoding": {"gzip"}}, body })
			t.Log(name)
			wantText(t, c.Refresh(t.Context()), "the compressed body is larger than its content")
		})
	}
	synctest.Test(t, func(t *testing.T) { // text that does not compress
		i := newIssuer()
		doc := `{"keys":[` + goodKey + `,"kid":"a","x5t":"` + number(40<<10, 1) + `"}]}`
		i.header, i.doc = http.Header{"Content-Encoding": {"gzip"}}, zipped([]byte(doc))
		_, err := newCache(t, i).Lookup("a", "EdDSA")
		want(t, "outcome of a lookup after a large compressed response", outcome(err), "ok")
	})
}

// The cache does not send validators of more than 1 KiB back to the issuer.
func TestLongValidators(t *testing.T) {
	for length, wanted := range map[int]bool{1 << 10: true, 1<<10 + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			tag := strings.Repeat("a", length)
			i.header = http.Header{"Etag": {tag}, "Last-Modified": {tag}}
			newCache(t, i)
			time.Sleep(10 * time.Minute)
			want(t, fmt.Sprintf("If-None-Match after an ETag of %d bytes was sent", length), i.lastHeader().Get("If-None-Match") == tag, wanted)
			want(t, "If-Modified-Since was sent", i.lastHeader().Get("If-Modified-Since") == tag, wanted)
		})
	}
}

// refreshCost checks how the cost of a refresh grows with the size of one field of a response.
func refreshCost(t *testing.T, name string, size int, discover bool, respond func(n int) (http.Header, string)) {
	t.Helper()
	var open []*jwks.Cache
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	growth.Check(t, name, size, func(n int) func() {
		header, doc := respond(n)
		i := &issuer{header: header, doc: []byte(doc)}
		o := options(i)
		o.Logger = slog.New(slog.DiscardHandler)
		o.Limits = &jwks.Limits{MaxBytesPerSecond: math.MaxInt32} // must not delay the test
		construct, url := jwks.New, keySetURL
		if discover {
			construct, url, o.Issuer = jwks.Discover, issuerURL, ""
		}
		c, err := construct(url, o)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		return func() { _ = c.Refresh(t.Context()) }
	})
}

// The cost of a response grows no faster than its size, for each field of the header and of the
// metadata.
func TestResponseCost(t *testing.T) {
	doc := string(document(edKey("a")))
	text := func(n int) string { return strings.Repeat("1", n) }
	for name, header := range map[string]func(n int) http.Header{
		"Cache-Control with many directives": func(n int) http.Header { return http.Header{"Cache-Control": {strings.Repeat("A=1,", n/4)}} },
		"many Cache-Control fields": func(n int) http.Header {
			return http.Header{"Cache-Control": strings.Split(strings.Repeat("max-age=1,", n/10), ",")}
		},
		"max-age":          func(n int) http.Header { return http.Header{"Cache-Control": {"max-age=" + text(n)}} },
		"Age":              func(n int) http.Header { return http.Header{"Age": {strings.Repeat("0", n)}} },
		"Expires":          func(n int) http.Header { return http.Header{"Expires": {text(n)}} },
		"Retry-After":      func(n int) http.Header { return http.Header{"Retry-After": {text(n)}} },
		"ETag":             func(n int) http.Header { return http.Header{"Etag": {text(n)}} },
		"Content-Encoding": func(n int) http.Header { return http.Header{"Content-Encoding": {text(n)}} },
		"Link":             func(n int) http.Header { return http.Header{"Link": strings.Split(strings.Repeat("<a>,", n/4), ",")} },
		"Location":         func(n int) http.Header { return http.Header{"Location": {"/" + text(n)}} },
	} {
		refreshCost(t, name, 4<<10, false, func(n int) (http.Header, string) { return header(n), doc })
	}
	metadata := func(members string) string {
		return `{"issuer":"` + issuerURL + `","jwks_uri":"` + keySetURL + `",` + members + "}"
	}
	for name, doc := range map[string]func(n int) string{
		"issuer":                     func(n int) string { return `{"issuer":"` + text(n) + `"}` },
		"jwks_uri":                   func(n int) string { return `{"issuer":"` + issuerURL + `","jwks_uri":"https://a/` + text(n) + `"}` },
		"members":                    func(n int) string { return metadata(strings.Trim(object(n/16, "m%d"), "{}")) },
		"members with escaped names": func(n int) string { return metadata(strings.Trim(object(n/20, `\u006d%d`), "{}")) },
		"members of an object":       func(n int) string { return metadata(`"o":` + object(n/16, "m%d")) },
		"scopes_supported": func(n int) string {
			return metadata(`"scopes_supported":` + list(n/8, func(i int) string { return fmt.Sprintf("%q", fmt.Sprint(i)) }))
		},
	} {
		refreshCost(t, "metadata with large "+name, 15<<10, true, func(n int) (http.Header, string) { return nil, doc(n) })
	}
	for name, body := range map[string]func(n int) []byte{
		"gzip with empty blocks":  emptyBlocks,
		"gzip with empty members": func(n int) []byte { return bytes.Repeat(zipped(nil), n/25) },
		"gzip":                    func(n int) []byte { return zipped([]byte(`{"keys":[` + goodKey + `}],"o":"` + number(n/2, 1) + `"}`)) },
	} {
		refreshCost(t, name, 60<<10, false, func(n int) (http.Header, string) { return http.Header{"Content-Encoding": {"gzip"}}, string(body(n)) })
	}
}
