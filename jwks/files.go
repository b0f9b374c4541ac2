package jwks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// fileScheme is the scheme of a URL that names a file or folder (RFC 8089).
const fileScheme = "file"

// filePath returns the path of a file URL. The result isFile is false if the URL has a different
// scheme. A path without a scheme is an error, and probably means a file.
func filePath(raw string) (path string, isFile bool, err error) {
	u, err := url.Parse(raw)
	if err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return "", true, errors.New("a path, not a URL; write file:// before the path")
	}
	if err != nil || !strings.EqualFold(u.Scheme, fileScheme) {
		return "", false, nil //nolint:nilerr // checkURL reports the error
	}
	switch {
	case u.Host != "" && u.Host != "localhost":
		return "", true, errors.New("a file URL must not name a host; want file:/// and an absolute path")
	case u.RawQuery != "" || strings.ContainsAny(raw, "#?"):
		return "", true, errors.New("a file URL must not contain a query or a fragment; write ? as %3F and # as %23")
	case !strings.HasPrefix(u.Path, "/"):
		return "", true, errors.New("the path is not absolute; want file:/// and an absolute path")
	case strings.ContainsRune(u.Path, 0):
		return "", true, errors.New("the path contains a zero byte")
	}
	path = u.Path
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/") // file:///C:/keys names C:/keys
	}
	return filepath.Clean(filepath.FromSlash(path)), true, nil
}

// files is the Transport of a cache whose keys are in a file or folder. Its responses are JWK Sets.
// So such a cache has the refreshes, limits, logs and states of all other caches.
type files struct {
	path    string
	reading reading
}

// RoundTrip reads the file or folder. It returns when the context of the request ends, even if the
// file system hangs.
func (f files) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	document, err := f.reading.do(ctx, func() ([]byte, error) { return f.read(ctx) })
	if err != nil {
		return nil, err
	}
	// The ETag makes a repeated read of unchanged files as cheap as an answer 304. The lifetime 0
	// means that the files are read again after Options.MinInterval.
	sum := sha256.Sum256(document)
	tag := `"` + hex.EncodeToString(sum[:]) + `"`
	answer := &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Etag": {tag}, "Cache-Control": {"max-age=0"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(document)), ContentLength: int64(len(document)),
	}
	if r.Header.Get("If-None-Match") == tag {
		answer.Status, answer.StatusCode = "304 Not Modified", http.StatusNotModified
		answer.Body, answer.ContentLength = http.NoBody, 0
	}
	return answer, nil
}

// read returns the keys as a JWK Set.
func (f files) read(ctx context.Context) ([]byte, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		content, err := readFile(f.path, maxDocument)
		if err != nil {
			return nil, err
		}
		return jwkSetOf(ctx, f.path, content)
	}
	return f.readFolder(ctx)
}

// keyFiles are the extensions of the files that are read in a folder.
var keyFiles = []string{".json", ".jwk", ".jwks", ".pem", ".crt", ".cer", ".pub"}

// maxFiles is the largest number of entries of a folder with keys.
const maxFiles = 1000

// readFolder reads the files of the folder in the order of their names. One file that cannot be
// used makes the whole read fail, because a file may be half written. Then the last good key set
// stays in use. Names that begin with a full stop are skipped. So in a volume of Kubernetes, each
// file is read once, through its symbolic link.
func (f files) readFolder(ctx context.Context) ([]byte, error) {
	folder, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	entries, err := folder.ReadDir(maxFiles + 1)
	_ = folder.Close() // an error of Close does not matter after reading
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("folder %s: more than %d entries", f.path, maxFiles)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var all []jsontext.Value
	left := maxDocument
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || !slices.Contains(keyFiles, strings.ToLower(filepath.Ext(name))) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(f.path, name)
		info, err := os.Stat(path) // follows a symbolic link
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			continue
		}
		content, err := readFile(path, left)
		if err != nil {
			return nil, err
		}
		left -= len(content)
		keys, err := keysOf(ctx, path, content)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	return encodeSet(all), nil
}

// emptyFolder adds to the error for an empty key set which files of a folder are read, because a
// folder whose files have other names looks empty.
func emptyFolder(url string, err error) error {
	if _, isFile, problem := filePath(url); !isFile || problem != nil || !errors.Is(err, errKeysEmpty) {
		return err
	}
	return fmt.Errorf("%w; in a folder, only the files %s are read", err, "*"+strings.Join(keyFiles, ", *"))
}

// readFile returns the content of a regular file. The limit is what is left of maxDocument.
func readFile(path string, limit int) ([]byte, error) {
	content, err := readRegular(path, limit)
	if errors.Is(err, errTooLong) {
		return nil, fmt.Errorf("%s: the keys have more than %d bytes together", path, maxDocument)
	}
	return content, err
}
