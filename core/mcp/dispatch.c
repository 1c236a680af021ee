/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/dispatch.h"

#include "base/mem.h"

#include <string.h>

/* Answers of a JSON-RPC batch (2025-03-26) are held back until the last is there. */
struct batch {
    json_t *answers; /* owned */
    size_t open;
};

struct mcp_call {
    struct mcp *m;       /* borrowed */
    json_t *id;          /* owned */
    json_t *args;        /* owned */
    json_t *token;       /* owned; NULL when the client wants no progress */
    struct batch *batch; /* counted in batch->open */
    enum mcp_version version;
    double progress;
    bool cancelled;
    void *data; /* the tool's */
    struct mcp_call *prev, *next;
};

struct mcp {
    struct mcp_ops ops;
    void *ctx;
    const struct mcp_tool *tools;
    size_t tools_count;
    enum mcp_version version; /* what initialize agreed on */
    struct mcp_call *calls;
    size_t in_flight;
};

/* One request while it is looked at. */
struct request {
    struct mcp *m;
    const json_t *id;
    const json_t *params;
    struct batch *batch;
    enum mcp_version version;
};

static const char instructions[] =
    "seer runs Python in a sandbox and keeps a notebook of it. Use the session_id (and "
    "jupyter_url) "
    "that the set-up script printed: attach_to_session first, then execute_code. Variables live on "
    "between calls. Models named by attach_to_session are loaded already; do not load them again.";

struct mcp *mcp_new(const struct mcp_ops *ops, void *ctx, const struct mcp_tool *tools,
                    size_t tools_count)
{
    struct mcp *m = xnew(struct mcp);
    *m = (struct mcp){.ops = *ops, .ctx = ctx, .tools = tools, .tools_count = tools_count};
    return m;
}

void mcp_free(struct mcp *m)
{
    free(m);
}

size_t mcp_in_flight(const struct mcp *m)
{
    return m->in_flight;
}

static void send_json(struct mcp *m, const json_t *j)
{
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len);
    m->ops.send(text, len, m->ctx);
}

static struct batch *batch_new(void)
{
    struct batch *b = xnew(struct batch);
    b->answers = json_array();
    b->open = 1; /* held by the loop over the batch */
    return b;
}

static void batch_done_one(struct mcp *m, struct batch *b)
{
    if (--b->open)
        return;
    if (json_array_size(b->answers))
        send_json(m, b->answers);
    json_decref(b->answers);
    free(b);
}

static void answer(struct mcp *m, struct batch *b, json_t *take_message)
{
    if (b) {
        json_array_append_new(b->answers, take_message);
        return;
    }
    send_json(m, take_message);
    json_decref(take_message);
}

static json_t *envelope(const json_t *id)
{
    json_t *j = json_pack("{s:s}", "jsonrpc", "2.0");
    json_object_set(j, "id", id ? (json_t *)id : json_null());
    return j;
}

static void fail(const struct request *rq, enum mcp_error code, const char *message,
                 json_t *take_data)
{
    json_t *j = envelope(rq->id);
    json_t *e = json_pack("{s:i}", "code", (int)code);
    json_object_set_new(e, "message", json_lossy(message, strlen(message)));
    if (take_data)
        json_object_set_new(e, "data", take_data);
    json_object_set_new(j, "error", e);
    answer(rq->m, rq->batch, j);
}

/* What a revision asks of every result, and what it does not know yet. */
static void dress(enum mcp_version v, json_t *result)
{
    if (v >= MCP_2026_07_28)
        json_object_set_new(result, "resultType", json_string("complete"));
    if (v < MCP_2025_06_18)
        json_object_del(result, "structuredContent");
}

static void reply(const struct request *rq, json_t *take_result)
{
    json_t *j = envelope(rq->id);
    dress(rq->version, take_result);
    json_object_set_new(j, "result", take_result);
    answer(rq->m, rq->batch, j);
}

