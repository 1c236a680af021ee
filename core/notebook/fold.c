/* SPDX-License-Identifier: Apache-2.0 */
#include "notebook/fold.h"

#include "base/clock.h"
#include "base/mem.h"
#include "notebook/fold_internal.h"
#include "notebook/output.h"

#include <string.h>

enum { NOTES_MAX = 256, CELL_ID_MAX = 64 };

struct fold *fold_new(void)
{
    struct fold *f = xnew(struct fold);
    f->index = json_object();
    f->notes = json_array();
    f->displays = displays_new();
    return f;
}

void fold_free(struct fold *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        cell_free(f->cells[i], f->displays);
    free(f->cells);
    displays_free(f->displays);
    json_decref(f->index);
    json_decref(f->session);
    json_decref(f->models);
    json_decref(f->language);
    json_decref(f->notes);
    free(f);
}

struct cell *fold_find(const struct fold *f, const char *id)
{
    if (!id)
        return NULL;
    if (f->last && strcmp(f->last->id, id) == 0)
        return f->last;
    json_int_t at = json_int(f->index, id, -1);
    return at < 0 ? NULL : f->cells[at];
}

static bool id_ok(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return n >= 1 && n <= CELL_ID_MAX && !id[n];
}

static void set(json_t **place, const json_t *value)
{
    json_decref(*place);
    *place = json_incref((json_t *)value);
}

static struct cell *add_cell(struct fold *f, const char *id)
{
    if (f->count == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 16;
        f->cells = xrealloc(f->cells, f->cap * sizeof *f->cells);
    }
    struct cell *c = cell_new(id);
    json_object_set_new(f->index, id, json_integer((json_int_t)f->count));
    f->cells[f->count++] = c;
    f->code_count++;
    return c;
}

/* A cell that is sent again keeps its place and starts from nothing. */
static void apply_cell(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    const char *id = json_str(rec, "cell", "");
    const json_t *source = json_object_get(rec, "source");
    const json_t *origin = json_object_get(rec, "origin");
    bool markdown = strcmp(json_str(rec, "kind", ""), "markdown") == 0;
    if (!id_ok(id) || !json_is_string(source) ||
        (!markdown && strcmp(json_str(rec, "kind", ""), "code") != 0))
        return;
    if (!c)
        c = add_cell(f, id);
    cell_clear(c, f->displays);
    f->code_count = f->code_count - !c->markdown + !markdown;
    c->markdown = markdown;
    c->status = markdown ? CELL_OK : CELL_QUEUED;
    c->count = -1;
    c->start_ns = c->end_ns = 0;
    set(&c->source, source);
    set(&c->origin, json_is_string(origin) ? origin : NULL);
    set(&c->reason, NULL);
}

static void apply_start(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    c->status = CELL_RUNNING;
    c->start_ns = time_ns;
    c->count = json_int(rec, "count", -1);
}

static void apply_output(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    const json_t *out = json_object_get(rec, "output");
    if (strcmp(json_str(out, "output_type", ""), "stream") == 0) {
        _cleanup_json_ json_t *text = output_text(json_object_get(out, "text"), "");
        if (text)
            cell_stream(c, f->displays, json_str(out, "name", ""), json_string_value(text),
                        json_string_length(text));
        return;
    }
    json_t *checked = output_checked(out);
    if (!checked)
        return;
    /* Only what has data can be updated. */
    const char *id = json_object_get(checked, "data") ? json_str(rec, "display_id", NULL) : NULL;
    cell_output(c, f->displays, checked, id);
}

static void apply_update(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    const char *id = json_str(rec, "display_id", NULL);
    const json_t *data = json_object_get(rec, "data");
    if (id && json_is_object(data))
        displays_update(f->displays, id, data, json_object_get(rec, "metadata"));
}

static void apply_clear(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    if (json_flag(rec, "wait", false))
        c->clear_next = true;
    else
        cell_clear(c, f->displays);
}

