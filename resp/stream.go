package resp

// A Stream says where a request ends without holding it, for requests that flow
// on before they are whole. It accepts and refuses what a Parser does, except
// that it hands out no arguments. The zero value is ready.
type Stream struct {
	scan scanner
}

// Next takes the bytes of a request from its first one on, in any cuts. n bytes
// of p belong to the request; done says that it ends at p[n-1] and that the next
// call begins another. An err is a *ProtocolError and stays.
func (s *Stream) Next(p []byte, lim *Limits) (n int, done bool, err error) {
	n, done, err = s.scan.next(p, lim)
	if done {
		s.scan.reset()
	}
	return n, done, err
}
