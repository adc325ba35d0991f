// Package resp is the wire and nothing else: it says where a request or a reply
// ends, hands out the arguments of a request, and encodes.
//
// Requests come from clients that nobody has judged yet. [Parser] and [Stream]
// accept arrays of bulk strings in their one canonical spelling, and inline
// commands as Redis splits them; everything else is a [ProtocolError] with the
// text that Redis gives. Because no second spelling is accepted, the bytes that
// were judged may be forwarded as they are: Redis cannot read them differently.
// Nothing is allocated from a length or a count that a client merely claims.
//
// Replies come from Redis. [Framer] finds their end without holding them.
//
// The package does not know what a command means, who sends it, or how long it
// may take. Facts about Redis are from src/networking.c (processInlineBuffer,
// processMultibulkBuffer), src/sds.c (sdssplitargs) and src/util.c (string2ll)
// of Redis 7.0 to 8.0, and facts about RESP3 from its specification.
package resp
