package strictjson

// common is the names that the claims of access tokens have again and again, and
// those that are looked for in each: a Record knows where they are without looking
// for them. That a name is missing here costs a few nanoseconds.
var common = [...]string{
	"",                                                                    // a place for none
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", // RFC 7519, RFC 9068
	"scp", "scopes", "azp", "cid", "appid", "tid", "oid", "roles", "permissions", // others' names for these
	"cnf", "typ", "nonce", "at_hash", "c_hash", "events", "token_use", "ver", // what tells other tokens
	"alg", "kid", "custom_claims",
}

// hashes is how many there are, several times as many as names.
const hashes = 128

// nameTable is common by a hash: 0 for no name.
var nameTable = func() (table [hashes]uint8) {
	for i, name := range common[1:] {
		h := hash(name)
		for table[h] != 0 {
			h = (h + 1) % hashes
		}
		table[h] = uint8(i + 1)
	}
	return table
}()

func hash(name string) uint8 {
	if name == "" {
		return 0
	}
	return (uint8(len(name))*31 + name[0]*5 + name[len(name)-1]*3) % hashes //nolint:gosec // any number will do
}

// commonName returns the number of a name in common, or 0.
func commonName(name string) uint8 {
	for h := hash(name); ; h = (h + 1) % hashes {
		switch i := nameTable[h]; {
		case i == 0:
			return 0
		case common[i] == name:
			return i
		}
	}
}

// Name is a name to look up many times.
type Name struct {
	text   string
	common uint8
}

// NameOf returns the Name of a text.
func NameOf(text string) Name { return Name{text, commonName(text)} }

// String returns the text.
func (n Name) String() string { return n.text }
