/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/records.h"

#include "base/mem.h"

#include <string.h>

static int flaw(struct err *err, const char *what)
{
    return err_set(err, ERR_GUEST, "bad_message", "%s", what);
}

static bool is_json_mime(const char *mime)
{
    size_t n = strlen(mime);
    return strncmp(mime, "application/", 12) == 0 && n >= 16 && strcmp(mime + n - 4, "json") == 0 &&
           (n == 16 || mime[n - 5] == '+');
}

/* The strings of a list put together, as nbformat allows a long text to come. */
static json_t *joined(const json_t *list)
{
    size_t total = 0, i;
    const json_t *part;
    json_array_foreach (list, i, part) {
        if (!json_is_string(part))
            return NULL;
        total += json_string_length(part);
    }
    _cleanup_free_ char *text = xmalloc(total + 1);
    char *at = text;
    json_array_foreach (list, i, part) {
        memcpy(at, json_string_value(part), json_string_length(part));
        at += json_string_length(part);
    }
    return json_stringn_nocheck(text, total);
}

/* A value that must be text. What is not becomes its JSON text rather than nothing. */
static json_t *as_text(json_t *v)
{
    if (json_is_string(v))
        return json_incref(v);
    json_t *j = json_is_array(v) ? joined(v) : NULL;
    if (j)
        return j;
    size_t len;
    _cleanup_free_ char *text = json_text(v, &len);
    return json_stringn_nocheck(text, len);
}

static json_t *checked_data(const json_t *data)
{
    json_t *made = json_object();
    const char *mime;
    json_t *v;
    json_object_foreach ((json_t *)data, mime, v) {
        if (is_json_mime(mime))
            json_object_set(made, mime, v);
        else if (!json_is_null(v))
            json_object_set_new(made, mime, as_text(v));
    }
    return made;
}

static json_t *checked_metadata(const json_t *content)
{
    json_t *meta = json_object_get(content, "metadata");
    return json_is_object(meta) ? json_incref(meta) : json_object();
}

static json_t *output_record(const char *cell, json_t *take_output)
{
    return json_pack("{s:s, s:s, s:o}", "t", "output", "cell", cell, "output", take_output);
}

static int make_start(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    json_int_t n = json_int(content, "execution_count", -1);
    *ret = json_pack("{s:s, s:s, s:o}", "t", "start", "cell", cell, "count",
                     n >= 0 ? json_integer(n) : json_null());
    return 1;
}

static int make_stream(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    json_t *text = json_object_get(content, "text");
    if (!json_is_string(text))
        return flaw(err, "a stream message without text");
    bool is_err = strcmp(json_str(content, "name", ""), "stderr") == 0;
    *ret = output_record(cell, json_pack("{s:s, s:s, s:O}", "output_type", "stream", "name",
                                         is_err ? "stderr" : "stdout", "text", text));
    return 1;
}

static const char *display_id(const json_t *content)
{
    return json_str(json_object_get(content, "transient"), "display_id", NULL);
}

static int make_display(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    const json_t *data = json_object_get(content, "data");
    if (!json_is_object(data))
        return flaw(err, "a display message without data");
    *ret =
        output_record(cell, json_pack("{s:s, s:o, s:o}", "output_type", "display_data", "data",
                                      checked_data(data), "metadata", checked_metadata(content)));
    if (display_id(content))
        json_object_set_new(*ret, "display_id", json_string(display_id(content)));
    return 1;
}

static int make_result(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    int r = make_display(content, cell, ret, err);
    if (r < 0)
        return r;
    json_t *out = json_object_get(*ret, "output");
    json_int_t n = json_int(content, "execution_count", -1);
    json_object_set_new(out, "output_type", json_string("execute_result"));
    json_object_set_new(out, "execution_count", n >= 0 ? json_integer(n) : json_null());
    return 1;
}

