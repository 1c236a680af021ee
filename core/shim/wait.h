/* SPDX-License-Identifier: Apache-2.0
 *
 * wait: a call that gets a cell's records and, when it has ended, its result: session.execute after
 * the cell is queued, and session.wait. That the caller goes away changes nothing for the cell.
 */
#ifndef SEER_SHIM_WAIT_H
#define SEER_SHIM_WAIT_H

#include "shim/session.h"

struct wait;

/* params of the call: timeout?, max_bytes?. from: the first record it has not seen. */
void wait_start(struct session *se, struct call *take_call, const char *cell, uint64_t from);
/* session.wait */
void wait_request(struct session *se, struct call *take_call);
/* The cell has ended; lost (or NULL): what those who wait are told instead of its result. */
void wait_cell_ended(struct session *se, const char *cell, const struct err *lost);
/* The sandbox is gone: who still waits (for a slow connection) is answered now. */
void wait_end(struct session *se);

#endif
