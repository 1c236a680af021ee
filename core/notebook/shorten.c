/* SPDX-License-Identifier: Apache-2.0
 *
 * shorten: outputs for a reader with little room, such as a language model. Every text may keep as
 * many bytes as the fair share allows: the largest L with sum(min(size, L)) <= max, so that short
 * texts stay whole and the long ones pay.
 */
#include "notebook/fold.h"

#include "base/mem.h"
#include "notebook/output.h"

#include <string.h>

enum { OUTPUT_OVERHEAD = 128, TINY = 96 };

struct shorten {
    size_t share;  /* L */
    size_t images; /* bytes of images that may still be kept */
    size_t cut;    /* bytes taken out of the output at hand */
};

static size_t text_size(const json_t *j)
{
    if (json_is_string(j))
        return json_string_length(j);
    size_t n = 0, i;
    const json_t *part;
    json_array_foreach (j, i, part)
        n += json_string_length(part) + 1;
    return n;
}

/* What cannot be cut in the middle: whole or not at all. */
static bool is_image(const char *mime)
{
    return strncmp(mime, "image/", 6) == 0;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

struct sizes {
    size_t *list; /* owned */
    size_t count, cap;
};

static void add_size(struct sizes *s, size_t n)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->list = xrealloc(s->list, s->cap * sizeof *s->list);
    }
    s->list[s->count++] = n;
}

static void collect(struct sizes *s, const json_t *out)
{
    static const char *const texts[] = {"text", "evalue", "traceback"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const json_t *j = json_object_get(out, texts[i]);
        if (j)
            add_size(s, text_size(j));
    }
    const char *mime;
    json_t *value;
    json_object_foreach (json_object_get(out, "data"), mime, value) {
        if (!is_image(mime))
            add_size(s, output_mime_is_json(mime) ? output_size(value) : text_size(value));
    }
}

static size_t fair_share(struct sizes *s, size_t max)
{
    if (s->count)
        qsort(s->list, s->count, sizeof *s->list, by_size);
    size_t left = max;
    for (size_t i = 0; i < s->count; i++) {
        size_t each = left / (s->count - i);
        if (s->list[i] > each)
            return each;
        left -= s->list[i];
    }
    return SIZE_MAX;
}