static int make_update(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    const json_t *data = json_object_get(content, "data");
    if (!json_is_object(data) || !display_id(content))
        return flaw(err, "an update_display_data message without data or display_id");
    *ret = json_pack("{s:s, s:s, s:s, s:o, s:o}", "t", "update", "cell", cell, "display_id",
                     display_id(content), "data", checked_data(data), "metadata",
                     checked_metadata(content));
    return 1;
}

static json_t *text_member(const json_t *content, const char *key)
{
    json_t *v = json_object_get(content, key);
    return v ? as_text(v) : json_string("");
}

static int make_error(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    json_t *lines = json_array(), *line;
    size_t i;
    json_array_foreach (json_object_get(content, "traceback"), i, line) {
        json_array_append_new(lines, as_text(line));
    }
    *ret = output_record(cell, json_pack("{s:s, s:o, s:o, s:o}", "output_type", "error", "ename",
                                         text_member(content, "ename"), "evalue",
                                         text_member(content, "evalue"), "traceback", lines));
    return 1;
}

static int make_clear(const json_t *content, const char *cell, json_t **ret, struct err *err)
{
    *ret = json_pack("{s:s, s:s, s:b}", "t", "clear", "cell", cell, "wait",
                     json_flag(content, "wait", false));
    return 1;
}

static const struct {
    const char *type;
    int (*make)(const json_t *content, const char *cell, json_t **ret, struct err *err);
} makers[] = {
    {"stream", make_stream},         {"display_data", make_display},
    {"execute_result", make_result}, {"update_display_data", make_update},
    {"error", make_error},           {"clear_output", make_clear},
    {"execute_input", make_start},
};

int records_make(const char *type, const json_t *content, const char *cell, json_t **ret,
                 struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
        if (strcmp(type, makers[i].type) == 0)
            return makers[i].make(content, cell, ret, err);
    return 0;
}

json_t *records_reply_error(const json_t *reply, const char *cell)
{
    json_t *rec = NULL;
    if (strcmp(json_str(reply, "status", ""), "error") != 0 || !json_object_get(reply, "ename") ||
        make_error(reply, cell, &rec, NULL) < 0)
        return NULL;
    return rec;
}

json_t *records_page(const json_t *reply, size_t i, const char *cell)
{
    const json_t *page = json_array_get(json_object_get(reply, "payload"), i);
    json_t *rec = NULL;
    if (strcmp(json_str(page, "source", ""), "page") != 0 ||
        make_display(page, cell, &rec, NULL) < 0)
        return NULL;
    return rec;
}

json_t *records_end(const json_t *reply, const char *cell, bool interrupted)
{
    const char *said = json_str(reply, "status", "");
    bool ok = strcmp(said, "ok") == 0;
    bool aborted = strcmp(said, "aborted") == 0 || strcmp(said, "abort") == 0;
    bool by_interrupt = aborted || strcmp(json_str(reply, "ename", ""), "KeyboardInterrupt") == 0;
    const char *status = ok                            ? "ok"
                         : interrupted && by_interrupt ? "interrupted"
                         : aborted                     ? "aborted"
                                                       : "error";
    json_int_t n = json_int(reply, "execution_count", -1);
    return json_pack("{s:s, s:s, s:s, s:o}", "t", "end", "cell", cell, "status", status, "count",
                     n >= 0 ? json_integer(n) : json_null());
}

json_t *records_dropped(const char *cell, size_t bytes, const char *reason)
{
    json_t *rec = json_pack("{s:s, s:I, s:o}", "t", "dropped", "bytes", (json_int_t)bytes, "reason",
                            json_lossy(reason, strlen(reason)));
    if (cell)
        json_object_set_new(rec, "cell", json_string(cell));
    return rec;
}

json_t *records_died(const char *cell, const char *reason)
{
    return json_pack("{s:s, s:s, s:s, s:n, s:o}", "t", "end", "cell", cell, "status", "died",
                     "count", "reason", json_lossy(reason, strlen(reason)));
}
