/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/doctor.h"

#include "base/fs.h"
#include "base/paths.h"
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>

int doctor(const char *cache)
{
    _cleanup_(paths_done) struct paths paths = {0};
    struct err err = ERR_INIT;
    if (!cache && paths_init(&paths, &err) < 0) {
        fprintf(stderr, "seer-shim: %s\n", err.msg);
        return 1;
    }
    _cleanup_json_ json_t *checks = json_array(), *out = json_object();
    sandbox_doctor(checks, cache ? cache : paths.cache);
    json_object_set(out, "checks", checks);
    _cleanup_free_ char *text = json_text(out, NULL);
    return puts(text) < 0 || fflush(stdout) != 0;
}
