package interceptor_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"

	"github.com/bearerkit/bearer/scopes"
)

// field is a header field as sent on the wire. Go's client refuses or changes many of the
// fields in this test.
type field struct{ name, value string }

// wire is an HTTP/2 connection that sends any field unchanged, valid or not.
type wire struct {
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer // the output of encoder
	stream  uint32
}

func newWire(t *testing.T, addr string) *wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // all messages have been exchanged
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	w := &wire{framer: http2.NewFramer(conn, conn), stream: 1}
	w.framer.AllowIllegalWrites = true
	w.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.encoder = hpack.NewEncoder(&w.block)
	_, err = conn.Write([]byte(http2.ClientPreface))
	// The large window allows the server to send its whole answer.
	if err = errors.Join(err, w.framer.WriteSettings(), w.framer.WriteWindowUpdate(0, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return w
}

// answer is the server's answer to one call.
type answer struct {
	code      codes.Code
	message   string
	challenge string
	served    bool   // the handler sent a message
	broken    string // why the server reset the stream or closed the connection, or ""
}

// call makes a call with exactly these header fields and one empty message.
func (w *wire) call(t *testing.T, fields []field) answer {
	t.Helper()
	w.block.Reset()
	for _, f := range fields {
		if err := w.encoder.WriteField(hpack.HeaderField{Name: f.name, Value: f.value}); err != nil {
			t.Fatal(err)
		}
	}
	id := w.stream
	w.stream += 2
	for part, rest := true, w.block.Bytes(); part || len(rest) > 0; part = false {
		piece := rest[:min(len(rest), 16<<10)] // the largest frame that every server accepts
		rest = rest[len(piece):]
		var err error
		if part {
			err = w.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: piece, EndHeaders: len(rest) == 0})
		} else {
			err = w.framer.WriteContinuation(id, len(rest) == 0, piece)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.framer.WriteData(id, true, make([]byte, 5)); err != nil { // gRPC's prefix of an empty message
		t.Fatal(err)
	}
	return w.read(t, id)
}

// read reads the stream to its end and returns the answer.
func (w *wire) read(t *testing.T, id uint32) answer {
	t.Helper()
	a := answer{code: codes.OK}
	for {
		frame, err := w.framer.ReadFrame()
		if err != nil {
			a.broken = err.Error()
			return a
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = w.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = w.framer.WritePing(true, frame.Data)
			}
		case *http2.GoAwayFrame:
			a.broken = frame.ErrCode.String()
			return a
		case *http2.RSTStreamFrame:
			if frame.StreamID == id {
				if frame.ErrCode != http2.ErrCodeNo {
					a.broken = frame.ErrCode.String()
				}
				return a
			}
		case *http2.DataFrame:
			a.served = a.served || frame.StreamID == id
		case *http2.MetaHeadersFrame:
			a.add(frame)
			if frame.StreamID == id && frame.StreamEnded() {
				return a
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (a *answer) add(frame *http2.MetaHeadersFrame) {
	for _, f := range frame.Fields {
		switch f.Name {
		case "grpc-status":
			var code uint32
			if _, err := fmt.Sscan(f.Value, &code); err != nil {
				code = uint32(codes.Unknown)
			}
			a.code = codes.Code(code)
		case "grpc-message":
			a.message, _ = url.PathUnescape(f.Value)
		case "www-authenticate":
			a.challenge = f.Value
		}
	}
}

// calling returns the fields of a valid call, followed by more.
func calling(method string, more ...field) []field {
	return append([]field{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", method},
		{":authority", "api.example"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	}, more...)
}

// TestOnTheWire sends calls that Go's client cannot send. No handler may run without exactly
// one valid token, and no answer may contain the token.
func TestOnTheWire(t *testing.T) {
	issuer := newIssuer(t)
	good := "Bearer " + issuer.Token(map[string]any{"sub": "ann", "scope": "say shout talk"})
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All("say"), "/test.v1.Echo/*": scopes.Public()}, nil)
	conn, _ := connect(t, onLoopback, echo{}, guard.ServerOptions()...)
	addr := strings.TrimPrefix(conn.Target(), "passthrough:///")

	auth := func(values ...string) []field {
		fields := calling(say)
		for _, value := range values {
			fields = append(fields, field{"authorization", value})
		}
		return fields
	}
	served := answer{served: true}
	refused := func(challenge string) answer { return answer{code: codes.Unauthenticated, challenge: challenge} }
	broken := answer{broken: "PROTOCOL_ERROR"}
	because := func(why string) string { return strings.Replace(invalid, "is invalid", why, 1) }
	for _, row := range []struct {
		name   string
		fields []field
		want   answer
	}{
		{"valid token", auth(good), served},
		{"scheme in mixed case, and spaces", auth("bEaReR  " + good[7:]), served},
		{"no token", auth(), refused(bare)},
		{"empty value", auth(""), refused(bare)},

		{"two values", auth(good, good), refused(notOne)},
		{"two values, the second is invalid", auth(good, "Bearer x"), refused(notOne)},
		{"two values, one with another scheme", auth("Basic YTpi", good), refused(notOne)},
		{"two values, one is empty", auth("", good), refused(notOne)},
		{"list of tokens", auth(good + ", " + good), refused(notOne)},
		{"list after another scheme", auth("Basic YTpi, " + good), refused(notOne)},

		{"tab", auth("Bearer\t" + good[7:]), refused(notOne)},
		{"tab after a space", auth("Bearer \t" + good[7:]), refused(notOne)},
		{"trailing tab", auth(good + "\t"), refused(notOne)},
		{"trailing space", auth(good + " "), refused(notOne)},
		{"leading space", auth(" " + good), refused(notOne)},
		{"quoted", auth(`Bearer "` + good[7:] + `"`), refused(notOne)},
		{"non-ASCII after the token", auth(good + "\u00e9"), refused(notOne)},
		{"not UTF-8", auth(good + "\xff"), refused(notOne)},
		{"full-width scheme", auth("\uff22earer " + good[7:]), refused(bare)},
		{"Kelvin sign", auth("Bea\u212aer " + good[7:]), refused(bare)},
		{"no-break space", auth("Bearer\u00a0" + good[7:]), refused(notOne)},
		{"DEL", auth(good + "\x7f"), broken},
		{"line feed", auth(good + "\n"), broken},
		{"carriage return", auth(good + "\r"), broken},
		{"NUL", auth(good + "\x00"), broken},
		{"NUL inside", auth("Bearer \x00" + good[7:]), broken},

		{"64 KiB", auth("Bearer " + strings.Repeat("a", 64<<10)), refused(because("is malformed"))},
		{"1 MiB", auth("Bearer " + strings.Repeat("a", 1<<20)), refused(because("is malformed"))},
		{"scheme of 1 MiB", auth(strings.Repeat("a", 1<<20)), refused(bare)},
		{"1 KiB of spaces", auth("Bearer" + strings.Repeat(" ", 1<<10) + good[7:]), served}, // 1*SP
		{"1 MiB of spaces", auth("Bearer" + strings.Repeat(" ", 1<<20) + good[7:]), refused(because("is malformed"))},
		{"200 values", auth(make([]string, 200)...), refused(notOne)},

		{"-bin only", calling(say, field{"authorization-bin", "AAAA"}), refused(notOne)},
		{"-bin and a valid token", calling(say, field{"authorization", good}, field{"authorization-bin", "AAAA"}), refused(notOne)},
		{"-bin that is not base64", calling(say, field{"authorization-bin", "Bearer x"}), answer{code: codes.Internal}}, // refused by the server
		{"-bin that is empty", calling(say, field{"authorization-bin", ""}), refused(notOne)},
		{"token in other keys", calling(say, field{"proxy-authorization", good}, field{"x-forwarded-authorization", good}, field{"authorization_", good}, field{"access_token", good}, field{"cookie", "authorization=" + good}), refused(bare)},
		{"upper-case name", calling(say, field{"Authorization", good}), broken},
		{"upper-case name and a valid token", calling(say, field{"authorization", good}, field{"AUTHORIZATION", good}), broken},
		{"space in the name", calling(say, field{"authorization ", good}), broken},
		{"colon in the name", calling(say, field{"authorization:", good}), broken},

		{"pseudo-header after a field", append(auth(good), field{":path", say}), broken},
		{"two paths, the public one first", append([]field{{":path", talk}}, calling(say)...), broken},
		{"two paths, the public one last", append([]field{{":path", say}}, calling(talk)...), broken},
		{"unknown pseudo-header", append([]field{{":authorization", good}}, calling(say)...), broken},

		{"path without a slash", calling(say[1:]), answer{code: codes.Unimplemented}},
		{"path without a slash, and a valid token", calling(say[1:], field{"authorization", good}), answer{code: codes.Unimplemented}},
		{"path with two slashes", calling("/" + say), answer{code: codes.Unimplemented}},
		{"path with a query", calling(say + "?x"), answer{code: codes.Unimplemented}},
		{"path with a trailing slash", calling(say + "/"), answer{code: codes.Unimplemented}},
		{"path in upper case", calling(strings.ToUpper(say)), answer{code: codes.Unimplemented}},
		{"path with an escape", calling("/test.v1.Echo/S%61y"), answer{code: codes.Unimplemented}},
		{"path with dots", calling("/test.v1.Echo/../test.v1.Echo/Say"), answer{code: codes.Unimplemented}},
		{"path of the service's rule", calling("/test.v1.Echo/*"), answer{code: codes.Unimplemented}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := newWire(t, addr).call(t, row.fields)
			if strings.Contains(got.message, good[7:]) || strings.Contains(got.challenge, good[7:]) {
				t.Errorf("got the token in the answer: %.200q", got.message)
			}
			got.message = ""
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
