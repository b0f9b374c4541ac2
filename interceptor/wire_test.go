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

// field is a header field that is sent unchanged. Go's client refuses or changes many of the
// fields in this test.
type field struct{ name, value string }

// wire is an HTTP/2 connection that sends every field unchanged, even an invalid field.
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
	broken    string // the error if the server reset the stream or closed the connection, or ""
}

// call makes a call with only these header fields and one empty message.
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
		piece := rest[:min(len(rest), 16<<10)] // every server accepts a frame of this size
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
	return w.readAnswer(t, id)
}

// readAnswer reads the stream to its end and returns the answer.
func (w *wire) readAnswer(t *testing.T, id uint32) answer {
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

// callFields returns the header fields of a valid call, followed by the fields in "more".
func callFields(method string, more ...field) []field {
	return append([]field{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", method},
		{":authority", "api.example"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	}, more...)
}

// TestOnTheWire sends many calls that Go's client cannot send. A handler may run only for a
// call with exactly one valid token. No answer may contain the token.
func TestOnTheWire(t *testing.T) {
	issuer := newIssuer(t)
	valid := "Bearer " + issuer.Token(map[string]any{"sub": "ann", "scope": "say shout talk"})
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All("say"), "/test.v1.Echo/*": scopes.Public()}, nil)
	conn, _ := connect(t, onLoopback, echo{}, guard.ServerOptions()...)
	addr := strings.TrimPrefix(conn.Target(), "passthrough:///")

	auth := func(values ...string) []field {
		fields := callFields(say)
		for _, value := range values {
			fields = append(fields, field{"authorization", value})
		}
		return fields
	}
	served := answer{served: true}
	refused := func(challenge string) answer { return answer{code: codes.Unauthenticated, challenge: challenge} }
	broken := answer{broken: "PROTOCOL_ERROR"}
	for _, row := range []struct {
		name   string
		fields []field
		want   answer
	}{
		{"valid token", auth(valid), served},
		{"scheme in mixed case with two spaces", auth("bEaReR  " + valid[7:]), served},
		{"no token", auth(), refused(bare)},
		{"one empty value", auth(""), refused(bare)},

		{"two values", auth(valid, valid), refused(notOne)},
		{"two values, the second is invalid", auth(valid, "Bearer x"), refused(notOne)},
		{"two values, one with the scheme Basic", auth("Basic YTpi", valid), refused(notOne)},
		{"two values, one is empty", auth("", valid), refused(notOne)},
		{"list of tokens in one value", auth(valid + ", " + valid), refused(notOne)},
		{"list of Basic and a token", auth("Basic YTpi, " + valid), refused(notOne)},

		{"tab after the scheme", auth("Bearer\t" + valid[7:]), refused(notOne)},
		{"space and tab after the scheme", auth("Bearer \t" + valid[7:]), refused(notOne)},
		{"tab after the token", auth(valid + "\t"), refused(notOne)},
		{"space after the token", auth(valid + " "), refused(notOne)},
		{"space before the scheme", auth(" " + valid), refused(notOne)},
		{"token in quotes", auth(`Bearer "` + valid[7:] + `"`), refused(notOne)},
		{"character after the token that is not ASCII", auth(valid + "\u00e9"), refused(notOne)},
		{"byte after the token that is not UTF-8", auth(valid + "\xff"), refused(notOne)},
		{"scheme with a full-width letter", auth("\uff22earer " + valid[7:]), refused(bare)},
		{"scheme with a Kelvin sign", auth("Bea\u212aer " + valid[7:]), refused(bare)},
		{"no-break space after the scheme", auth("Bearer\u00a0" + valid[7:]), refused(notOne)},
		{"DEL after the token", auth(valid + "\x7f"), broken},
		{"line feed after the token", auth(valid + "\n"), broken},
		{"carriage return after the token", auth(valid + "\r"), broken},
		{"NUL after the token", auth(valid + "\x00"), broken},
		{"NUL before the token", auth("Bearer \x00" + valid[7:]), broken},

		{"token of 64 KiB", auth("Bearer " + strings.Repeat("a", 64<<10)), refused(invalid)},
		{"token of 1 MiB", auth("Bearer " + strings.Repeat("a", 1<<20)), refused(invalid)},
		{"scheme of 1 MiB", auth(strings.Repeat("a", 1<<20)), refused(bare)},
		{"1 KiB of spaces after the scheme", auth("Bearer" + strings.Repeat(" ", 1<<10) + valid[7:]), served}, // RFC 9110, section 11.4 allows several spaces
		{"1 MiB of spaces after the scheme", auth("Bearer" + strings.Repeat(" ", 1<<20) + valid[7:]), refused(invalid)},
		{"200 values", auth(make([]string, 200)...), refused(notOne)},

		{"authorization-bin only", callFields(say, field{"authorization-bin", "AAAA"}), refused(notOne)},
		{"authorization-bin and a valid token", callFields(say, field{"authorization", valid}, field{"authorization-bin", "AAAA"}), refused(notOne)},
		{"authorization-bin that is not base64", callFields(say, field{"authorization-bin", "Bearer x"}), answer{code: codes.Internal}}, // refused by the server
		{"authorization-bin that is empty", callFields(say, field{"authorization-bin", ""}), refused(notOne)},
		{"token in other keys", callFields(say, field{"proxy-authorization", valid}, field{"x-forwarded-authorization", valid}, field{"authorization_", valid}, field{"access_token", valid}, field{"cookie", "authorization=" + valid}), refused(bare)},
		{"field name in upper case", callFields(say, field{"Authorization", valid}), broken},
		{"field name in upper case and a valid token", callFields(say, field{"authorization", valid}, field{"AUTHORIZATION", valid}), broken},
		{"space in the field name", callFields(say, field{"authorization ", valid}), broken},
		{"colon in the field name", callFields(say, field{"authorization:", valid}), broken},

		{"pseudo-header after a field", append(auth(valid), field{":path", say}), broken},
		{"two paths, the first is public", append([]field{{":path", talk}}, callFields(say)...), broken},
		{"two paths, the last is public", append([]field{{":path", say}}, callFields(talk)...), broken},
		{"unknown pseudo-header", append([]field{{":authorization", valid}}, callFields(say)...), broken},

		{"path without a slash", callFields(say[1:]), answer{code: codes.Unimplemented}},
		{"path without a slash, and a valid token", callFields(say[1:], field{"authorization", valid}), answer{code: codes.Unimplemented}},
		{"path with two slashes", callFields("/" + say), answer{code: codes.Unimplemented}},
		{"path with a query", callFields(say + "?x"), answer{code: codes.Unimplemented}},
		{"path with a trailing slash", callFields(say + "/"), answer{code: codes.Unimplemented}},
		{"path in upper case", callFields(strings.ToUpper(say)), answer{code: codes.Unimplemented}},
		{"path with an escape", callFields("/test.v1.Echo/S%61y"), answer{code: codes.Unimplemented}},
		{"path with dots", callFields("/test.v1.Echo/../test.v1.Echo/Say"), answer{code: codes.Unimplemented}},
		{"path of the service's rule", callFields("/test.v1.Echo/*"), answer{code: codes.Unimplemented}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := newWire(t, addr).call(t, row.fields)
			if strings.Contains(got.message, valid[7:]) || strings.Contains(got.challenge, valid[7:]) {
				t.Errorf("the answer %.200q contains the token, want an answer without the token", got.message)
			}
			got.message = ""
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
