/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/routes.h"

#include "base/mem.h"
#include "gateway/page.h"
#include "gateway/stream.h"

#include <string.h>

#define JSON_TYPE "application/json"

struct route {
    enum request_method method;
    const char *path;
    bool open; /* needs no token */
    /* check: what gateway.check answered, NULL for an open route. */
    void (*run)(struct exchange *x, const json_t *check);
};

static void answer_json(struct exchange *x, const json_t *j)
{
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len);
    exchange_answer(x, 200, JSON_TYPE, text, len);
}

/* --- what needs no token ----------------------------------------------------------------------- */

static void on_api(struct exchange *x, const json_t *check)
{
    _cleanup_json_ json_t *j = json_pack("{s:s}", "version", SEER_VERSION);
    answer_json(x, j);
}

/* A file of the page: no secret is in it. */
static void on_file(struct exchange *x, const json_t *check)
{
    for (size_t i = 0; i < page_files_count; i++)
        if (strcmp(page_files[i].name, x->rq.path) == 0)
            exchange_answer_static(x, page_files[i].type, page_files[i].data, page_files[i].len);
}

static bool is_file(const char *path)
{
    for (size_t i = 0; i < page_files_count; i++)
        if (strcmp(page_files[i].name, path) == 0)
            return true;
    return false;
}

/* --- what does --------------------------------------------------------------------------------- */

static void on_page(struct exchange *x, const json_t *check)
{
    char cookie[REQUEST_WORD_MAX * 3 + 64];
    if (x->rq.token_from == TOKEN_QUERY) { /* so that the page can take it out of the address */
        snprintf(cookie, sizeof cookie, "seer_%s=%s; Path=/s/%s/; HttpOnly; SameSite=Strict",
                 x->rq.sandbox, x->rq.token, x->rq.sandbox);
        exchange_header(x, "set-cookie", cookie);
    }
    snprintf(x->rq.path, sizeof x->rq.path, "page.html");
    on_file(x, NULL);
}

static void on_sessions(struct exchange *x, const json_t *check)
{
    answer_json(x, check);
}

/* The session asked for, when it is one of the sandbox's; the only one when none was named. */
static const json_t *pick_session(struct exchange *x, const json_t *check)
{
    const json_t *all = json_object_get(check, "sessions");
    size_t i;
    json_t *s;
    if (!x->rq.session[0] && json_array_size(all) == 1)
        return json_array_get(all, 0);
    json_array_foreach (all, i, s)
        if (strcmp(json_str(s, "session", ""), x->rq.session) == 0)
            return s;
    if (x->rq.session[0])
        exchange_fail(x, 404, "no_such_session", "This sandbox has no such session.");
    else
        exchange_fail(x, 400, "bad_parameter", "Name the session: ?session=ID.");
    return NULL;
}

static void on_events(struct exchange *x, const json_t *check)
{
    const json_t *s = pick_session(x, check);
    if (!s)
        return;
    if (x->g->exchanges > STREAMS_MAX)
        exchange_fail(x, 503, "busy", "Too many pages are open.");
    else
        stream_begin(x, json_str(s, "session", ""));
}