static json_t *server_info(enum mcp_version v)
{
    json_t *info = json_pack("{s:s, s:s}", "name", "seer", "version", SEER_VERSION);
    if (v >= MCP_2025_06_18)
        json_object_set_new(info, "title", json_string("Seer"));
    return info;
}

static json_t *capabilities(void)
{
    return json_pack("{s:{s:b}}", "tools", "listChanged", 0);
}

/* An hour: the tools change only with the program. */
static void cacheable(enum mcp_version v, json_t *result)
{
    if (v < MCP_2026_07_28)
        return;
    json_object_set_new(result, "ttlMs", json_integer(3600000));
    json_object_set_new(result, "cacheScope", json_string("public"));
}

/* --- methods ----------------------------------------------------------------------------------- */

static void on_initialize(struct request *rq)
{
    const char *asked = json_str(rq->params, "protocolVersion", NULL);
    if (!asked || rq->batch) {
        fail(rq, MCP_INVALID_REQUEST,
             rq->batch ? "initialize cannot be part of a batch"
                       : "initialize needs protocolVersion",
             NULL);
        return;
    }
    enum mcp_version v = mcp_version_parse(asked);
    if (v == MCP_NONE || v > MCP_LATEST_LEGACY)
        v = MCP_LATEST_LEGACY; /* the client decides whether it can speak that */
    rq->m->version = rq->version = v;
    reply(rq,
          json_pack("{s:s, s:o, s:o, s:s}", "protocolVersion", mcp_version_name(v), "capabilities",
                    capabilities(), "serverInfo", server_info(v), "instructions", instructions));
}

static void on_discover(struct request *rq)
{
    json_t *r = json_pack("{s:o, s:o, s:s, s:{s:o}}", "supportedVersions", mcp_version_list(),
                          "capabilities", capabilities(), "instructions", instructions, "_meta",
                          MCP_META_SERVER, server_info(rq->version));
    cacheable(rq->version, r);
    reply(rq, r);
}

static void on_ping(struct request *rq)
{
    reply(rq, json_object());
}

static void on_tools_list(struct request *rq)
{
    if (json_object_get(rq->params, "cursor")) {
        fail(rq, MCP_INVALID_PARAMS, "there is no such page: all tools are in the first", NULL);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < rq->m->tools_count; i++)
        json_array_append_new(list, mcp_tool_describe(&rq->m->tools[i], rq->version));
    json_t *r = json_pack("{s:o}", "tools", list);
    cacheable(rq->version, r);
    reply(rq, r);
}

static struct mcp_call *find_call(const struct mcp *m, const json_t *id)
{
    for (struct mcp_call *c = m->calls; c; c = c->next)
        if (!c->cancelled && json_equal(c->id, id))
            return c;
    return NULL;
}

static void start_call(struct request *rq, const struct mcp_tool *tool, const json_t *args)
{
    struct mcp *m = rq->m;
    struct mcp_call *c = xnew(struct mcp_call);
    c->m = m;
    c->id = json_incref((json_t *)rq->id);
    c->args = args ? json_incref((json_t *)args) : json_object();
    const json_t *token = json_object_get(json_object_get(rq->params, "_meta"), "progressToken");
    if (json_is_string(token) || json_is_integer(token))
        c->token = json_incref((json_t *)token);
    c->version = rq->version;
    c->batch = rq->batch;
    if (c->batch)
        c->batch->open++;
    c->next = m->calls;
    if (c->next)
        c->next->prev = c;
    m->calls = c;
    m->in_flight++;
    tool->run(c, m->ctx);
}

