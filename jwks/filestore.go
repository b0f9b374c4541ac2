package jwks

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// fileStore is a [Store] that keeps its data in one file.
type fileStore struct {
	path string
	// authenticated means that the data has a MAC, because Options.StoreKey is set. Then other
	// users may be able to write to the file and to its folder.
	authenticated bool
}

// NewFileStore returns a [Store] that keeps its data in the file at path. Save writes a new file
// with mode 0600, and then renames this file to path. NewFileStore reads and writes no file.
//
// # Folders in which other users can write
//
// The usual volumes of Kubernetes are such folders, for example an emptyDir (mode 0777) and each
// volume of a pod with an fsGroup (mode 2775). The store works there only if [Options.StoreKey] is
// set. Without a StoreKey, New and Discover return an error if other users can replace files in the
// folder. A folder with the sticky bit, such as /tmp, needs no StoreKey. Set Options.Store to
// the Store that NewFileStore returns. If you set it to a Store of your own that calls
// this Store, the cache cannot know that the data is authenticated, so this Store refuses such
// folders.
//
// The folder of the file must exist, with one exception. If other users can write to the folder
// that contains the folder of the file, Save makes the folder of the file, with mode 0700. For
// example, use the path /data/bearer/keys.json if the volume is at /data. The path
// /data/keys.json works too.
//
// Other users who can write to the folder can delete the file, and can put an older file of this
// store back. A StoreKey does not prevent this. But the authenticated data contains the time at
// which the issuer confirmed the keys. So the keys in an older file are used at most until
// Options.MaxStale after this time, as if the service had not been able to reach the issuer since.
//
// # Checks
//
// Load and Save check the folder, and Load checks the file. They return an error in these cases:
//   - The owner of the file or of the folder is neither root nor the user of this process.
//   - The file is a symbolic link, or is not a regular file.
//   - The folder, or another element of the path, is a symbolic link that other users may be able to
//     change: they can write to the folder that contains the link, or own this folder. A StoreKey
//     does not permit such a link.
//   - Without a StoreKey: other users can write to the file, or can replace files in the folder. In
//     a folder in which other users can write, the file also must not have a second name (a hard
//     link).
//
// NewFileStore returns an error if the folder does not pass these checks. On Windows, only the
// checks of the kind of the file and the folder are made. There, the access control list of the
// folder must deny access to other users.
//
// If a process ends during Save, a temporary file is left in the folder. The name of this file is a
// full stop, the name of the file at path, a full stop and a number. Load removes such files of the
// user of this process that are older than 1 min.
//
// # Several caches and processes
//
// Use a separate file for each issuer, because a cache uses no keys of a different issuer. Replicas
// of a service may share a file if they have the same StoreKey and run as the same user. The file
// then contains the keys that one of them stored last. Files of different stores may be in the
// same folder.
func NewFileStore(path string) (Store, error) {
	if path == "" {
		return nil, errors.New("jwks: file store: path is empty; pass the path of a file")
	}
	path = filepath.Clean(path)
	check := fileStore{path: path, authenticated: true} // New and Discover know the StoreKey, and check again
	if err := check.checkPlace(); err != nil {
		return nil, fmt.Errorf("jwks: file store %q: %w", path, err)
	}
	return &fileStore{path: path}, nil
}

// errNeedsKey is the reason why a store without a StoreKey refuses a folder or a file.
var errNeedsKey = errors.New("set Options.StoreKey to a secret of at least 32 bytes, and set Options.Store to the Store that NewFileStore returns, not a Store that wraps it; or remove the write permission of group and others")

// checkFileStore returns an error if store is a file store that needs a StoreKey. Load and Save
// report other problems, because a service must start without its stored keys.
func checkFileStore(store Store, key []byte) error {
	s, ok := store.(*fileStore)
	if !ok || len(key) > 0 {
		return nil
	}
	if err := s.checkPlace(); errors.Is(err, errNeedsKey) {
		return fmt.Errorf("file store %q: %w", s.path, err)
	}
	return nil
}

// withStoreKey returns the Store that a cache calls. If store is a file store and there is a
// StoreKey, withStoreKey returns a copy that works in folders in which other users can write. It
// does not change store, which a cache without a StoreKey may use too.
func withStoreKey(store Store, key []byte) Store {
	if s, ok := store.(*fileStore); ok && len(key) > 0 {
		return &fileStore{path: s.path, authenticated: true}
	}
	return store
}

// maxStored is the largest size of the file, in bytes. A document of maxDocument bytes fits,
// although the file contains the document in base64 within base64.
const maxStored = 3 * maxDocument

// Load reads the file. The error matches fs.ErrNotExist if the file or its folder does not exist.
// Load also removes leftovers of Save.
func (s *fileStore) Load(ctx context.Context) ([]byte, error) {
	data, err := s.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("file store %q: %w", s.path, err)
	}
	return data, nil
}

func (s *fileStore) load(ctx context.Context) (data []byte, err error) {
	folder, info, err := s.openFolder()
	if err != nil {
		return nil, err
	}
	defer func() {
		removeLeftovers(ctx, folder, filepath.Base(s.path)) // also if no process has ever completed Save
		err = errors.Join(err, folder.Close())
	}()
	return s.read(folder, writable(info))
}

// read reads the file. The argument shared says that other users can write to the folder.
func (s *fileStore) read(folder *os.Root, shared bool) (data []byte, err error) {
	file, info, err := openRegular(folder, filepath.Base(s.path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := s.checkFile(info, shared); err != nil {
		return nil, err
	}
	if info.Size() <= maxStored {
		data, err = io.ReadAll(io.LimitReader(file, maxStored+1))
	}
	if info.Size() > maxStored || len(data) > maxStored {
		return nil, fmt.Errorf("file has more than %d bytes", maxStored)
	}
	return data, err
}

// Save replaces the file.
func (s *fileStore) Save(_ context.Context, data []byte) error {
	if err := s.save(data); err != nil {
		return fmt.Errorf("file store %q: %w", s.path, err)
	}
	return nil
}

func (s *fileStore) save(data []byte) (err error) {
	folder, err := s.openOrMakeFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	name := filepath.Base(s.path)
	temporary := temporaryName(name)
	file, err := folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // O_EXCL follows no link
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, folder.Remove(temporary))
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync() // without Sync, the file may be empty after a crash
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return folder.Rename(temporary, name)
}

// temporaryName returns a random name for a temporary file of the file with this name. An
// attacker who can guess the name can make Save fail. The function isTemporary recognizes the name.
func temporaryName(name string) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never returns an error
	return "." + name + "." + strconv.FormatUint(uint64(binary.NativeEndian.Uint32(random[:])), 10)
}