static void on_notebook_got(const json_t *r, const struct err *err, void *ctx)
{
    struct exchange *x = ctx;
    if (err) {
        exchange_fail_err(x, err);
    } else {
        char value[200], name[128];
        const char *path = json_str(r, "path", "notebook.ipynb"), *slash = strrchr(path, '/');
        size_t n = 0;
        for (const char *p = slash ? slash + 1 : path; *p && n < sizeof name - 1; p++)
            name[n++] = (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e || strchr("\"\\;", *p)
                            ? '_'
                            : *p;
        name[n] = '\0';
        snprintf(value, sizeof value, "attachment; filename=\"%s\"", name);
        exchange_header(x, "content-disposition", value);
        _cleanup_free_ char *text = json_dumps(json_object_get(r, "notebook"), JSON_INDENT(1));
        exchange_answer(x, 200, "application/x-ipynb+json", text ? text : "{}",
                        text ? strlen(text) : 2);
    }
    exchange_unref(x);
}

static void on_notebook(struct exchange *x, const json_t *check)
{
    static const struct peer_reply reply = {.done = on_notebook_got};
    const json_t *s = pick_session(x, check);
    if (s)
        peer_call(x->g->daemon, "session.notebook",
                  json_pack("{s:O}", "session", json_object_get(s, "session")), &reply,
                  exchange_ref(x));
}

static void on_passed_on(const json_t *r, const struct err *err, void *ctx)
{
    struct exchange *x = ctx;
    if (err)
        exchange_fail_err(x, err);
    else
        answer_json(x, r);
    exchange_unref(x);
}

static void on_interrupt(struct exchange *x, const json_t *check)
{
    static const struct peer_reply reply = {.done = on_passed_on};
    const json_t *s = pick_session(x, check);
    if (s)
        peer_call(x->g->daemon, "session.interrupt",
                  json_pack("{s:O}", "session", json_object_get(s, "session")), &reply,
                  exchange_ref(x));
}

static const struct route routes[] = {
    {REQUEST_GET, "api", true, on_api},
    {REQUEST_GET, "", false, on_page},
    {REQUEST_GET, "sessions", false, on_sessions},
    {REQUEST_GET, "events", false, on_events},
    {REQUEST_GET, "notebook.ipynb", false, on_notebook},
    {REQUEST_POST, "interrupt", false, on_interrupt},
};

/* A question about the token, with the route that waits for its answer. */
struct check {
    struct exchange *x; /* a reference */
    const struct route *route;
};

static void on_checked(const json_t *result, const struct err *err, void *ctx)
{
    struct check *c = ctx;
    if (!c->x->wsi)
        ; /* the browser left meanwhile */
    else if (err)
        exchange_fail_err(c->x, err);
    else
        c->route->run(c->x, result);
    exchange_unref(c->x);
    free(c);
}

static void check_token(struct exchange *x, const struct route *route)
{
    static const struct peer_reply reply = {.done = on_checked};
    struct check *c = xnew(struct check);
    *c = (struct check){.x = exchange_ref(x), .route = route};
    peer_call(x->g->daemon, "gateway.check",
              json_pack("{s:s, s:s}", "sandbox", x->rq.sandbox, "token", x->rq.token), &reply, c);
}

static void add_slash(struct exchange *x)
{
    char to[REQUEST_WORD_MAX * 2 + 32];
    bool token = x->rq.token_from == TOKEN_QUERY;
    snprintf(to, sizeof to, "/s/%s/%s%s", x->rq.sandbox, token ? "?token=" : "",
             token ? x->rq.token : "");
    exchange_header(x, "location", to);
    exchange_answer(x, 308, JSON_TYPE, "{}", 2);
}

void routes_run(struct exchange *x, bool xsrf)
{
    static const struct route file = {REQUEST_GET, "", true, on_file};
    bool path_known = is_file(x->rq.path);
    const struct route *found = path_known && x->rq.method == REQUEST_GET ? &file : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        if (strcmp(routes[i].path, x->rq.path) == 0) {
            path_known = true;
            if (routes[i].method == x->rq.method)
                found = &routes[i];
        }
    if (x->rq.no_slash && x->rq.method == REQUEST_GET)
        add_slash(x);
    else if (!path_known)
        exchange_fail(x, 404, "not_found", "There is nothing at this address.");
    else if (!found)
        exchange_fail(x, 405, "bad_method", "This address does not take that method.");
    else if (found->open)
        found->run(x, NULL);
    else if (x->rq.token_from == TOKEN_NONE)
        exchange_fail(x, 401, "no_token",
                      "This page needs its token. Open the address that seer printed, with ?token= "
                      "in it.");
    else if (found->method == REQUEST_POST && x->rq.token_from == TOKEN_COOKIE && !xsrf)
        exchange_fail(x, 403, "no_xsrf", "A request that changes something needs X-XSRFToken.");
    else
        check_token(x, found);
}