static void on_tools_call(struct request *rq)
{
    struct mcp *m = rq->m;
    const char *name = json_str(rq->params, "name", NULL);
    const json_t *args = json_object_get(rq->params, "arguments");
    struct err err = ERR_INIT;
    char text[128];
    const struct mcp_tool *t = name ? mcp_tool_find(m->tools, m->tools_count, name) : NULL;
    if (!t || (args && !json_is_object(args))) {
        snprintf(text, sizeof text,
                 !name ? "tools/call needs a name"
                 : t   ? "the arguments of %.60s must be an object"
                       : "Unknown tool: %.60s",
                 name ? name : "");
        fail(rq, MCP_INVALID_PARAMS, text, NULL);
    } else if (m->in_flight >= MCP_CALLS_MAX) {
        fail(rq, MCP_INTERNAL_ERROR, "too many calls are in flight: wait for some to end", NULL);
    } else if (mcp_tool_check(t, args, &err) == 0) {
        start_call(rq, t, args);
    } else if (rq->version >= MCP_2025_11_25) {
        reply(rq, mcp_text_result(err.msg, true)); /* so that the agent sees it and mends it */
    } else {
        fail(rq, MCP_INVALID_PARAMS, err.msg, NULL);
    }
}

static const struct method_entry {
    const char *name;
    enum mcp_version first, last; /* revisions that know it */
    void (*run)(struct request *rq);
} methods[] = {
    {"initialize", MCP_NONE, MCP_LATEST_LEGACY, on_initialize},
    {"ping", MCP_NONE, MCP_LATEST_LEGACY, on_ping},
    {"server/discover", MCP_2026_07_28, MCP_2026_07_28, on_discover},
    {"tools/list", MCP_2024_11_05, MCP_2026_07_28, on_tools_list},
    {"tools/call", MCP_2024_11_05, MCP_2026_07_28, on_tools_call},
};

static void dispatch(struct request *rq, const char *method)
{
    const struct method_entry *known = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (strcmp(methods[i].name, method) == 0)
            known = &methods[i];
    char text[128];
    if (known && known->first <= rq->version && rq->version <= known->last) {
        known->run(rq);
    } else if (rq->version == MCP_NONE && known && known->first <= MCP_LATEST_LEGACY) {
        fail(rq, MCP_INVALID_REQUEST,
             "send initialize first, or name the protocol version in _meta (2026-07-28)", NULL);
    } else {
        snprintf(text, sizeof text, "Method not found: %.80s", method);
        fail(rq, MCP_METHOD_NOT_FOUND, text, NULL);
    }
}

/* The revision a request speaks. False when it was refused already. */
static bool find_era(struct request *rq)
{
    const json_t *meta = json_object_get(rq->params, "_meta");
    const json_t *named = json_object_get(meta, MCP_META_VERSION);
    rq->version = rq->m->version;
    if (!named)
        return true;
    const char *text = json_string_value(named);
    rq->version = mcp_version_parse(text);
    if (!text || !json_is_object(json_object_get(meta, MCP_META_CAPABILITIES))) {
        fail(rq, MCP_INVALID_PARAMS,
             text ? "_meta lacks " MCP_META_CAPABILITIES : MCP_META_VERSION " must be a string",
             NULL);
        return false;
    }
    if (rq->version == MCP_2026_07_28)
        return true;
    fail(rq, MCP_UNSUPPORTED_VERSION, "Unsupported protocol version",
         json_pack("{s:o, s:O}", "supported", mcp_version_list(), "requested", named));
    return false;
}

static void on_cancelled(struct mcp *m, const json_t *params)
{
    const json_t *id = json_object_get(params, "requestId");
    struct mcp_call *c = id ? find_call(m, id) : NULL;
    if (!c)
        return; /* ended meanwhile, or never was: the specification says to ignore it */
    c->cancelled = true;
    if (m->ops.cancelled)
        m->ops.cancelled(c, m->ctx);
}

/* One message that is an object. */
static void on_object(struct mcp *m, const json_t *msg, struct batch *batch)
{
    struct request rq = {.m = m, .batch = batch};
    const json_t *id = json_object_get(msg, "id");
    const json_t *method = json_object_get(msg, "method");
    rq.params = json_object_get(msg, "params");
    if (!method && (json_object_get(msg, "result") || json_object_get(msg, "error")))
        return; /* an answer; we never ask */
    bool id_good = json_is_string(id) || json_is_integer(id);
    if (id_good)
        rq.id = id;
    if (strcmp(json_str(msg, "jsonrpc", ""), "2.0") != 0 || !json_is_string(method) ||
        (id && !id_good) || (rq.params && !json_is_object(rq.params))) {
        fail(&rq, MCP_INVALID_REQUEST, "this is not a JSON-RPC 2.0 request", NULL);
        return;
    }
    if (!id) {
        if (strcmp(json_string_value(method), "notifications/cancelled") == 0)
            on_cancelled(m, rq.params);
        return;
    }
    if (find_call(m, id)) {
        fail(&rq, MCP_INVALID_REQUEST, "a request with this id is still in flight", NULL);
        return;
    }
    if (find_era(&rq))
        dispatch(&rq, json_string_value(method));
}

