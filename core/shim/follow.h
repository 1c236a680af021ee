/* SPDX-License-Identifier: Apache-2.0
 *
 * follow: records of a session to one call, from a sequence number on, without gap or repetition.
 *
 * One that is at the journal's end gets each record as it is appended; one that lags, or whose
 * reader was slow, reads the journal file, a little per turn of the loop.
 */
#ifndef SEER_SHIM_FOLLOW_H
#define SEER_SHIM_FOLLOW_H

#include "shim/session.h"

struct follow;

/* call: borrowed; gets "record" events. cell: only its records, NULL for all. limit: 0 none.
 * done fires at most once, never before this returns: the limit is reached, follow_stop() was called
 * and all is sent, or (err set) the journal cannot be read. Inside done the follow is to be freed. */
struct follow *follow_new(struct session *se, struct call *call, const char *cell, uint64_t from,
                          uint64_t limit,
                          void (*done)(struct follow *f, const struct err *err, void *ctx),
                          void *ctx);
/* Nothing more is wanted than what is there: done at its end, which may be now. */
void follow_stop(struct follow *f);
/* The sequence number that comes next. */
uint64_t follow_next(const struct follow *f);
void follow_free(struct follow *f);

void follow_notify(struct session *se, uint64_t seq, uint64_t time_ns, json_t *rec);
void follow_drained(struct shim *s, const struct peer *p);
void follow_pump(uv_idle_t *h);

/* session.read */
void follow_request(struct session *se, struct call *take_call);
/* The sandbox is gone: every session.read is answered where it stands. */
void follow_end(struct session *se);

#endif
