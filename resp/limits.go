package resp

const (
	// maxLine is the most bytes that an inline command or a header may have
	// before its line end: PROTO_INLINE_MAX_SIZE in Redis's server.h.
	maxLine = 64 << 10
	// maxCount is the largest N of `*N` that Redis reads: INT_MAX since 7.0.
	maxCount = 1<<31 - 1

	// MaxBulk is the default of Redis's proto-max-bulk-len, in bytes.
	MaxBulk = 512 << 20

	// What a client may send before it has authenticated. Arguments and bytes
	// per argument are Redis's own numbers (processMultibulkBuffer).
	UnauthenticatedArguments = 10
	UnauthenticatedBulk      = 16384
	UnauthenticatedRequest   = 64 << 10
)

// Limits bounds one request. The zero value admits nothing but empty lines.
type Limits struct {
	Arguments int   // most arguments
	Bulk      int64 // most bytes of one argument of an array
	Request   int64 // most bytes in all, headers included; an inline command also has at most 64 KB

	// Unauthenticated selects Redis's "unauthenticated ..." texts for a
	// request over Arguments or Bulk.
	Unauthenticated bool
}

// UnauthenticatedLimits are the limits for a client that has not proved who it is.
func UnauthenticatedLimits() Limits {
	return Limits{
		Arguments:       UnauthenticatedArguments,
		Bulk:            UnauthenticatedBulk,
		Request:         UnauthenticatedRequest,
		Unauthenticated: true,
	}
}
