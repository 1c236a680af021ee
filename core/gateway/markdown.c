/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/markdown.h"

#include "base/buf.h"
#include "base/limits.h"

#include <md4c-html.h>
#include <string.h>

static void put(const MD_CHAR *text, MD_SIZE len, void *ctx)
{
    struct buf *b = ctx;
    if (buf_append(b, text, len) < 0)
        b->max = 0; /* full: everything after fails as well, and the result is thrown away */
}

json_t *markdown_html(const char *text, size_t len)
{
    if (len > LIMIT_CELL_SOURCE)
        return NULL;
    _cleanup_buf_ struct buf b = BUF_INIT(len * 8 + 4096);
    unsigned flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |
                     MD_FLAG_PERMISSIVEURLAUTOLINKS;
    if (md_html(text, (MD_SIZE)len, put, &b, flags, 0) != 0 || b.max == 0)
        return NULL;
    return json_lossy(b.data ? b.data : "", b.len);
}

/* The Markdown in a record, whatever shape it has; borrowed, NULL when there is none. */
static const json_t *find_text(const json_t *rec)
{
    const char *t = json_str(rec, "t", "");
    if (strcmp(t, "cell") == 0 && strcmp(json_str(rec, "kind", ""), "markdown") == 0)
        return json_object_get(rec, "source");
    const json_t *data = NULL;
    if (strcmp(t, "output") == 0)
        data = json_object_get(json_object_get(rec, "output"), "data");
    else if (strcmp(t, "update") == 0)
        data = json_object_get(rec, "data");
    return json_object_get(data, "text/markdown");
}

static json_t *html_of(const json_t *text)
{
    if (json_is_string(text))
        return markdown_html(json_string_value(text), json_string_length(text));
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_CELL_SOURCE);
    size_t i;
    json_t *part;
    json_array_foreach (text, i, part)
        if (json_is_string(part) &&
            buf_append(&b, json_string_value(part), json_string_length(part)) < 0)
            return NULL;
    return b.data ? markdown_html(b.data, b.len) : NULL;
}

json_t *markdown_dress(const json_t *data)
{
    const json_t *rec = json_object_get(data, "rec");
    const json_t *text = find_text(rec);
    json_t *html = text ? html_of(text) : NULL;
    if (!html)
        return json_incref((json_t *)data);
    json_t *event = json_copy((json_t *)data), *copy = json_copy((json_t *)rec);
    json_object_set_new(copy, "html", html);
    json_object_set_new(event, "rec", copy);
    return event;
}
