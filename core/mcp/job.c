/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/job.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "mcp/content.h"

#include <string.h>

/* Between two progress notifications; clients take each as a sign of life (their idle limits are
 * minutes), nobody reads them faster. */
#define PROGRESS_MIN_MS 500
#define PROGRESS_IDLE_MS 5000
/* A page of get_output. */
#define OUTPUT_PAGE CONTENT_TEXT_MAX

struct job {
    struct mcp_call *call;     /* owned: finished by us */
    struct mcp_server *server; /* borrowed */
    char *session;             /* owned */
    uv_timer_t *tick;          /* owned by the loop; NULL when no progress is wanted */
    uint64_t start_ms, told_ms;
    size_t outputs; /* records of output seen */
    bool running;   /* the kernel has begun our cell */
    bool cancelled;
};

static struct job *job_new(struct mcp_call *call, struct mcp_server *server)
{
    struct job *j = xnew(struct job);
    j->call = call;
    j->server = server;
    j->session = xstrdup(json_str(mcp_call_args(call), "session_id", ""));
    j->start_ms = clock_boot_ms();
    mcp_call_set_data(call, j);
    return j;
}

static void on_tick_closed(uv_handle_t *h)
{
    free(h);
}

static void job_end(struct job *j, json_t *take_result)
{
    if (j->tick)
        uv_close((uv_handle_t *)j->tick, on_tick_closed);
    mcp_call_finish(j->call, take_result);
    free(j->session);
    free(j);
}

/* {"session": ...} for seerd. */
static json_t *about(const struct job *j)
{
    return json_pack("{s:s}", "session", j->session);
}

static json_t *arg(const struct job *j, const char *name)
{
    return json_object_get(mcp_call_args(j->call), name);
}

static json_t *text_block(const char *text)
{
    return json_pack("[{s:s, s:o}]", "type", "text", "text", json_lossy(text, strlen(text)));
}

/* --- attach_to_session ------------------------------------------------------------------------- */

static void on_found(const json_t *r, const struct err *err, void *ctx)
{
    struct job *j = ctx;
    if (err) {
        job_end(j, content_from_err(err));
        return;
    }
    const char *model = json_str(r, "model_info_text", "");
    _cleanup_free_ char *text =
        xasprintf("Attached to session %s (\"%s\"), which is %s.\nNotebook: %s\n%s%s%s",
                  json_str(r, "session", j->session), json_str(r, "name", ""),
                  json_str(r, "state", "unknown"), json_str(r, "notebook", "none yet"),
                  *model ? "\n" : "", model, *model ? "" : "No models are loaded in this session.");
    json_t *s =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "session_id",
                  json_str(r, "session", j->session), "name", json_str(r, "name", ""), "state",
                  json_str(r, "state", ""), "notebook", json_str(r, "notebook", ""), "jupyter_url",
                  json_str(r, "jupyter_url", ""), "model_info", model);
    job_end(j, json_pack("{s:o, s:b, s:o}", "content", text_block(text), "isError", 0,
                         "structuredContent", s));
}

void job_attach(struct mcp_call *take_call, void *ctx)
{
    static const struct peer_reply reply = {.done = on_found};
    struct job *j = job_new(take_call, ctx);
    json_t *p = about(j);
    json_object_set(p, "jupyter_url", arg(j, "jupyter_url"));
    link_call(j->server->link, "session.find", p, LINK_AGAIN, &reply, j);
}

/* --- execute_code ------------------------------------------------------------------------------ */

static void ignore_done(const json_t *result, const struct err *err, void *ctx)
{
}

static void send_interrupt(struct job *j)
{
    static const struct peer_reply reply = {.done = ignore_done};
    link_call(j->server->link, "session.interrupt", about(j), LINK_ONCE, &reply, NULL);
}

void job_cancelled(struct mcp_call *call, void *ctx)
{
    struct job *j = mcp_call_data(call);
    if (!j)
        return;
    j->cancelled = true;
    /* A cell that still waits in the queue is interrupted when its turn comes: an interrupt now
     * would hit somebody else's. */
    if (j->running)
        send_interrupt(j);
}

static void tell_progress(struct job *j)
{
    uint64_t now = clock_boot_ms();
    char text[96];
    j->told_ms = now;
    double seconds = (double)(now - j->start_ms) / 1000;
    if (!j->running)
        snprintf(text, sizeof text, "waiting for the kernel, %.0f s", seconds);
    else
        snprintf(text, sizeof text, "running for %.0f s, %zu output%s", seconds, j->outputs,
                 j->outputs == 1 ? "" : "s");
    mcp_call_progress(j->call, seconds, text);
}

static void on_tick(uv_timer_t *t)
{
    tell_progress(t->data);
}

static void start_ticking(struct job *j)
{
    if (!mcp_call_wants_progress(j->call))
        return;
    j->tick = xnew(uv_timer_t);
    uv_timer_init(j->server->loop, j->tick);
    j->tick->data = j;
    uv_timer_start(j->tick, on_tick, PROGRESS_IDLE_MS, PROGRESS_IDLE_MS);
}

