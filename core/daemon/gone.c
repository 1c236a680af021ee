/* SPDX-License-Identifier: Apache-2.0
 *
 * gone: the record outlives its sandbox. Reading, output, the notebook and the fate of a cell are
 * answered from the journal (home/sessions/<session>/journal); what would need a kernel says why
 * there is none. A request that comes while the journal is still being finished waits for that.
 */
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "journal/journal.h"
#include "notebook/fold.h"
#include "notebook/page.h"

#include <string.h>

static void reader_closep(struct journal_reader **r)
{
    journal_reader_close(*r);
}

static void fold_freep(struct fold **f)
{
    fold_free(*f);
}

static int open_journal(struct daemon *d, const char *session, struct journal_reader **ret,
                        struct err *err)
{
    _cleanup_free_ char *path = xasprintf("%s/sessions/%s/journal", d->paths.home, session);
    return journal_reader_open(path, ret, err);
}

static int fold_all(struct daemon *d, const char *session, struct fold **ret, struct err *err)
{
    _cleanup_(reader_closep) struct journal_reader *reader = NULL;
    _cleanup_(fold_freep) struct fold *fold = fold_new();
    int r = open_journal(d, session, &reader, err);
    while (r >= 0) {
        uint64_t seq, time_ns;
        _cleanup_json_ json_t *rec = NULL;
        r = journal_read(reader, &seq, &time_ns, &rec, err);
        if (r <= 0)
            break;
        fold_apply(fold, seq, time_ns, rec);
    }
    if (r == 0)
        *ret = TAKE_PTR(fold);
    return r;
}

char *gone_reason(struct daemon *d, const char *session)
{
    _cleanup_(reader_closep) struct journal_reader *reader = NULL;
    char *reason = NULL;
    int r = open_journal(d, session, &reader, NULL);
    while (r >= 0) {
        uint64_t seq, time_ns;
        _cleanup_json_ json_t *rec = NULL;
        r = journal_read(reader, &seq, &time_ns, &rec, NULL);
        if (r <= 0)
            break;
        if (strcmp(json_str(rec, "t", ""), "kernel") != 0)
            continue;
        free(reason);
        const char *why = json_str(rec, "reason", NULL);
        reason = why && strcmp(json_str(rec, "state", ""), "dead") == 0 ? xstrdup(why) : NULL;
    }
    return reason;
}

/* ---- session.read ---- */

struct gone_read {
    LIST_ENTRY(gone_read) entry;
    struct call *call;             /* owned */
    struct journal_reader *reader; /* owned */
    uint64_t next, from, left;
};

static void read_end(struct gone_read *g, const struct err *err)
{
    LIST_REMOVE(g, entry);
    journal_reader_close(g->reader);
    call_on_gone(g->call, NULL, NULL);
    json_t *r = json_object();
    json_object_set_new(r, "next", json_integer((json_int_t)g->next));
    if (err) {
        json_decref(r);
        call_fail(g->call, err);
    } else
        call_reply(g->call, r);
    free(g);
}

/* Until the reader's queue is full (gone_drained goes on) or the journal ends. */
static void read_pump(struct gone_read *g)
{
    while (g->left) {
        uint64_t seq, time_ns;
        json_t *rec = NULL;
        struct err err = ERR_INIT;
        int r = journal_read(g->reader, &seq, &time_ns, &rec, &err);
        if (r < 0) {
            read_end(g, &err);
            return;
        }
        if (r == 0)
            break;
        g->next = seq + 1;
        if (seq < g->from) {
            json_decref(rec);
            continue;
        }
        g->left--;
        int64_t queued = call_event(g->call, "record",
                                    json_pack("{s:I, s:I, s:o}", "seq", (json_int_t)seq, "time_ns",
                                              (json_int_t)time_ns, "rec", rec));
        if (queued < 0)
            break;
        if (queued > PEER_HIGH_WATER)
            return;
    }
    read_end(g, NULL);
}

static void read_gone(struct call *c, void *ctx)
{
    read_end(ctx, NULL);
}

static void gone_read_start(struct daemon *d, const char *session, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    json_int_t from = json_int(params, "from", 1), limit = json_int(params, "limit", 0);
    struct journal_reader *reader;
    struct err err = ERR_INIT;
    if (open_journal(d, session, &reader, &err) < 0) {
        call_fail(take_call, &err);
        return;
    }
    struct gone_read *g = xnew(struct gone_read);
    *g = (struct gone_read){.call = take_call,
                            .reader = reader,
                            .next = 1,
                            .from = from > 0 ? (uint64_t)from : 1,
                            .left = limit > 0 ? (uint64_t)limit : UINT64_MAX};
    LIST_INSERT_HEAD(&d->gone_reads, g, entry);
    call_on_gone(take_call, read_gone, g);
    read_pump(g);
}

