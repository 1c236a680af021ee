/* SPDX-License-Identifier: Apache-2.0
 *
 * order: what the daemon asks of a new shim, as JSON on its standard input:
 *
 *   {"v": 1, "sandbox": ID, "name": ..., "home": SEER_HOME, "cache": SEER_CACHE,
 *    "run":  "/…/run/<id>",             0700 folder made by the shim: shim.sock, and k/ which is
 *                                       bound into the guest at /run/seer, owned by its root
 *    "log":  "/…/logs/<id>.log",        the shim's own log and what the guest's init jobs print
 *    "timeout": seconds,                0 = none; the sandbox ends then, with that reason
 *    "python": "/opt/env/bin/python",   the interpreter of kernels, as the guest sees it
 *    "plan": {...}}                     sandbox/plan.h, without the mounts of /run/seer and
 *                                       /opt/seer/guest, which the shim adds
 *
 * Files: home/sandboxes/<id>/ (dir of the plan; gone with the sandbox), home/sessions/<session>/
 * journal and session.json {session, sandbox, name, notebook, token?} (kept), home/logs/<id>.end (why
 * a sandbox ended that nobody stopped; for the daemon, which removes it).
 */
#ifndef SEER_SHIM_ORDER_H
#define SEER_SHIM_ORDER_H

#include "sandbox/plan.h"

struct order {
    json_t *json; /* owned; the strings below point into it */
    const char *sandbox, *name, *home, *cache, *run, *log, *python;
    json_int_t timeout;
    struct plan plan; /* owned */
};

_must_check_ int order_parse(const char *text, size_t len, struct order *ret, struct err *err);
void order_done(struct order *o);

#endif
