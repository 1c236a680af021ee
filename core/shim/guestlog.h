/* SPDX-License-Identifier: Apache-2.0
 *
 * guestlog: what a guest process prints outside of any cell, in the sandbox's log.
 *
 * The log has one line per event, `time source text`: source is error, warn, info or debug for the
 * shim's own lines, and kernel/<session name> for these. A guest's line cannot pass for another: its
 * control characters are blanked and it is cut at 2 KiB. At GUESTLOG_MAX bytes per sandbox the log
 * says so and takes no more.
 */
#ifndef SEER_SHIM_GUESTLOG_H
#define SEER_SHIM_GUESTLOG_H

#include "shim/shim.h"

#define GUESTLOG_MAX (64u << 20)

struct guestlog;

/* *ret_fd: the end to give to the guest, the caller's. name is copied. */
_must_check_ int guestlog_open(struct shim *s, const char *name, struct guestlog **ret, int *ret_fd,
                               struct err *err);
/* The process is dead: takes in what it still had to say. */
void guestlog_finish(struct guestlog *g);
/* The last lines, at most LIMIT_LOG_TAIL bytes, for an error message. Borrowed. */
const char *guestlog_tail(const struct guestlog *g);
void guestlog_close(struct guestlog *g);

#endif