void gone_drained(struct client *c)
{
    struct gone_read *g, *next;
    for (g = LIST_FIRST(&c->daemon->gone_reads); g; g = next) {
        next = LIST_NEXT(g, entry);
        if (call_peer(g->call) == c->peer)
            read_pump(g);
    }
}

/* ---- from the fold ---- */

/* What session.wait would have answered at the cell's end. */
static json_t *fate(const json_t *cell, const json_t *params)
{
    json_int_t max = json_int(params, "max_bytes", 0);
    json_t *r = json_object(), *truncated = json_array(),
           *outputs = json_object_get(cell, "outputs");
    json_t *count = json_object_get(cell, "execution_count");
    json_object_set(r, "cell", json_object_get(cell, "cell"));
    json_object_set(r, "status", json_object_get(cell, "status"));
    json_object_set(r, "execution_count", count ? count : json_null());
    json_object_set_new(r, "outputs",
                        max > 0 ? fold_shorten(outputs, (size_t)max, truncated)
                                : json_incref(outputs));
    json_object_set_new(r, "truncated", truncated);
    json_object_set(r, "reason", json_object_get(cell, "reason"));
    return r;
}

static json_t *answer(struct daemon *d, const struct session_row *s, struct call *c,
                      struct err *err)
{
    const char *method = call_method(c), *id = json_str(call_params(c), "cell", "");
    _cleanup_(fold_freep) struct fold *fold = NULL;
    if (fold_all(d, s->id, &fold, err) < 0)
        return NULL;
    if (strcmp(method, "session.notebook") == 0)
        return json_pack("{s:o, s:s}", "notebook", fold_notebook(fold), "path", s->notebook);
    _cleanup_json_ json_t *cell = fold_cell(fold, id);
    if (!cell) {
        err_set(err, ERR_USER, "no_such_cell", "the session %.8s has no cell %.64s", s->id, id);
        return NULL;
    }
    return strcmp(method, "session.wait") == 0 ? fate(cell, call_params(c))
                                               : page_of_cell(cell, call_params(c), err);
}

/* ---- sandbox.logs ---- */

static void logs(struct box *b, struct call *take_call)
{
    _cleanup_free_ char *path = xasprintf("%s/logs/%s.log", b->daemon->paths.home, b->id);
    _cleanup_free_ char *text = NULL;
    size_t len;
    struct err err;
    int r = fs_read_file(AT_FDCWD, path, LIMIT_USER_FILE, &text, &len);
    if (r < 0) {
        err_sys(&err, -r, "cannot read %s", path);
        call_fail(take_call, &err);
        return;
    }
    for (size_t at = 0; at < len;) {
        size_t n = strcspn(text + at, "\n");
        json_t *line = json_object();
        json_object_set_new(line, "time_ns", json_integer(0));
        json_object_set_new(line, "source", json_string("shim"));
        json_object_set_new(line, "text", json_lossy(text + at, n));
        if (call_event(take_call, "line", line) < 0)
            break;
        at += n + 1;
    }
    call_reply(take_call, json_object());
}

/* ---- the request ---- */

struct late {
    struct call *call;       /* owned */
    struct session_row *row; /* borrowed */
};

static bool from_record(const char *method)
{
    static const char *const methods[] = {"session.wait", "session.output", "session.notebook"};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static void gone_now(struct box *b, void *ctx)
{
    struct late *l = ctx;
    struct call *c = l->call;
    struct session_row *s = l->row;
    const char *method = call_method(c);
    struct err err = ERR_INIT;
    free(l);
    if (s && strcmp(method, "session.read") == 0)
        gone_read_start(b->daemon, s->id, c);
    else if (s && from_record(method)) {
        json_t *r = answer(b->daemon, s, c, &err);
        if (r)
            call_reply(c, r);
        else
            call_fail(c, &err);
    } else if (strcmp(method, "sandbox.logs") == 0)
        logs(b, c);
    else {
        box_gone_err(b, s != NULL, &err);
        call_fail(c, &err);
    }
}

void gone_request(struct box *b, struct session_row *s, struct call *take_call)
{
    struct late *l = xnew(struct late);
    *l = (struct late){take_call, s};
    box_settled(b, gone_now, l);
}
