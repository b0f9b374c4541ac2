// Package sizeof estimates how much memory values take on the heap.
package sizeof

import (
	"math/bits"
	"reflect"
	"slices"
	"time"
	"unsafe"
)

// classes lists the sizes in which the Go runtime allocates memory (runtime/sizeclasses.go).
// TestAlloc compares the list with the runtime.
//
//nolint:gochecknoglobals // never changed; Go has no constant lists
var classes = []int{
	8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480, 512,
	576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144,
	6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264,
	28672, 32768,
}

const (
	pageSize     = 8 << 10
	wordSize     = int(unsafe.Sizeof(uintptr(0)))
	headerSize   = 8        // of an allocation with pointers of more than unheadedSize bytes
	unheadedSize = 512      // bytes
	largeSize    = 32 << 10 // the largest class; larger allocations take whole pages and have no header
	tinySize     = 16       // the runtime puts several smaller values without pointers into a block of this size, which stays while one of the values is in use
)

// Alloc returns the memory that an allocation of n bytes takes. The allocated value has no
// pointers.
func Alloc(n int) int {
	if n <= 0 {
		return 0
	}
	if i, _ := slices.BinarySearch(classes, n); i < len(classes) {
		return classes[i]
	}
	return (n + pageSize - 1) / pageSize * pageSize
}

// Pointers returns the memory that an allocation of n bytes takes. The allocated value has
// pointers, as a slice of strings has.
func Pointers(n int) int {
	if unheadedSize < n && n <= largeSize-headerSize {
		n += headerSize
	}
	return Alloc(n)
}

// Text returns the memory that a string of n bytes takes, without its header. It counts a whole
// block for a short string, because other strings in the block may be gone.
func Text(n int) int {
	if n == 0 {
		return 0
	}
	return Alloc(max(n, tinySize))
}

// Strings returns the memory of an array of n strings, without their texts.
func Strings(n int) int { return Pointers(n * int(unsafe.Sizeof(""))) }

// Value estimates the memory of v in bytes: the value itself and all memory that it
// references. Several references of the same type to the same memory count once. If the
// memory is larger than limit, or v is deeper than 10,000 references, n is any number above
// limit.
//
// Value reports false if v can share memory with other goroutines. Then it has not read the
// memory, or only a part that package deepcopy reads too. See isPrivate.
func Value(v any, limit int) (n int, ok bool) {
	if v == nil {
		return 0, true
	}
	w := walker{left: limit}
	w.boxed(reflect.ValueOf(v), 0)
	return limit - w.left, !w.shared
}

// walker adds up the memory of one value.
type walker struct {
	left   int                  // the limit minus the memory so far; negative if the limit was exceeded
	seen   map[reference]extent // the pointers, maps and slices that were counted
	shared bool                 // a value of a type that is not private was found
}

// reference identifies memory by address and type, because a struct and its first field have
// the same address.
type reference struct {
	address unsafe.Pointer
	of      reflect.Type
}

// extent is the size of a slice. It is the zero extent for pointers and maps.
type extent struct{ length, capacity int }

// maxDepth limits the stack of the walker. A deeper value comes from no JSON text, because
// package strictjson limits the depth.
const maxDepth = 10_000

// boxed counts the value of an interface.
func (w *walker) boxed(v reflect.Value, depth int) {
	if !isPrivate(v.Type()) {
		w.left, w.shared = -1, true
		return
	}
	if !isPointer(v.Kind()) {
		w.left -= object(v.Type())
	}
	w.referenced(v, depth)
}

// object returns the memory of one value of type t.
func object(t reflect.Type) int {
	size := int(t.Size())
	if isScalar(t.Kind()) {
		return Text(size)
	}
	return Pointers(size)
}

// isPointer reports whether a value of this kind is one pointer, which an interface holds
// without an allocation.
func isPointer(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Map || k == reflect.Chan || k == reflect.Func || k == reflect.UnsafePointer
}

// referenced counts the memory that v references, without v itself.
func (w *walker) referenced(v reflect.Value, depth int) {
	if depth > maxDepth {
		w.left = -1
	}
	if w.left < 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		w.left -= Text(v.Len())
	case reflect.Pointer:
		if w.isNew(v, extent{}) {
			w.left -= object(v.Type().Elem())
			w.referenced(v.Elem(), depth+1)
		}
	case reflect.Interface:
		if !v.IsNil() {
			w.boxed(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if w.isNew(v, extent{v.Len(), v.Cap()}) {
			w.left -= Pointers(v.Cap() * int(v.Type().Elem().Size()))
			w.elements(v, depth)
		}
	case reflect.Array:
		w.elements(v, depth)
	case reflect.Map:
		if w.isNew(v, extent{}) {
			w.entries(v, depth)
		}
	case reflect.Struct:
		w.fields(v, depth)
	default: // no memory
	}
}

// isNew reports whether the pointer, map or slice is neither nil nor counted already. A slice
// is new if it is longer than the counted slice at the same address, or has more capacity.
func (w *walker) isNew(v reflect.Value, size extent) bool {
	if v.IsNil() {
		return false
	}
	key := reference{v.UnsafePointer(), v.Type()}
	counted, ok := w.seen[key]
	if ok && size.length <= counted.length && size.capacity <= counted.capacity {
		return false
	}
	if w.seen == nil {
		w.seen = make(map[reference]extent)
	}
	w.seen[key] = extent{max(size.length, counted.length), max(size.capacity, counted.capacity)}
	return true
}

func (w *walker) elements(v reflect.Value, depth int) {
	if t := v.Type().Elem(); t.Size() == 0 || isScalar(t.Kind()) {
		return
	}
	for i := 0; i < v.Len() && w.left >= 0; i++ {
		w.referenced(v.Index(i), depth+1)
	}
}

func isScalar(k reflect.Kind) bool { return reflect.Bool <= k && k <= reflect.Complex128 }

// entries counts the entries of a map. A map has a header and groups of 8 places. Each place
// has a control byte. A map with more than 8 entries uses at most 7 of 8 places, and the
// number of its places is a power of two. An empty map has no group yet.
func (w *walker) entries(v reflect.Value, depth int) {
	const group = 8
	places, t := group, v.Type()
	switch n := v.Len(); {
	case n == 0:
		places = 0
	case n > group:
		places = 1 << bits.Len(uint(n*group/(group-1)))
	}
	w.left -= 6*wordSize + places*int(t.Key().Size()+t.Elem().Size()+1)
	if isScalar(t.Key().Kind()) && isScalar(t.Elem().Kind()) {
		return
	}
	for entry := v.MapRange(); entry.Next() && w.left >= 0; {
		w.referenced(entry.Key(), depth+1)
		w.referenced(entry.Value(), depth+1)
	}
}

func (w *walker) fields(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range v.NumField() {
		w.referenced(v.Field(i), depth+1)
	}
}
