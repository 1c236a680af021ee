/* SPDX-License-Identifier: Apache-2.0
 *
 * cells: the queue of a session. A cell is in the journal before its id is told to anyone; one runs
 * at a time; what waits behind an interrupted cell, or a dead kernel, is aborted.
 */
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "shim/session.h"
#include "shim/sync.h"
#include "shim/wait.h"

#include <signal.h>
#include <string.h>

enum { QUEUE_MAX = 1000 };

static void cell_free(struct cell *c)
{
    if (c)
        free(c->code);
    free(c);
}

static bool is_cell_id(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return n > 0 && n <= CELL_ID_MAX && !id[n];
}

static json_t *cell_record(const char *id, const char *kind, json_t *source, const char *origin)
{
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("cell"));
    json_object_set_new(rec, "cell", json_string(id));
    json_object_set_new(rec, "kind", json_string(kind));
    json_object_set(rec, "source", source);
    json_object_set_new(rec, "origin", json_string(origin));
    return rec;
}

static json_t *end_record(const char *cell, const char *status, const char *reason)
{
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("end"));
    json_object_set_new(rec, "cell", json_string(cell));
    json_object_set_new(rec, "status", json_string(status));
    json_object_set_new(rec, "count", json_null());
    json_object_set_new(rec, "reason", json_lossy(reason, strlen(reason)));
    return rec;
}

static const char *origin_of(const json_t *params)
{
    const char *origin = json_str(params, "origin", "sdk");
    return strlen(origin) <= 32 ? origin : "sdk";
}

static int dead_error(const struct session *se, struct err *err)
{
    int r = err_set(err, ERR_GUEST, "kernel_died", "the kernel of session %s is dead: %s", se->id,
                    se->reason);
    err_hint(err, "Start a new session; the notebook of this one is kept.");
    return r;
}

/* ---- running ---- */

static void run_now(struct session *se, struct cell *c)
{
    struct err err = ERR_INIT;
    se->running = c;
    se->state = SESSION_BUSY;
    if (kernel_execute(se->kernel, c->id, c->code, c->len, c->silent, false, &err) < 0)
        cells_ended(se, end_record(c->id, "aborted", err.msg));
}

void cells_next(struct session *se)
{
    while (se->state == SESSION_IDLE && !TAILQ_EMPTY(&se->queue)) {
        struct cell *c = TAILQ_FIRST(&se->queue);
        TAILQ_REMOVE(&se->queue, c, entry);
        se->queued--;
        run_now(se, c);
    }
}

void cells_started(struct session *se)
{
    se->running->started = true;
    if (!se->running->interrupt_owed)
        return;
    se->running->interrupt_owed = false;
    jobs_signal(se->shim, se->job, SIGINT);
}

/* The end is in the journal and in the notebook's file before those who wait hear of it. */
void cells_ended(struct session *se, json_t *take_end)
{
    struct cell *c = TAKE_PTR(se->running);
    struct err lost = c->lost;
    if (se->state == SESSION_BUSY)
        se->state = SESSION_IDLE;
    session_append_owed(se, take_end);
    session_save(se);
    sync_soon(se);
    wait_cell_ended(se, c->id, err_is_set(&lost) ? &lost : NULL);
    cell_free(c);
    cells_next(se);
}

void cells_abort_queue(struct session *se, const char *reason)
{
    struct cell *c;
    while ((c = TAILQ_FIRST(&se->queue))) {
        TAILQ_REMOVE(&se->queue, c, entry);
        se->queued--;
        session_append_owed(se, end_record(c->id, "aborted", reason));
        wait_cell_ended(se, c->id, NULL);
        cell_free(c);
    }
}

void cells_fail_running(struct session *se, const char *reason)
{
    if (se->running)
        session_record(se, end_record(se->running->id, "died", reason));
}

void cells_discard(struct session *se, const struct err *why)
{
    struct cell *c;
    while ((c = TAILQ_FIRST(&se->queue))) {
        TAILQ_REMOVE(&se->queue, c, entry);
        wait_cell_ended(se, c->id, why);
        cell_free(c);
    }
}

/* ---- requests ---- */

