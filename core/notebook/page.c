/* SPDX-License-Identifier: Apache-2.0 */
#include "notebook/page.h"

#include "base/buf.h"
#include "base/limits.h"

#include <string.h>

enum { PAGE = 64 << 10, PAGE_MAX = 8 << 20 };

/* A multi-line string: one string, or a list of them. */
static int put_text(struct buf *out, const json_t *text)
{
    size_t i;
    json_t *part;
    int r = 0;
    if (json_is_string(text))
        r = buf_append(out, json_string_value(text), json_string_length(text));
    json_array_foreach ((json_t *)text, i, part)
        if (r == 0 && json_is_string(part))
            r = buf_append(out, json_string_value(part), json_string_length(part));
    return r;
}

static int put_traceback(struct buf *out, const json_t *lines)
{
    size_t i;
    json_t *line;
    int r = 0;
    json_array_foreach ((json_t *)lines, i, line) {
        if (r == 0)
            r = put_text(out, line);
        if (r == 0)
            r = buf_append(out, "\n", 1);
    }
    return r;
}

static int put_data(struct buf *out, const json_t *data)
{
    const json_t *plain = json_object_get(data, "text/plain");
    const char *mime;
    json_t *value;
    if (plain) {
        int r = put_text(out, plain);
        return r < 0 ? r : buf_append(out, "\n", 1);
    }
    json_object_foreach ((json_t *)data, mime, value) {
        int r = buf_appendf(out, "[%s]\n", mime);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_output(struct buf *out, const json_t *o)
{
    const char *type = json_str(o, "output_type", "");
    if (strcmp(type, "stream") == 0)
        return put_text(out, json_object_get(o, "text"));
    if (strcmp(type, "error") == 0)
        return put_traceback(out, json_object_get(o, "traceback"));
    return put_data(out, json_object_get(o, "data"));
}

static size_t char_start(const struct buf *b, size_t at)
{
    if (at >= b->len)
        return b->len;
    while (at > 0 && ((unsigned char)b->data[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static json_t *page(const struct buf *text, json_int_t offset, json_int_t length)
{
    size_t from = char_start(text, offset > 0 ? (size_t)offset : 0);
    size_t want = length <= 0 ? PAGE : length > PAGE_MAX ? PAGE_MAX : (size_t)length;
    size_t to = want < text->len - from ? char_start(text, from + want) : text->len;
    if (to == from && from < text->len) /* a page smaller than a character: that one */
        for (to = from + 1; to < text->len && ((unsigned char)text->data[to] & 0xc0) == 0x80;)
            to++;
    json_t *result = json_object();
    json_object_set_new(result, "text", json_lossy(text->len ? text->data + from : "", to - from));
    json_object_set_new(result, "total", json_integer((json_int_t)text->len));
    if (to < text->len)
        json_object_set_new(result, "next", json_integer((json_int_t)to));
    return result;
}

json_t *page_of_cell(const json_t *cell, const json_t *params, struct err *err)
{
    json_int_t index = json_int(params, "index", -1);
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_FRAME);
    const char *id = json_str(cell, "cell", "");
    json_t *outputs = json_object_get(cell, "outputs"), *o;
    size_t i;
    int r = 0;
    if (index >= 0 && (size_t)index >= json_array_size(outputs)) {
        err_set(err, ERR_USER, "bad_parameter", "cell %s has %zu outputs, no number %lld", id,
                json_array_size(outputs), (long long)index);
        return NULL;
    }
    json_array_foreach (outputs, i, o)
        if (r == 0 && (index < 0 || (json_int_t)i == index))
            r = put_output(&text, o);
    if (r < 0) {
        err_sys(err, -r, "the text of cell %s cannot be put together", id);
        return NULL;
    }
    return page(&text, json_int(params, "offset", 0), json_int(params, "length", 0));
}
