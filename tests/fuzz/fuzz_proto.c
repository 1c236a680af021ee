/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stranger on the socket reaches: frames, the JSON door, the check against the table, an
 * error's fields, base64.
 */
#include "base/limits.h"
#include "proto/frame.h"
#include "proto/methods.h"

#include <stdlib.h>
#include <string.h>

static void message(const char *payload, size_t len)
{
    struct err err = ERR_INIT, theirs;
    _cleanup_json_ json_t *msg = json_parse_object(payload, len, &err);
    if (!msg)
        return;
    const struct method *m = method_find(json_str(msg, "method", ""));
    const json_t *params = json_object_get(msg, "params");
    if (m && json_is_object(params) && method_check(m, params, &err) < 0 && !err_is_set(&err))
        abort();
    json_to_err(json_object_get(msg, "error"), &theirs);
    json_decref(json_from_err(&theirs));
    _cleanup_free_ char *bytes = NULL, *text = json_text(msg, NULL);
    size_t n;
    if (json_unbase64(json_object_get(params, "stdin64"), &bytes, &n) == 0) {
        _cleanup_json_ json_t *again = json_base64(bytes, n);
        if (json_string_length(again) < n)
            abort();
    }
    _cleanup_json_ json_t *same = json_parse_any(text, strlen(text), NULL);
    if (!same)
        abort(); /* what we write we can read */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *payload;
    size_t left = size, len, total;
    while (frame_next(at, left, LIMIT_FRAME, &payload, &len, &total) == 1) {
        if (total > left || payload < at || payload + len > at + total)
            abort();
        message(payload, len);
        at += total;
        left -= total;
    }
    json_decref(json_lossy((const char *)data, size));
    return 0;
}
