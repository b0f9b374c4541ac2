package interceptor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/dpopclient"
	"github.com/bearerkit/bearer/internal/quote"
)

// DPoPCredentials are the credentials of a client whose tokens are bound to the key of Signer (RFC
// 9449). They send the token and a new proof with each call, and with each attempt of a call that
// grpc-go retries. The proof is for POST, the address of the server and the full method. For a stream,
// there is one proof, at its opening.
//
//	bound := &interceptor.DPoPCredentials{Signer: signer, Token: token}
//	conn, err := grpc.NewClient(target, append(bound.DialOptions(), grpc.WithTransportCredentials(credentials.NewTLS(nil)))...)
//
// The zero DPoPCredentials refuse every call. DPoPCredentials must not be copied or changed after
// their first use. They are safe for concurrent use.
type DPoPCredentials struct {
	// Signer makes the proofs. Required.
	Signer *dpop.Signer
	// Token returns the access token for a call, without a scheme. It is called for each attempt, so it
	// should keep a token until shortly before its end. It must be safe for concurrent use. Required.
	Token func(ctx context.Context) (string, error)
	// InsecureWithoutTLS sends tokens over connections without TLS, for tests. False: such a call fails
	// and is not sent.
	InsecureWithoutTLS bool

	nonces dpopclient.Nonces
}

// DialOptions returns the options for [grpc.NewClient]: the credentials, and interceptors that keep the
// nonces of the server. If a unary call is refused because its proof needs a nonce, the call is made
// once more with the nonce of the response (RFC 9449, section 9). A stream is not opened again, because
// its messages may be lost. The next stream has the nonce.
//
// With [grpc.WithPerRPCCredentials] alone, the proofs have no nonces.
func (c *DPoPCredentials) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithPerRPCCredentials(c), grpc.WithChainUnaryInterceptor(c.unary), grpc.WithChainStreamInterceptor(c.stream)}
}

// GetRequestMetadata implements [credentials.PerRPCCredentials]. grpc-go calls it for each attempt. If
// Token or the key fails, the status is Unavailable with the text of the error. Its other errors have
// the status Unauthenticated and contain neither the token nor the proof.
func (c *DPoPCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	info, _ := credentials.RequestInfoFromContext(ctx)
	insecure := credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity) != nil
	switch {
	case c.Signer == nil || c.Token == nil:
		return nil, unsent("DPoPCredentials have no Signer or no Token")
	case insecure && !c.InsecureWithoutTLS:
		return nil, unsent("the connection is not secure")
	case len(uri) != 1:
		return nil, unsent("grpc-go gave no address of the server")
	}
	// The address that grpc-go gives has the scheme https and the service, and not the method.
	target, err := url.Parse(uri[0])
	if err != nil || target.Host == "" {
		return nil, unsent("the address of the server is not a URL")
	}
	origin := originOf(target.Host, insecure)
	token, err := c.Token(ctx)
	if err != nil {
		return nil, status.Error(codes.Unavailable, fmt.Sprintf("interceptor: get the token: %v", err))
	}
	if !dpopclient.IsToken(token) {
		return nil, unsent("DPoPCredentials.Token has returned a text that is not a token")
	}
	if to, ok := ctx.Value(addressKey{}).(*address); ok {
		to.origin.Store(&origin)
	}
	proof, err := c.Signer.Proof("POST", origin+info.Method, token, c.nonces.Last(origin))
	if err != nil {
		return nil, status.Error(codes.Unavailable, fmt.Sprintf("interceptor: make a proof: %v", err))
	}
	return map[string]string{"authorization": "DPoP " + token, "dpop": proof}, nil
}

// originOf returns the origin of a server. The host of grpc-go has no port 443.
func originOf(host string, insecure bool) string {
	if insecure {
		return "http://" + host
	}
	return "https://" + host
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials].
func (c *DPoPCredentials) RequireTransportSecurity() bool { return !c.InsecureWithoutTLS }

func unsent(cause string) error {
	return status.Error(codes.Unauthenticated, "interceptor: the call was not sent: "+cause)
}

// address is where GetRequestMetadata tells the interceptors the origin of the server of a call.
type address struct{ origin atomic.Pointer[string] }

type addressKey struct{}

func withAddress(ctx context.Context) (context.Context, *address) {
	a := new(address)
	return context.WithValue(ctx, addressKey{}, a), a
}

// unary keeps the nonce of the response, and repeats the call once if the server asks for a nonce.
func (c *DPoPCredentials) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	var header, trailer metadata.MD
	opts = append(slices.Clip(opts), grpc.Header(&header), grpc.Trailer(&trailer))
	ctx, to := withAddress(ctx)
	err := invoke(ctx, method, req, reply, conn, opts...)
	if c.keep(to, header, trailer) && asksForNonce(err, header, trailer) {
		header, trailer = nil, nil
		err = invoke(ctx, method, req, reply, conn, opts...)
		c.keep(to, header, trailer)
	}
	return err
}

// keep stores the nonce of a response. It reports whether there is one. The nonce is in the header, or
// in the trailer of a response without a header.
func (c *DPoPCredentials) keep(from *address, header, trailer metadata.MD) bool {
	values := header.Get(nonceKey)
	if len(values) == 0 {
		values = trailer.Get(nonceKey)
	}
	origin := from.origin.Load()
	return origin != nil && c.nonces.Take(*origin, values) != ""
}

// asksForNonce reports whether the server has refused the proof of a call because of its nonce.
func asksForNonce(err error, header, trailer metadata.MD) bool {
	return status.Code(err) == codes.Unauthenticated &&
		dpopclient.ErrorCode(slices.Concat(header.Get("www-authenticate"), trailer.Get("www-authenticate"))) == dpopclient.UseNonce
}

// stream keeps the nonce of the response when the first message or the end of the stream arrives.
func (c *DPoPCredentials) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, to := withAddress(ctx)
	opened, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		return nil, err
	}
	return &boundStream{ClientStream: opened, credentials: c, from: to}, nil
}

// boundStream is a stream that keeps the nonce of its response.
type boundStream struct {
	grpc.ClientStream
	credentials *DPoPCredentials
	from        *address
	kept        bool // only RecvMsg reads it, and calls of RecvMsg are not concurrent
}

// RecvMsg receives a message, and keeps the nonce of the response.
func (s *boundStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if !s.kept {
		s.kept = true
		header, _ := s.Header()
		var trailer metadata.MD
		if err != nil {
			trailer = s.Trailer()
		}
		s.credentials.keep(s.from, header, trailer)
	}
	return err
}

// Format implements [fmt.Formatter]. Every verb prints the thumbprint of the key, and not the nonces.
func (c *DPoPCredentials) Format(s fmt.State, verb rune) { quote.Print(s, verb, c.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format.
func (c *DPoPCredentials) MarshalText() ([]byte, error) { return []byte(c.text()), nil }

func (c *DPoPCredentials) text() string {
	if c == nil {
		return "<nil>"
	}
	thumbprint := ""
	if c.Signer != nil {
		thumbprint = c.Signer.Thumbprint()
	}
	return quote.Struct("interceptor.DPoPCredentials", "Thumbprint", thumbprint, "InsecureWithoutTLS", c.InsecureWithoutTLS)
}