static void apply_end(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    const char *status = json_str(rec, "status", "");
    c->status = CELL_DIED;
    for (int s = CELL_OK; s <= CELL_DIED; s++)
        if (strcmp(status, cell_status_name((enum cell_status)s)) == 0)
            c->status = (enum cell_status)s;
    c->end_ns = time_ns;
    if (json_int(rec, "count", -1) >= 0)
        c->count = json_int(rec, "count", -1);
    const json_t *reason = json_object_get(rec, "reason");
    set(&c->reason, json_is_string(reason) ? reason : NULL);
    /* Whoever reads the notebook later must see why it stops there. */
    if (c->status == CELL_DIED)
        cell_output(c, f->displays,
                    output_error("KernelDied", json_str(rec, "reason", "the kernel died")), NULL);
}

static void add_note(struct fold *f, const char *level, const char *text)
{
    if (json_array_size(f->notes) < NOTES_MAX)
        json_array_append_new(f->notes, json_pack("{s:s, s:s}", "level", level, "text", text));
}

static void apply_dropped(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    json_int_t bytes = json_int(rec, "bytes", 0);
    _cleanup_free_ char *text =
        xasprintf("[seer: %lld bytes of output were dropped: %s]\n", (long long)bytes,
                  json_str(rec, "reason", "no reason given"));
    if (c)
        cell_stream(c, f->displays, "stderr", text, strlen(text));
    else
        add_note(f, "warn", text);
}

static void apply_note(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    const char *text = json_str(rec, "text", NULL);
    if (text)
        add_note(f, strcmp(json_str(rec, "level", ""), "warn") == 0 ? "warn" : "info", text);
}

static void apply_session(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    if (!f->session)
        set(&f->session, rec);
}

static void apply_models(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    set(&f->models, rec);
}

/* The kernel says what language it speaks; only members of known shape reach the notebook. */
static json_t *checked_language(const json_t *info)
{
    static const char *const members[] = {"name",           "version",        "mimetype",
                                          "file_extension", "pygments_lexer", "nbconvert_exporter"};
    if (json_is_object(json_object_get(info, "language_info")))
        info = json_object_get(info, "language_info");
    json_t *made = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *v = json_object_get(info, members[i]);
        if (json_is_string(v) && json_string_length(v) <= 128)
            json_object_set(made, members[i], (json_t *)v);
    }
    const json_t *mode = json_object_get(info, "codemirror_mode");
    if (json_is_string(mode) || (json_is_object(mode) && output_size(mode) <= 256))
        json_object_set(made, "codemirror_mode", (json_t *)mode);
    if (json_object_get(made, "name"))
        return made;
    json_decref(made);
    return NULL;
}

static void apply_kernel(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec)
{
    json_t *language = checked_language(json_object_get(rec, "info"));
    if (language) {
        json_decref(f->language);
        f->language = language;
    }
}

static const struct {
    const char *name;
    void (*apply)(struct fold *f, struct cell *c, uint64_t time_ns, const json_t *rec);
    bool needs_cell;
} records[] = {
    {"output", apply_output, true},    {"update", apply_update, false},
    {"clear", apply_clear, true},      {"cell", apply_cell, false},
    {"start", apply_start, true},      {"end", apply_end, true},
    {"dropped", apply_dropped, false}, {"note", apply_note, false},
    {"session", apply_session, false}, {"models", apply_models, false},
    {"kernel", apply_kernel, false},
};

void fold_apply(struct fold *f, uint64_t seq, uint64_t time_ns, const json_t *rec)
{
    const char *type = json_str(rec, "t", "");
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        if (strcmp(type, records[i].name) != 0)
            continue;
        struct cell *c = fold_find(f, json_str(rec, "cell", NULL));
        if (c) {
            f->last = c;
            cell_touch(c);
        }
        if (c ? !records[i].needs_cell || !c->markdown : !records[i].needs_cell)
            records[i].apply(f, c, time_ns, rec);
        return;
    }
}
