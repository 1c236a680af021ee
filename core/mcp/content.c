/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/content.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mcp/ansi.h"

#include <string.h>

struct content {
    json_t *blocks;  /* owned until taken */
    struct buf text; /* text not yet in a block */
    size_t images;
    size_t left; /* characters that still fit */
    bool cut;
};

static const char *const image_types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};

/* A continuation byte of UTF-8 is no place to cut. */
static size_t cut_back(const char *s, size_t at)
{
    while (at && ((unsigned char)s[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static void add_bytes(struct content *c, const char *s, size_t len)
{
    if (buf_append(&c->text, s, len) < 0)
        c->cut = true;
}

/* Adds text; what is over the whole result's budget loses its middle. */
static void add_text(struct content *c, const char *s, size_t len)
{
    if (len <= c->left) {
        add_bytes(c, s, len);
        c->left -= len;
        return;
    }
    size_t head = cut_back(s, c->left / 2), tail = cut_back(s, len - c->left / 2);
    char note[64];
    int n = snprintf(note, sizeof note, "\n… [%zu bytes left out] …\n", tail - head);
    add_bytes(c, s, head);
    add_bytes(c, note, (size_t)n);
    add_bytes(c, s + tail, len - tail);
    c->left = 0;
    c->cut = true;
}

static void add_line(struct content *c, const char *line)
{
    if (c->text.len && c->text.data[c->text.len - 1] != '\n')
        add_bytes(c, "\n", 1);
    add_bytes(c, line, strlen(line));
}

static void end_block(struct content *c)
{
    while (c->text.len && c->text.data[c->text.len - 1] == '\n')
        c->text.data[--c->text.len] = '\0';
    if (c->text.len)
        json_array_append_new(c->blocks, json_pack("{s:s, s:o}", "type", "text", "text",
                                                   json_lossy(c->text.data, c->text.len)));
    buf_clear(&c->text);
}

/* nbformat lets a multi-line text be a string or a list of strings. malloc'ed, escapes taken out. */
static char *plain(const json_t *v, const char *between, size_t *ret_len)
{
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_FRAME);
    size_t i;
    json_t *part;
    int r = buf_appends(&b, "");
    if (json_is_string(v))
        r = buf_append(&b, json_string_value(v), json_string_length(v));
    json_array_foreach (v, i, part)
        if (r == 0 && json_is_string(part)) {
            r = i ? buf_appends(&b, between) : 0;
            if (r == 0)
                r = buf_append(&b, json_string_value(part), json_string_length(part));
        }
    if (r < 0 || !b.data) {
        *ret_len = 0;
        return xstrdup("");
    }
    *ret_len = ansi_strip(b.data, b.len);
    b.data[*ret_len] = '\0';
    return TAKE_PTR(b.data);
}

static void add_value(struct content *c, const json_t *v, const char *between)
{
    size_t len;
    _cleanup_free_ char *s = plain(v, between, &len);
    add_text(c, s, len);
}

static void add_image(struct content *c, const char *type, const json_t *data)
{
    char note[160];
    size_t len;
    _cleanup_free_ char *raw = plain(data, "", &len); /* some kernels break base64 into lines */
    size_t out = 0;
    for (size_t i = 0; i < len; i++)
        if (raw[i] != '\n' && raw[i] != ' ')
            raw[out++] = raw[i];
    if (out > CONTENT_IMAGE_MAX || c->images >= CONTENT_IMAGES_MAX) {
        snprintf(note, sizeof note, "[%s of %zu KiB left out: %s; it is in the notebook]\n", type,
                 out / 4 * 3 / 1024,
                 out > CONTENT_IMAGE_MAX ? "too large for a tool result" : "too many images");
        add_line(c, note);
        return;
    }
    end_block(c);
    c->images++;
    json_array_append_new(c->blocks, json_pack("{s:s, s:o, s:s}", "type", "image", "data",
                                               json_lossy(raw, out), "mimeType", type));
}

/* A type a model cannot look at: say that it is there. */
static void add_note(struct content *c, const char *what, const json_t *v)
{
    char note[120];
    size_t len;
    _cleanup_free_ _unused_ char *s = plain(v, "", &len);
    snprintf(note, sizeof note, "[%s of %zu bytes: see the notebook]\n", what, len);
    add_line(c, note);
}

/* display_data and execute_result: the richest form a model can take in. */
static void add_bundle(struct content *c, const json_t *data)
{
    const json_t *text = json_object_get(data, "text/plain");
    const json_t *svg = json_object_get(data, "image/svg+xml");
    const json_t *html = json_object_get(data, "text/html");
    for (size_t i = 0; i < ARRAY_SIZE(image_types); i++) {
        const json_t *image = json_object_get(data, image_types[i]);
        if (image) {
            add_image(c, image_types[i], image);
            return; /* its text/plain is "<Figure size 640x480 with 1 Axes>" */
        }
    }
    static const char *const texts[] = {"text/markdown", "text/latex", "application/json"};
    for (size_t i = 0; !text && i < ARRAY_SIZE(texts); i++)
        text = json_object_get(data, texts[i]);
    if (c->text.len && c->text.data[c->text.len - 1] != '\n')
        add_bytes(c, "\n", 1);
    if (json_is_object(text)) {
        size_t len;
        _cleanup_free_ char *s = json_text(text, &len);
        add_text(c, s, len);
    } else if (text) {
        add_value(c, text, "");
    }
    if (text)
        add_bytes(c, "\n", 1);
    const char *repr = json_string_value(text);
    if (svg)
        add_note(c, "SVG image", svg);
    else if (html && (!text || (repr && strncmp(repr, "<IPython.", 9) == 0)))
        add_note(c, "HTML", html);
}

static void add_error(struct content *c, const json_t *output)
{
    const json_t *traceback = json_object_get(output, "traceback");
    if (c->text.len && c->text.data[c->text.len - 1] != '\n')
        add_bytes(c, "\n", 1);
    if (json_array_size(traceback)) {
        add_value(c, traceback, "\n");
    } else {
        add_value(c, json_object_get(output, "ename"), "");
        add_bytes(c, ": ", 2);
        add_value(c, json_object_get(output, "evalue"), "");
    }
    add_bytes(c, "\n", 1);
}

static void add_output(struct content *c, const json_t *output)
{
    const char *type = json_str(output, "output_type", "");
    if (strcmp(type, "stream") == 0)
        add_value(c, json_object_get(output, "text"), "");
    else if (strcmp(type, "error") == 0)
        add_error(c, output);
    else
        add_bundle(c, json_object_get(output, "data"));
}

/* What the status says beyond the outputs; NULL when they say it all. */
static char *status_line(const json_t *result)
{
    const char *status = json_str(result, "status", "ok"), *why = json_str(result, "reason", NULL);
    if (strcmp(status, "died") == 0)
        return xasprintf("[The kernel died while this cell ran%s%s. Its variables are gone.]",
                         why ? ": " : "", why ? why : "");
    if (strcmp(status, "timeout") == 0)
        return xasprintf("[Still running%s%s. It goes on in the sandbox: read what it printed with "
                         "get_output(cell=\"%s\"), or stop it with interrupt.]",
                         why ? ": " : "", why ? why : "", json_str(result, "cell", ""));
    if (strcmp(status, "interrupted") == 0)
        return xasprintf("[Interrupted%s%s]", why ? ": " : "", why ? why : "");
    if (strcmp(status, "aborted") == 0)
        return xasprintf("[This cell did not run%s%s]", why ? ": " : ": a cell before it failed",
                         why ? why : "");
    return NULL;
}

static void add_cut_note(struct content *c, const json_t *result, const char *session)
{
    _cleanup_free_ char *note =
        xasprintf("[This output was shortened. get_output(session_id=\"%s\", cell=\"%s\", "
                  "offset=0) reads all "
                  "of it, page by page.]",
                  session, json_str(result, "cell", ""));
    add_line(c, note);
}

json_t *content_from_cell(const json_t *result, const char *session)
{
    struct content c = {.blocks = json_array(), .left = CONTENT_TEXT_MAX};
    c.text = BUF_INIT(LIMIT_FRAME);
    size_t i;
    json_t *output;
    json_array_foreach (json_object_get(result, "outputs"), i, output)
        add_output(&c, output);
    _cleanup_free_ char *line = status_line(result);
    if (line)
        add_line(&c, line);
    const json_t *truncated = json_object_get(result, "truncated");
    if (c.cut || json_array_size(truncated))
        add_cut_note(&c, result, session);
    end_block(&c);
    if (json_array_size(c.blocks) == 0)
        json_array_append_new(c.blocks,
                              json_pack("{s:s, s:s}", "type", "text", "text", "(no output)"));
    buf_done(&c.text);
    json_t *meta = json_object();
    static const char *const keys[] = {"cell", "status", "execution_count", "reason", "truncated"};
    for (i = 0; i < ARRAY_SIZE(keys); i++) {
        json_t *v = json_object_get(result, keys[i]);
        if (v && !(json_is_array(v) && json_array_size(v) == 0))
            json_object_set(meta, keys[i], v);
    }
    bool failed = strcmp(json_str(result, "status", "ok"), "ok") != 0;
    return json_pack("{s:o, s:b, s:{s:o}}", "content", c.blocks, "isError", (int)failed, "_meta",
                     "seer/cell", meta);
}

json_t *content_from_err(const struct err *err)
{
    _cleanup_free_ char *text = xasprintf("%s%s%s", err->msg, err->hint[0] ? "\n" : "", err->hint);
    return json_pack("{s:[{s:s, s:o}], s:b, s:{s:{s:s}}}", "content", "type", "text", "text",
                     json_lossy(text, strlen(text)), "isError", 1, "_meta", "seer/error", "code",
                     err->code);
}
