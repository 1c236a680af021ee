/* SPDX-License-Identifier: Apache-2.0
 *
 * Folds arbitrary records, one JSON text a line, and checks that what comes out has the shape that
 * nbformat 4.5 asks for; then cuts each cell's outputs as for a tool result.
 */
#include "notebook/fold.h"
#include "notebook/output.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            __builtin_trap();                                                                      \
    } while (0)

static void check_data(const json_t *out)
{
    const char *mime;
    json_t *value;
    MUST(json_is_object(json_object_get(out, "data")));
    MUST(json_is_object(json_object_get(out, "metadata")));
    json_object_foreach (json_object_get(out, "data"), mime, value) {
        MUST(output_mime_is_json(mime) || json_is_string(value));
    }
}

static void check_error(const json_t *out)
{
    const json_t *lines = json_object_get(out, "traceback"), *line;
    size_t i;
    MUST(json_object_size(out) == 4 && json_is_array(lines));
    MUST(json_is_string(json_object_get(out, "ename")));
    MUST(json_is_string(json_object_get(out, "evalue")));
    json_array_foreach (lines, i, line) {
        MUST(json_is_string(line));
    }
}

static void check_output(const json_t *out)
{
    const char *type = json_str(out, "output_type", "");
    if (strcmp(type, "stream") == 0) {
        const char *name = json_str(out, "name", "");
        MUST(json_object_size(out) == 3 && json_is_string(json_object_get(out, "text")));
        MUST(strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0);
    } else if (strcmp(type, "error") == 0) {
        check_error(out);
    } else if (strcmp(type, "display_data") == 0) {
        MUST(json_object_size(out) == 3);
        check_data(out);
    } else {
        MUST(strcmp(type, "execute_result") == 0 && json_object_size(out) == 4);
        check_data(out);
        MUST(json_is_null(json_object_get(out, "execution_count")) ||
             json_int(out, "execution_count", -1) >= 0);
    }
}

static void check_cell(const struct fold *f, const json_t *cell)
{
    const char *id = json_str(cell, "id", "");
    bool code = strcmp(json_str(cell, "cell_type", ""), "code") == 0;
    MUST(*id && strlen(id) <= 64);
    MUST(json_is_string(json_object_get(cell, "source")));
    MUST(json_object_size(cell) == (code ? 6u : 4u));
    json_t *view = fold_cell(f, id);
    MUST(view);
    json_decref(view);
    size_t i;
    const json_t *out, *outputs = json_object_get(cell, "outputs");
    json_array_foreach (outputs, i, out) {
        check_output(out);
    }
    if (!code)
        return;
    json_t *truncated = json_array(), *cut = fold_shorten(outputs, 200, truncated);
    json_array_foreach (cut, i, out) {
        check_output(out);
    }
    json_decref(cut);
    json_decref(truncated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fold *f = fold_new();
    uint64_t seq = 0;
    for (const char *at = (const char *)data, *end = at + size; at < end;) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((nl ? nl : end) - at);
        json_t *rec = json_parse_any(at, len, NULL);
        seq++;
        fold_apply(f, seq, seq * 1000000000u, rec);
        json_decref(rec);
        at += len + 1;
    }
    json_t *nb = fold_notebook(f);
    size_t i;
    const json_t *cell;
    json_array_foreach (json_object_get(nb, "cells"), i, cell) {
        check_cell(f, cell);
    }
    char *text = json_dumps(nb, 0);
    MUST(text);
    free(text);
    json_decref(nb);
    fold_free(f);
    return 0;
}