static void on_batch(struct mcp *m, const json_t *msgs)
{
    struct request rq = {.m = m};
    bool known = m->version == MCP_2024_11_05 || m->version == MCP_2025_03_26;
    if (!known || json_array_size(msgs) == 0 || json_array_size(msgs) > MCP_CALLS_MAX) {
        fail(&rq, MCP_INVALID_REQUEST,
             known ? "this batch is empty or too long"
                   : "batches belong to revision 2025-03-26 only",
             NULL);
        return;
    }
    struct batch *b = batch_new();
    size_t i;
    json_t *msg;
    json_array_foreach (msgs, i, msg) {
        rq.batch = b;
        if (json_is_object(msg))
            on_object(m, msg, b);
        else
            fail(&rq, MCP_INVALID_REQUEST, "this is not a JSON-RPC 2.0 request", NULL);
    }
    batch_done_one(m, b);
}

void mcp_message(struct mcp *m, const char *data, size_t len)
{
    struct err err = ERR_INIT;
    struct request rq = {.m = m};
    _cleanup_json_ json_t *j = json_parse_any(data, len, &err);
    if (!j)
        fail(&rq, MCP_PARSE_ERROR, err.msg, NULL);
    else if (json_is_array(j))
        on_batch(m, j);
    else if (json_is_object(j))
        on_object(m, j, NULL);
    else
        fail(&rq, MCP_INVALID_REQUEST, "this is not a JSON-RPC 2.0 request", NULL);
}

void mcp_too_long(struct mcp *m)
{
    struct request rq = {.m = m};
    fail(&rq, MCP_INVALID_REQUEST, "the message is longer than 32 MiB", NULL);
}

/* --- calls ------------------------------------------------------------------------------------- */

const json_t *mcp_call_args(const struct mcp_call *c)
{
    return c->args;
}

void mcp_call_set_data(struct mcp_call *c, void *data)
{
    c->data = data;
}

void *mcp_call_data(const struct mcp_call *c)
{
    return c->data;
}

bool mcp_call_wants_progress(const struct mcp_call *c)
{
    return c->token && !c->cancelled;
}

void mcp_call_progress(struct mcp_call *c, double value, const char *message)
{
    if (!mcp_call_wants_progress(c) || !(value > c->progress))
        return;
    c->progress = value;
    json_t *params = json_pack("{s:O, s:f}", "progressToken", c->token, "progress", value);
    if (c->version >= MCP_2025_03_26)
        json_object_set_new(params, "message", json_lossy(message, strlen(message)));
    _cleanup_json_ json_t *j = json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method",
                                         "notifications/progress", "params", params);
    send_json(c->m, j);
}

void mcp_call_finish(struct mcp_call *c, json_t *take_result)
{
    struct mcp *m = c->m;
    struct request rq = {.m = m, .id = c->id, .batch = c->batch, .version = c->version};
    if (c->cancelled)
        json_decref(take_result);
    else
        reply(&rq, take_result);
    if (c->batch)
        batch_done_one(m, c->batch);
    if (c->prev)
        c->prev->next = c->next;
    else
        m->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    m->in_flight--;
    json_decref(c->id);
    json_decref(c->args);
    json_decref(c->token);
    free(c);
}

json_t *mcp_text_result(const char *text, bool is_error)
{
    return json_pack("{s:[{s:s, s:o}], s:b}", "content", "type", "text", "text",
                     json_lossy(text, strlen(text)), "isError", (int)is_error);
}
