/* SPDX-License-Identifier: Apache-2.0
 *
 * files: local_files -> {src, dst} of single files for the plan. A folder is taken with what is in
 * it; links in it are left out, so that none leads out of it.
 */
#ifndef SEER_IMAGE_FILES_H
#define SEER_IMAGE_FILES_H

#include "base/err.h"
#include "proto/json.h"

/* The plan takes no more. */
#define FILES_MAX 4096

/* The path in the guest of `given` for this local path: absolute, or below /workspace; with a slash
 * at its end, or for "." , a folder to put it into. malloc'ed; NULL when it is no path. */
char *files_guest_path(const char *given, const char *local);
/* real: resolved, absolute. Appends to files. */
_must_check_ int files_add(json_t *files, const char *real, const char *dst, struct err *err);

#endif
