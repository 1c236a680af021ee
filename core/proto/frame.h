/* SPDX-License-Identifier: Apache-2.0
 *
 * frame: what travels between seer's processes on a Unix stream socket.
 *
 *     u32 little-endian n | n bytes of UTF-8 JSON, one object          1 <= n <= LIMIT_FRAME
 *
 * The object is one of
 *     {"id": N, "method": "...", "params": {...}}      request; N is the sender's, > 0
 *     {"id": N, "event": "...", "data": {...}}         any number before the answer
 *     {"id": N, "result": {...}}                       answer
 *     {"id": N, "error": {"kind","code","message","hint"}}   answer
 *     {"id": N, "cancel": true}                        from the requester: stop working on N
 * Both sides may request. Bytes that are not UTF-8 travel as base64 in a member named "...64".
 * A frame that breaks these rules ends the connection, nothing else.
 */
#ifndef SEER_PROTO_FRAME_H
#define SEER_PROTO_FRAME_H

#include "base/buf.h"

/* Looks for one frame at the head of data. Returns 1 with the payload (borrowed) and the number of
 * bytes to consume, 0 when more bytes are needed, -EMSGSIZE or -EBADMSG when the length is 0 or
 * above max. */
_must_check_ int frame_next(const char *data, size_t len, size_t max, const char **ret_payload,
                            size_t *ret_payload_len, size_t *ret_total);
/* Appends one frame. -EMSGSIZE above LIMIT_FRAME, -ENOBUFS above the buffer's maximum. */
_must_check_ int frame_put(struct buf *out, const char *payload, size_t len);

#endif
