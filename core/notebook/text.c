/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest is a hash over one hash for each cell and one of the metadata (without the digest), each
 * of the value's compact text with sorted members: formatting does not count, content does.
 */
#include "notebook/text.h"

#include "base/buf.h"
#include "base/mem.h"
#include "notebook/fold_internal.h"
#include "notebook/nbformat.h"

#include <string.h>

#define SORTED_COMPACT (JSON_COMPACT | JSON_SORT_KEYS)
#define SORTED_INDENTED (JSON_INDENT(1) | JSON_SORT_KEYS)

uint64_t text_hash(const char *data, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 0x100000001b3u;
    return h;
}

static uint64_t value_hash(const json_t *value)
{
    _cleanup_free_ char *text = json_dumps(value, SORTED_COMPACT);
    return text ? text_hash(text, strlen(text)) : 0;
}

static uint64_t mix(uint64_t h, uint64_t part)
{
    return text_hash((const char *)(uint64_t[]){h, part}, 2 * sizeof h);
}

/* Appends value as it looks inside the notebook: its lines after the first moved right. A newline in
 * JSON text is formatting only; those of strings are written "\n". */
static int append_value(struct buf *out, const json_t *value, const char *margin)
{
    _cleanup_free_ char *text = json_dumps(value, SORTED_INDENTED);
    int r = text ? 0 : -EINVAL;
    for (const char *line = text; r == 0 && line;) {
        const char *end = strchr(line, '\n');
        r = buf_append(out, line, end ? (size_t)(end - line) + 1 : strlen(line));
        if (r == 0 && end)
            r = buf_appends(out, margin);
        line = end ? end + 1 : NULL;
    }
    return r;
}

static int render(struct cell *c)
{
    _cleanup_json_ json_t *value = nbformat_cell(c);
    _cleanup_buf_ struct buf text = BUF_INIT(SIZE_MAX / 4);
    int r = append_value(&text, value, "  ");
    if (r < 0)
        return r;
    c->hash = value_hash(value);
    c->text_len = text.len;
    c->text = TAKE_PTR(text.data);
    return 0;
}

static int append_cells(struct buf *out, const struct fold *f, uint64_t *digest)
{
    int r = buf_appends(out, f->count ? "[\n  " : "[");
    for (size_t i = 0; i < f->count && r == 0; i++) {
        struct cell *c = f->cells[i];
        if (!c->text)
            r = render(c);
        if (r == 0 && i)
            r = buf_appends(out, ",\n  ");
        if (r == 0)
            r = buf_append(out, c->text, c->text_len);
        *digest = mix(*digest, c->hash);
    }
    return r < 0 ? r : buf_appends(out, f->count ? "\n ]" : "]");
}

static int append_metadata(struct buf *out, const struct fold *f, uint64_t digest)
{
    _cleanup_json_ json_t *meta = nbformat_metadata(f);
    _cleanup_free_ char *hex =
        xasprintf("%016llx", (unsigned long long)mix(digest, value_hash(meta)));
    json_object_set_new(json_object_get(meta, "seer"), "digest", json_string(hex));
    return append_value(out, meta, " ");
}

char *text_of(const struct fold *f, size_t *ret_len)
{
    _cleanup_buf_ struct buf out = BUF_INIT(SIZE_MAX / 4);
    uint64_t digest = 0;
    int r = buf_appends(&out, "{\n \"cells\": ");
    if (r == 0)
        r = append_cells(&out, f, &digest);
    if (r == 0)
        r = buf_appends(&out, ",\n \"metadata\": ");
    if (r == 0)
        r = append_metadata(&out, f, digest);
    if (r == 0)
        r = buf_appends(&out, ",\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n");
    if (r < 0)
        return NULL;
    *ret_len = out.len;
    return TAKE_PTR(out.data);
}

bool text_digest_fits(json_t *nb)
{
    json_t *meta = json_object_get(nb, "metadata"), *seer = json_object_get(meta, "seer"), *cell;
    _cleanup_free_ char *said = xstrdup(json_str(seer, "digest", ""));
    uint64_t digest = 0;
    size_t i;
    json_object_del(seer, "digest");
    json_array_foreach (json_object_get(nb, "cells"), i, cell)
        digest = mix(digest, value_hash(cell));
    _cleanup_free_ char *is =
        xasprintf("%016llx", (unsigned long long)mix(digest, value_hash(meta)));
    return strcmp(said, is) == 0 && json_int(nb, "nbformat", 0) == 4 &&
           json_int(nb, "nbformat_minor", 0) == 5 && json_object_size(nb) == 4;
}