static size_t char_start(const char *s, size_t at)
{
    while (at && ((unsigned char)s[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Text without its middle; cuts at the ends of lines where one is near. */
static json_t *cut_middle(const char *s, size_t len, size_t share, size_t *cut)
{
    size_t keep = share / 2, near = keep / 4;
    size_t head = char_start(s, keep), tail = char_start(s, len - keep);
    const char *end = near ? memrchr(s + head - near, '\n', near) : NULL;
    if (end)
        head = (size_t)(end + 1 - s);
    const char *begin = near ? memchr(s + tail, '\n', near) : NULL;
    if (begin)
        tail = (size_t)(begin + 1 - s);
    if (share < TINY) {
        head = 0;
        tail = len;
    }
    *cut += tail - head;
    bool own_line = head == 0 || s[head - 1] == '\n';
    _cleanup_free_ char *note =
        xasprintf("%s[... %zu bytes left out ...]\n", own_line ? "" : "\n", tail - head);
    size_t n = strlen(note), total = head + n + (len - tail);
    char *text = xmalloc(total + 1);
    memcpy(text, s, head);
    memcpy(text + head, note, n);
    memcpy(text + head + n, s + tail, len - tail);
    json_t *j = json_lossy(text, total);
    free(text);
    return j;
}

/* A new reference to text that fits the share. */
static json_t *fit(struct shorten *sh, const json_t *value, const char *separator)
{
    json_t *text = output_text(value, separator);
    if (!text)
        return json_string("");
    size_t len = json_string_length(text);
    if (len <= sh->share)
        return text;
    json_t *cut = cut_middle(json_string_value(text), len, sh->share, &sh->cut);
    json_decref(text);
    return cut;
}

/* Says in the bundle's text/plain that a part of it is missing. */
static void leave_out(struct shorten *sh, json_t *data, const char *mime, size_t bytes)
{
    const char *plain = json_str(data, "text/plain", "");
    _cleanup_free_ char *text =
        xasprintf("%s%s[%s of %zu bytes left out]", plain, *plain ? "\n" : "", mime, bytes);
    json_object_set_new(data, "text/plain", json_lossy(text, strlen(text)));
    sh->cut += bytes;
}

static void shorten_data(struct shorten *sh, json_t *data, const json_t *from)
{
    const char *mime;
    json_t *value;
    json_object_foreach ((json_t *)from, mime, value) {
        if (!is_image(mime) && !output_mime_is_json(mime))
            json_object_set_new(data, mime, fit(sh, value, ""));
    }
    json_object_foreach ((json_t *)from, mime, value) {
        bool image = is_image(mime);
        if (!image && !output_mime_is_json(mime))
            continue;
        size_t bytes = image ? text_size(value) : output_size(value);
        bool fits = image ? bytes <= sh->images : bytes <= sh->share;
        if (fits)
            json_object_set(data, mime, value);
        else
            leave_out(sh, data, mime, bytes);
        if (fits && image)
            sh->images -= bytes;
    }
}

static json_t *shorten_one(struct shorten *sh, const json_t *out)
{
    json_t *made = json_copy((json_t *)out);
    const json_t *j;
    if ((j = json_object_get(out, "text")))
        json_object_set_new(made, "text", fit(sh, j, ""));
    if ((j = json_object_get(out, "evalue")) && text_size(j) > sh->share)
        json_object_set_new(made, "evalue", fit(sh, j, ""));
    if ((j = json_object_get(out, "traceback")) && text_size(j) > sh->share)
        json_object_set_new(made, "traceback", json_pack("[o]", fit(sh, j, "\n")));
    if ((j = json_object_get(out, "data"))) {
        json_t *data = json_object();
        shorten_data(sh, data, j);
        json_object_set_new(made, "data", data);
    }
    return made;
}

static void tell(json_t *truncated, size_t index, size_t bytes)
{
    if (truncated && bytes)
        json_array_append_new(truncated, json_pack("{s:I, s:I}", "output", (json_int_t)index,
                                                   "bytes", (json_int_t)bytes));
}

/* The middle of a list of too many outputs. */
static json_t *skip_note(const json_t *outputs, size_t from, size_t to, json_t *truncated)
{
    size_t bytes = 0;
    for (size_t i = from; i < to; i++)
        bytes += output_size(json_array_get(outputs, i));
    tell(truncated, from, bytes);
    _cleanup_free_ char *text =
        xasprintf("[... %zu outputs (%zu bytes) left out ...]\n", to - from, bytes);
    return output_stream("stderr", json_string(text));
}

json_t *fold_shorten(const json_t *outputs, size_t max, json_t *truncated)
{
    size_t count = json_array_size(outputs), most = max / OUTPUT_OVERHEAD;
    most = most < 4 ? 4 : most;
    size_t skip_from = count > most ? most / 2 : count;
    size_t skip_to = count > most ? count - most / 2 : count;
    struct sizes sizes = {0};
    for (size_t i = 0; i < count; i++)
        if (i < skip_from || i >= skip_to)
            collect(&sizes, json_array_get(outputs, i));
    struct shorten sh = {.share = fair_share(&sizes, max),
                         .images = max > FOLD_IMAGES_MAX ? max : FOLD_IMAGES_MAX};
    free(sizes.list);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (i >= skip_from && i < skip_to) {
            json_array_append_new(list, skip_note(outputs, skip_from, skip_to, truncated));
            i = skip_to - 1;
            continue;
        }
        sh.cut = 0;
        json_array_append_new(list, shorten_one(&sh, json_array_get(outputs, i)));
        tell(truncated, i, sh.cut);
    }
    return list;
}
