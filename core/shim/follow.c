/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/follow.h"

#include "base/mem.h"

#include <string.h>

enum { TURN = 256 }; /* records read for one follower in one turn of the loop */

struct follow {
    LIST_ENTRY(follow) entry;
    struct session *session; /* borrowed */
    struct call *call;       /* borrowed */
    char *cell;              /* owned or NULL */
    uint64_t next, left;
    uint64_t until;                /* stopping: done when next is here; 0 not stopping */
    struct journal_reader *reader; /* owned; NULL until it lags for the first time */
    bool limited, paused;
    void (*done)(struct follow *f, const struct err *err, void *ctx);
    void *ctx;
};

static bool lags(const struct follow *f)
{
    return f->until || f->next < journal_next_seq(f->session->journal);
}

static void wake(struct follow *f)
{
    struct shim *s = f->session->shim;
    if (!f->paused && lags(f) && !uv_is_active((uv_handle_t *)&s->pump))
        uv_idle_start(&s->pump, follow_pump);
}

struct follow *follow_new(struct session *se, struct call *call, const char *cell, uint64_t from,
                          uint64_t limit,
                          void (*done)(struct follow *f, const struct err *err, void *ctx),
                          void *ctx)
{
    struct follow *f = xnew(struct follow);
    *f = (struct follow){.session = se,
                         .call = call,
                         .cell = cell ? xstrdup(cell) : NULL,
                         .next = from ? from : 1,
                         .left = limit,
                         .limited = limit > 0,
                         .done = done,
                         .ctx = ctx};
    LIST_INSERT_HEAD(&se->follows, f, entry);
    wake(f);
    return f;
}

void follow_stop(struct follow *f)
{
    if (!f->until)
        f->until = journal_next_seq(f->session->journal);
    if (f->next >= f->until)
        f->done(f, NULL, f->ctx);
    else
        wake(f);
}

uint64_t follow_next(const struct follow *f)
{
    return f->next;
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    LIST_REMOVE(f, entry);
    journal_reader_close(f->reader);
    free(f->cell);
    free(f);
}

/* False: done was called, f is gone. */
static bool deliver(struct follow *f, uint64_t seq, uint64_t time_ns, json_t *rec)
{
    f->next = seq + 1;
    if (f->cell && strcmp(json_str(rec, "cell", ""), f->cell) != 0)
        return true;
    json_t *event = json_object();
    json_object_set_new(event, "seq", json_integer((json_int_t)seq));
    json_object_set_new(event, "time_ns", json_integer((json_int_t)time_ns));
    json_object_set(event, "rec", rec);
    if (call_event(f->call, "record", event) > PEER_HIGH_WATER)
        f->paused = true;
    bool last = f->limited && --f->left == 0;
    if (f->cell && f->until && strcmp(json_str(rec, "t", ""), "end") == 0)
        last = true; /* what comes after is not this cell's */
    if (last)
        f->done(f, NULL, f->ctx);
    return !last;
}

void follow_notify(struct session *se, uint64_t seq, uint64_t time_ns, json_t *rec)
{
    struct follow *f, *next;
    for (f = LIST_FIRST(&se->follows); f; f = next) {
        next = LIST_NEXT(f, entry);
        if (f->next == seq && !f->paused && !f->until)
            deliver(f, seq, time_ns, rec);
        else
            wake(f);
    }
}

static void give_up(struct follow *f, const struct err *err)
{
    f->done(f, err, f->ctx);
}

/* One record from the file. False: nothing more for now, or f is gone. */
static bool read_one(struct follow *f, struct err *err)
{
    uint64_t seq, time_ns;
    _cleanup_json_ json_t *rec = NULL;
    int r = journal_read(f->reader, &seq, &time_ns, &rec, err);
    if (r == 0)
        r = err_set(err, ERR_SYSTEM, "bad_journal", "the journal is shorter than it was");
    if (r < 0) {
        give_up(f, err);
        return false;
    }
    return seq < f->next || deliver(f, seq, time_ns, rec);
}

static void catch_up(struct follow *f)
{
    struct err err = ERR_INIT;
    for (int i = 0; i < TURN && !f->paused; i++) {
        if (f->until && f->next >= f->until) {
            f->done(f, NULL, f->ctx);
            return;
        }
        if (f->next >= journal_next_seq(f->session->journal))
            return;
        if (!f->reader) {
            const struct shim *s = f->session->shim;
            _cleanup_free_ char *path = shim_session_path(s->order.home, f->session->id, "journal");
            if (journal_reader_open(path, &f->reader, &err) < 0) {
                give_up(f, &err);
                return;
            }
        }
        if (!read_one(f, &err))
            return;
    }
}

void follow_pump(uv_idle_t *h)
{
    struct shim *s = h->data;
    struct session *se;
    bool more = false;
    LIST_FOREACH (se, &s->sessions, entry) {
        struct follow *f, *next;
        for (f = LIST_FIRST(&se->follows); f; f = next) {
            next = LIST_NEXT(f, entry);
            if (!f->paused && lags(f))
                catch_up(f);
        }
        LIST_FOREACH (f, &se->follows, entry)
            more = more || (!f->paused && lags(f));
    }
    if (!more)
        uv_idle_stop(h);
}

void follow_drained(struct shim *s, const struct peer *p)
{
    struct session *se;
    struct follow *f;
    LIST_FOREACH (se, &s->sessions, entry)
        LIST_FOREACH (f, &se->follows, entry)
            if (f->paused && call_peer(f->call) == p) {
                f->paused = false;
                wake(f);
            }
}

/* ---- session.read ---- */

static void read_done(struct follow *f, const struct err *err, void *ctx)
{
    struct call *c = ctx;
    json_t *result = json_object();
    json_object_set_new(result, "next", json_integer((json_int_t)f->next));
    follow_free(f);
    call_on_gone(c, NULL, NULL);
    if (err) {
        json_decref(result);
        call_fail(c, err);
    } else
        call_reply(c, result);
}

static void read_gone(struct call *c, void *ctx)
{
    struct follow *f = ctx;
    read_done(f, NULL, c);
}

void follow_request(struct session *se, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    json_int_t from = json_int(params, "from", 1), limit = json_int(params, "limit", 0);
    struct follow *f = follow_new(se, take_call, NULL, from > 0 ? (uint64_t)from : 1,
                                  limit > 0 ? (uint64_t)limit : 0, read_done, take_call);
    call_on_gone(take_call, read_gone, f);
    if (!json_flag(params, "follow", false))
        follow_stop(f);
}

void follow_end(struct session *se)
{
    struct follow *f, *next;
    for (f = LIST_FIRST(&se->follows); f; f = next) {
        next = LIST_NEXT(f, entry);
        if (f->done == read_done)
            read_done(f, NULL, f->ctx);
    }
}
