package strictjson

// PooledText returns what a set of names in the pool still keeps of the last text.
func PooledText() string {
	s, _ := nameSets.Get().(*nameSet)
	defer nameSets.Put(s)
	return s.text + string(s.buf[:cap(s.buf)])
}
