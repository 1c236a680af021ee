/* SPDX-License-Identifier: Apache-2.0
 *
 * record: the one way into a session's journal.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "shim/follow.h"
#include "shim/session.h"

#include <string.h>

enum { LATE_SAVE_MS = 500 }; /* many late outputs, one save */

/* What had no room before goes first, so that the journal keeps the order things happened in. */
static int pay_owed(struct session *se, struct err *err)
{
    while (json_array_size(se->owed)) {
        json_t *rec = json_array_get(se->owed, 0);
        uint64_t seq, time_ns;
        int r = journal_append(se->journal, rec, &seq, &time_ns, err);
        if (r < 0)
            return r;
        follow_notify(se, seq, time_ns, rec);
        json_array_remove(se->owed, 0);
    }
    return 0;
}

int session_append(struct session *se, json_t *take_rec, struct err *err)
{
    _cleanup_json_ json_t *rec = take_rec;
    uint64_t seq, time_ns;
    int r = pay_owed(se, err);
    if (r == 0)
        r = journal_append(se->journal, rec, &seq, &time_ns, err);
    if (r < 0)
        return r;
    fold_apply(se->fold, seq, time_ns, rec);
    follow_notify(se, seq, time_ns, rec);
    return 0;
}

void session_append_owed(struct session *se, json_t *take_rec)
{
    struct err err = ERR_INIT;
    if (session_append(se, json_incref(take_rec), &err) == 0) {
        json_decref(take_rec);
        return;
    }
    log_warn("session=%s a record waits for room: %s", se->id, err.msg);
    fold_apply(se->fold, journal_next_seq(se->journal), clock_wall_ns(), take_rec);
    json_array_append_new(se->owed, take_rec);
}

static json_t *dropped_record(const char *cell, uint64_t bytes, const char *reason)
{
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("dropped"));
    json_object_set_new(rec, "cell", json_string(cell));
    json_object_set_new(rec, "bytes", json_integer((json_int_t)bytes));
    json_object_set_new(rec, "reason", json_lossy(reason, strlen(reason)));
    return rec;
}

static uint64_t size_of(const json_t *rec)
{
    size_t len = 0;
    free(json_text(rec, &len));
    return len;
}

static void on_late(uv_timer_t *t)
{
    session_save(t->data);
}

/* An output of a cell. Once one could not be written, the rest of that cell is counted only: with
 * a hole in its middle it would read as if nothing were missing. */
static void record_output(struct session *se, json_t *take_rec)
{
    _cleanup_json_ json_t *rec = take_rec;
    const char *cell = json_str(rec, "cell", "");
    struct cell *running = se->running && strcmp(se->running->id, cell) == 0 ? se->running : NULL;
    if (running && err_is_set(&running->lost)) {
        running->lost_bytes += size_of(rec);
        return;
    }
    struct err err = ERR_INIT;
    if (session_append(se, json_incref(rec), &err) == 0) {
        if (!running && !uv_is_active((uv_handle_t *)&se->late))
            uv_timer_start(&se->late, on_late, LATE_SAVE_MS, 0);
        return;
    }
    if (strcmp(err.code, "record_too_large") != 0 && running) {
        running->lost = err;
        running->lost_bytes += size_of(rec);
        return;
    }
    session_append_owed(se, dropped_record(cell, size_of(rec), err.msg));
}

/* The cell's last words about what is missing, and the error for those who wait. */
static void say_lost(struct session *se, struct cell *c)
{
    if (!err_is_set(&c->lost))
        return;
    session_append_owed(se, dropped_record(c->id, c->lost_bytes, c->lost.msg));
    err_wrap(&c->lost, "%llu bytes of what the cell printed could not be recorded",
             (unsigned long long)c->lost_bytes);
}

void session_record(struct session *se, json_t *take_rec)
{
    const char *t = json_str(take_rec, "t", "");
    bool running = se->running && strcmp(se->running->id, json_str(take_rec, "cell", "")) == 0;
    if (strcmp(t, "end") == 0) {
        if (!running) { /* it has ended already, by our hand */
            json_decref(take_rec);
            return;
        }
        say_lost(se, se->running);
        cells_ended(se, take_rec);
        return;
    }
    bool start = strcmp(t, "start") == 0;
    record_output(se, take_rec);
    if (start && running)
        cells_started(se);
}

void session_save(struct session *se)
{
    _cleanup_free_ char *before = xstrdup(notebook_file_path(se->notebook));
    struct err err = ERR_INIT;
    int r = notebook_file_write(se->notebook, se->fold, &err);
    /* Somebody edited the file, so ours stands beside it now. */
    if (r == 0 && strcmp(before, notebook_file_path(se->notebook)) != 0)
        r = session_describe(se, false, &err);
    if (r == 0) {
        se->save_failed = false;
        return;
    }
    log_warn("session=%s the notebook could not be saved: %s", se->id, err.msg);
    if (se->save_failed)
        return; /* said before */
    se->save_failed = true;
    json_t *note = json_object();
    json_object_set_new(note, "t", json_string("note"));
    json_object_set_new(note, "level", json_string("warn"));
    json_object_set_new(note, "text", json_lossy(err.msg, strlen(err.msg)));
    if (session_append(se, note, &err) < 0)
        log_warn("session=%s that could not be recorded either: %s", se->id, err.msg);
}