/* The caller lost its connection before it knew and asks again: the cell is joined, not run twice. */
static bool join(struct session *se, struct call *call, const char *id, const json_t *source,
                 struct err *err)
{
    _cleanup_json_ json_t *cell = fold_cell(se->fold, id);
    if (!cell)
        return false;
    if (!json_equal(json_object_get(cell, "source"), source)) {
        err_set(err, ERR_USER, "bad_parameter", "cell %s is there already, with other code", id);
        return false;
    }
    json_t *event = json_object();
    json_object_set_new(event, "cell", json_string(id));
    call_event(call, "cell", event);
    wait_request(se, call);
    return true;
}

static int check_execute(const struct session *se, const char *id, const json_t *code,
                         struct err *err)
{
    if (json_string_length(code) > LIMIT_CELL_SOURCE)
        return err_set(err, ERR_USER, "bad_parameter", "the code is longer than %u MiB",
                       LIMIT_CELL_SOURCE >> 20);
    if (!is_cell_id(id))
        return err_set(err, ERR_USER, "bad_parameter",
                       "'%.80s' is no cell id: 1 to 64 of A-Z a-z 0-9 - _", id);
    if (se->state == SESSION_DEAD)
        return dead_error(se, err);
    if (se->queued >= QUEUE_MAX)
        return err_set(err, ERR_BUSY, "busy", "%d cells wait in session %s already", QUEUE_MAX,
                       se->id);
    return 0;
}

static struct cell *cell_new(const char *id, const json_t *code, bool silent)
{
    struct cell *c = xnew(struct cell);
    snprintf(c->id, sizeof c->id, "%s", id);
    c->len = json_string_length(code);
    c->code = xmalloc(c->len + 1);
    memcpy(c->code, json_string_value(code), c->len + 1);
    c->silent = silent;
    return c;
}

void cells_execute(struct session *se, struct call *take_call)
{
    json_t *params = call_params(take_call), *code = json_object_get(params, "code");
    char fresh[ID_SHORT_LEN + 1];
    id_short(fresh);
    const char *given = json_str(params, "cell", NULL), *id = given ? given : fresh;
    struct err err = ERR_INIT;
    if (given && join(se, take_call, given, code, &err))
        return;
    int r = err_is_set(&err) ? -EINVAL : check_execute(se, id, code, &err);
    if (r == 0)
        r = session_append(se, cell_record(id, "code", code, origin_of(params)), &err);
    if (r < 0) {
        call_fail(take_call, &err);
        return;
    }
    struct cell *c = cell_new(id, code, json_flag(params, "silent", false));
    c->seq = journal_next_seq(se->journal) - 1;
    TAILQ_INSERT_TAIL(&se->queue, c, entry);
    se->queued++;
    json_t *event = json_object();
    json_object_set_new(event, "cell", json_string(id));
    call_event(take_call, "cell", event);
    wait_start(se, take_call, c->id, c->seq + 1);
    cells_next(se);
}

void cells_markdown(struct session *se, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    json_t *text = json_object_get(params, "markdown");
    char id[ID_SHORT_LEN + 1];
    id_short(id);
    struct err err = ERR_INIT;
    int r = 0;
    if (json_string_length(text) > LIMIT_CELL_SOURCE)
        r = err_set(&err, ERR_USER, "bad_parameter", "the text is longer than %u MiB",
                    LIMIT_CELL_SOURCE >> 20);
    if (r == 0)
        r = session_append(se, cell_record(id, "markdown", text, origin_of(params)), &err);
    if (r < 0) {
        call_fail(take_call, &err);
        return;
    }
    session_save(se);
    sync_soon(se);
    json_t *result = json_object();
    json_object_set_new(result, "cell", json_string(id));
    call_reply(take_call, result);
}

void cells_interrupt(struct session *se, struct call *take_call)
{
    struct err err = ERR_INIT;
    if (se->state == SESSION_STARTING || se->state == SESSION_DEAD) {
        if (se->state == SESSION_DEAD)
            dead_error(se, &err);
        else
            err_set(&err, ERR_BUSY, "busy", "session %s is still starting", se->id);
        call_fail(take_call, &err);
        return;
    }
    json_t *result = json_object();
    json_object_set_new(result, "was_busy", json_boolean(se->running != NULL));
    if (se->running) {
        struct cell *c = se->running;
        json_object_set_new(result, "cell", json_string(c->id));
        kernel_note_interrupt(se->kernel);
        /* Before it has begun the cell, the kernel would throw the signal away. */
        if (c->started || c->silent)
            jobs_signal(se->shim, se->job, SIGINT);
        else
            c->interrupt_owed = true;
    }
    cells_abort_queue(se, "interrupted before it began");
    session_save(se);
    call_reply(take_call, result);
}
