/* SPDX-License-Identifier: Apache-2.0
 *
 * python: the interpreter of a sandbox. SEER_PYTHON of the caller, else /usr/bin/python3, else
 * python3 on the caller's PATH; the first that is 3.10 or newer. An installation below /usr is in
 * the sandbox anyway; any other prefix is bound read-only at /opt/python, alone.
 */
#ifndef SEER_IMAGE_PYTHON_H
#define SEER_IMAGE_PYTHON_H

#include "base/err.h"
#include "proto/json.h"

#include <uv.h>

#define PYTHON_GUEST_PREFIX "/opt/python"

struct python {
    char *prefix;    /* owned; to be bound at PYTHON_GUEST_PREFIX; NULL when below /usr */
    char *guest_exe; /* owned; as the sandbox sees it */
    char *guest_lib; /* owned; for LD_LIBRARY_PATH, NULL when not needed */
    char *version, *tag, *platform; /* owned: "3.11.2", "cp311", "linux-x86_64" */
};

struct python_done {
    /* Once. found is handed over (python_free) or NULL with err. */
    void (*done)(struct python *take_found, const struct err *err, void *ctx);
};

/* Asks the candidates, one after the other. done never fires before python_find returns. */
void python_find(uv_loop_t *loop, const json_t *environ, const struct python_done *done, void *ctx);
/* What the interpreter answered -> *ret; -ERANGE when it is too old. Pure but for stat(2). */
_must_check_ int python_parse(const char *text, size_t len, struct python **ret, struct err *err);
void python_free(struct python *p);

#endif
