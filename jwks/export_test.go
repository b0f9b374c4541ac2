package jwks

// PublicAddress is for the table of addresses.
var PublicAddress = publicAddress
