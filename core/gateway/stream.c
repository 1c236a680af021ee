/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/stream.h"

#include "base/mem.h"
#include "gateway/markdown.h"

#include <string.h>

/* One session.read under way. Its events may still come after it was cancelled: then x->follow is
 * another one (or none) and they are passed over. */
struct follow {
    struct exchange *x; /* a reference */
    uint64_t id;
};

static void ask(struct exchange *x);

static void queue(struct exchange *x, const char *head, json_int_t seq, const json_t *data)
{
    size_t len;
    _cleanup_free_ char *text = json_text(data, &len);
    size_t mark = x->out.len;
    int r = *head ? buf_appends(&x->out, head)
                  : buf_appendf(&x->out, "id: %" JSON_INTEGER_FORMAT "\n", seq);
    if (r == 0)
        r = buf_appends(&x->out, "data: ");
    if (r == 0)
        r = buf_append(&x->out, text, len);
    if (r == 0)
        r = buf_appends(&x->out, "\n\n");
    if (r < 0) { /* never half an event; the reader comes back for it */
        x->out.len = mark;
        x->closing = true;
    }
    exchange_wake(x);
}

static void let_go(struct exchange *x)
{
    if (!x->follow)
        return;
    peer_cancel(x->g->daemon, x->follow->id);
    x->follow = NULL;
}

static void on_record(const char *event, const json_t *data, void *ctx)
{
    struct follow *f = ctx;
    struct exchange *x = f->x;
    json_int_t seq = json_int(data, "seq", -1);
    if (x->follow != f || x->closing || strcmp(event, "record") != 0 || seq < 0 ||
        (uint64_t)seq < x->next)
        return;
    x->next = (uint64_t)seq + 1;
    _cleanup_json_ json_t *shown = markdown_dress(data);
    queue(x, "", seq, shown);
    if (x->out.len - x->sent > STREAM_HIGH)
        let_go(x);
}

static void on_read_done(const json_t *result, const struct err *err, void *ctx)
{
    struct follow *f = ctx;
    struct exchange *x = f->x;
    if (x->follow == f) { /* not cancelled by us: the session ended, or its shim is gone */
        x->follow = NULL;
        _cleanup_json_ json_t *why = err ? json_from_err(err) : json_object();
        queue(x, "event: gone\n", 0, why);
        x->closing = true;
    }
    exchange_unref(x);
    free(f);
}

static void ask(struct exchange *x)
{
    static const struct peer_reply reply = {.event = on_record, .done = on_read_done};
    struct follow *f = xnew(struct follow);
    f->x = exchange_ref(x);
    x->follow = f;
    f->id = peer_call(x->g->daemon, "session.read",
                      json_pack("{s:s, s:I, s:b}", "session", x->rq.session, "from",
                                (json_int_t)x->next, "follow", 1),
                      &reply, f);
}

void stream_begin(struct exchange *x, const char *session)
{
    snprintf(x->rq.session, sizeof x->rq.session, "%s", session);
    x->next = x->rq.from ? x->rq.from : 1;
    exchange_header(x, "x-accel-buffering", "no");
    exchange_stream(x, "text/event-stream");
    if (buf_appends(&x->out, "retry: 1000\n\n") < 0)
        return;
    lws_http_mark_sse(x->wsi);
    ask(x);
}

void stream_drained(struct exchange *x)
{
    if (!x->follow && !x->closing)
        ask(x);
}

void stream_end(struct exchange *x)
{
    let_go(x);
}
