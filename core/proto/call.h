/* SPDX-License-Identifier: Apache-2.0
 *
 * call: one request that came in, until it is answered.
 *
 * The handler owns the call and must end it with exactly one of call_reply, call_fail (both free
 * it). The peer may go away meanwhile: then events are dropped, on_gone fires once, and the handler
 * still ends the call. on_gone also fires when the requester cancels.
 */
#ifndef SEER_PROTO_CALL_H
#define SEER_PROTO_CALL_H

#include "proto/json.h"

#include <stdint.h>

struct call;
struct peer;

const char *call_method(const struct call *c);
json_t *call_params(const struct call *c); /* borrowed; always an object */
/* The connection's context, NULL once it is gone. */
struct peer *call_peer(const struct call *c);
/* False once nobody listens any more. */
bool call_wanted(const struct call *c);

/* Takes data. Returns bytes queued for this peer (so that a producer can pause), or -EPIPE. */
int64_t call_event(struct call *c, const char *event, json_t *take_data);
void call_reply(struct call *c, json_t *take_result);
void call_fail(struct call *c, const struct err *err);
/* Called at most once, when the requester cancels or its connection closes before the answer. */
void call_on_gone(struct call *c, void (*gone)(struct call *c, void *ctx), void *ctx);
void *call_gone_ctx(const struct call *c);

#endif
