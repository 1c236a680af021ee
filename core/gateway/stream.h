/* SPDX-License-Identifier: Apache-2.0
 *
 * stream: a session's journal as server-sent events: "id: <seq>", data {seq, time_ns, rec}. A reader
 * that comes back with Last-Event-ID goes on after it. Of a slow reader no more than STREAM_HIGH
 * bytes are held: the read from the daemon is cancelled then and begun again at the cursor once all
 * is out, so that other streams are not held up.
 */
#ifndef SEER_GATEWAY_STREAM_H
#define SEER_GATEWAY_STREAM_H

#include "gateway/exchange.h"

#define STREAM_HIGH (4u << 20)
/* Streams at once, all pages together; the daemon takes LIMIT_CALLS_PER_PEER questions. */
#define STREAMS_MAX 200

/* Answers x with session's records from x->rq.from on. */
void stream_begin(struct exchange *x, const char *session);
/* What was queued is out. */
void stream_drained(struct exchange *x);
/* The reader is gone. Fine for an exchange that is no stream. */
void stream_end(struct exchange *x);

#endif