static void on_cell_event(const char *event, const json_t *data, void *ctx)
{
    struct job *j = ctx;
    if (strcmp(event, "record") != 0)
        return;
    const json_t *rec = json_object_get(data, "rec");
    const char *t = json_str(rec ? rec : data, "t", "");
    if (strcmp(t, "start") == 0 && !j->running) {
        j->running = true;
        if (j->cancelled)
            send_interrupt(j);
    } else if (strcmp(t, "output") == 0) {
        j->running = true;
        j->outputs++;
    }
    if (clock_boot_ms() - j->told_ms >= PROGRESS_MIN_MS)
        tell_progress(j);
}

static void on_executed(const json_t *result, const struct err *err, void *ctx)
{
    struct job *j = ctx;
    job_end(j, err ? content_from_err(err) : content_from_cell(result, j->session));
}

void job_execute(struct mcp_call *take_call, void *ctx)
{
    static const struct peer_reply reply = {.event = on_cell_event, .done = on_executed};
    struct job *j = job_new(take_call, ctx);
    char cell[ID_SHORT_LEN + 1];
    id_short(cell);
    json_t *p = about(j);
    json_object_set(p, "code", arg(j, "code"));
    if (arg(j, "timeout"))
        json_object_set(p, "timeout", arg(j, "timeout"));
    json_object_set_new(p, "cell", json_string(cell));
    json_object_set_new(p, "origin", json_string("mcp"));
    json_object_set_new(p, "max_bytes", json_integer(CONTENT_TEXT_MAX));
    start_ticking(j);
    link_call(j->server->link, "session.execute", p, LINK_EXECUTE, &reply, j);
}

/* --- the small ones ---------------------------------------------------------------------------- */

static void on_marked(const json_t *r, const struct err *err, void *ctx)
{
    struct job *j = ctx;
    if (err) {
        job_end(j, content_from_err(err));
        return;
    }
    const char *cell = json_str(r, "cell", "");
    _cleanup_free_ char *text = xasprintf("Added markdown cell %s.", cell);
    job_end(j, json_pack("{s:o, s:b, s:{s:s}}", "content", text_block(text), "isError", 0,
                         "structuredContent", "cell", cell));
}

void job_markdown(struct mcp_call *take_call, void *ctx)
{
    static const struct peer_reply reply = {.done = on_marked};
    struct job *j = job_new(take_call, ctx);
    json_t *p = about(j);
    json_object_set(p, "markdown", arg(j, "markdown"));
    json_object_set_new(p, "origin", json_string("mcp"));
    link_call(j->server->link, "session.markdown", p, LINK_ONCE, &reply, j);
}

static void on_output(const json_t *r, const struct err *err, void *ctx)
{
    struct job *j = ctx;
    if (err) {
        job_end(j, content_from_err(err));
        return;
    }
    json_int_t total = json_int(r, "total", 0), next = json_int(r, "next", -1);
    const char *text = json_str(r, "text", "");
    char note[160];
    if (next >= 0 && next < total)
        snprintf(note, sizeof note,
                 "[%" JSON_INTEGER_FORMAT " in all; go on with offset=%" JSON_INTEGER_FORMAT "]",
                 total, next);
    else
        snprintf(note, sizeof note, "[end; %" JSON_INTEGER_FORMAT " in all]", total);
    json_t *blocks = text_block(*text ? text : "(no output)");
    json_array_append_new(blocks, json_pack("{s:s, s:s}", "type", "text", "text", note));
    json_t *page = json_pack("{s:I}", "total", total);
    if (next >= 0)
        json_object_set_new(page, "next", json_integer(next));
    job_end(j, json_pack("{s:o, s:b, s:{s:o}}", "content", blocks, "isError", 0, "_meta",
                         "seer/page", page));
}

static json_int_t int_arg(const struct job *j, const char *name, json_int_t fallback)
{
    const json_t *v = arg(j, name);
    return json_is_number(v) ? (json_int_t)json_number_value(v) : fallback;
}

void job_output(struct mcp_call *take_call, void *ctx)
{
    static const struct peer_reply reply = {.done = on_output};
    struct job *j = job_new(take_call, ctx);
    json_int_t length = int_arg(j, "length", OUTPUT_PAGE);
    json_t *p = about(j);
    json_object_set(p, "cell", arg(j, "cell"));
    json_object_set_new(p, "offset", json_integer(int_arg(j, "offset", 0)));
    json_object_set_new(p, "length", json_integer(length < OUTPUT_PAGE ? length : OUTPUT_PAGE));
    link_call(j->server->link, "session.output", p, LINK_AGAIN, &reply, j);
}

static void on_interrupted(const json_t *r, const struct err *err, void *ctx)
{
    struct job *j = ctx;
    if (err) {
        job_end(j, content_from_err(err));
        return;
    }
    bool busy = json_flag(r, "was_busy", false);
    job_end(j,
            json_pack("{s:o, s:b, s:{s:b}}", "content",
                      text_block(busy ? "Interrupted the running cell." : "Nothing was running."),
                      "isError", 0, "structuredContent", "was_busy", (int)busy));
}

void job_interrupt(struct mcp_call *take_call, void *ctx)
{
    static const struct peer_reply reply = {.done = on_interrupted};
    struct job *j = job_new(take_call, ctx);
    link_call(j->server->link, "session.interrupt", about(j), LINK_ONCE, &reply, j);
}
