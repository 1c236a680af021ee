/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"

#include "base/mem.h"
#include "gateway/routes.h"

#include <string.h>

/* All headers of one request: a cookie per sandbox the browser has seen adds up. */
#define HEADERS_MAX 16384
#define HEADER_VALUE_MAX 8192
#define ARGS_MAX 16

/* What libwebsockets keeps for us per connection. */
struct connection {
    struct exchange *x;
};

/* A header's value; false when there is none or it is too long. */
static bool get_header(struct lws *wsi, enum lws_token_indexes which, char *value, size_t *ret_len)
{
    int n = lws_hdr_copy(wsi, value, HEADER_VALUE_MAX, which);
    *ret_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool get_custom(struct lws *wsi, const char *name, char *value, size_t *ret_len)
{
    int n = lws_hdr_custom_copy(wsi, value, HEADER_VALUE_MAX, name, (int)strlen(name));
    *ret_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void read_parts(struct lws *wsi, struct request *rq)
{
    char value[HEADER_VALUE_MAX];
    size_t len;
    for (int i = 0; i < ARGS_MAX; i++) {
        int n = lws_hdr_copy_fragment(wsi, value, sizeof value, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0)
            break;
        request_set_arg(rq, value, (size_t)n);
    }
    if (get_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, value, &len))
        request_set_authorization(rq, value, len);
    if (get_header(wsi, WSI_TOKEN_HTTP_COOKIE, value, &len))
        request_set_cookie(rq, value, len);
    if (get_custom(wsi, "last-event-id:", value, &len))
        request_set_last_event(rq, value, len);
}

/* Refuses what comes from another name or another page. */
static bool same_site(struct exchange *x)
{
    char host[HEADER_VALUE_MAX], origin[HEADER_VALUE_MAX];
    size_t host_len, len;
    if (!get_header(x->wsi, WSI_TOKEN_HOST, host, &host_len) || !request_host_ok(host, host_len)) {
        exchange_fail(x, 403, "bad_host", "This server answers to 127.0.0.1 and localhost only.");
        return false;
    }
    if (lws_hdr_total_length(x->wsi, WSI_TOKEN_ORIGIN) > 0 &&
        (!get_header(x->wsi, WSI_TOKEN_ORIGIN, origin, &len) ||
         !request_origin_ok(origin, len, host, host_len))) {
        exchange_fail(x, 403, "bad_origin", "This request comes from another page.");
        return false;
    }
    return true;
}

/* A request's headers are there. */
static void on_request(struct exchange *x)
{
    char *path, value[HEADER_VALUE_MAX];
    int path_len;
    size_t len;
    int method = lws_http_get_uri_and_method(x->wsi, &path, &path_len);
    x->rq.method = method == LWSHUMETH_GET    ? REQUEST_GET
                   : method == LWSHUMETH_POST ? REQUEST_POST
                                              : REQUEST_OTHER;
    x->html = x->rq.method == REQUEST_GET &&
              get_header(x->wsi, WSI_TOKEN_HTTP_ACCEPT, value, &len) && strstr(value, "text/html");
    if (!same_site(x))
        return;
    if (method < 0 || !request_set_path(&x->rq, path, (size_t)path_len)) {
        exchange_fail(x, 404, "not_found", "There is nothing at this address.");
        return;
    }
    if (get_header(x->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, value, &len) && strcmp(value, "0") != 0) {
        x->closing = true; /* what follows is a body, not a request */
        exchange_fail(x, 413, "too_large", "No request here takes a body.");
        return;
    }
    read_parts(x->wsi, &x->rq);
    routes_run(x, get_custom(x->wsi, "x-xsrftoken:", value, &len));
}

static void drop(struct connection *c)
{
    if (c && c->x)
        exchange_drop(c->x);
    if (c)
        c->x = NULL;
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
    struct connection *c = user;
    /* NOLINTNEXTLINE: the rest is lws' own business */
    switch ((int)why) {
    case LWS_CALLBACK_HTTP:
        drop(c);
        c->x = exchange_new(lws_context_user(lws_get_context(wsi)), wsi);
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* every question to the daemon ends */
        on_request(c->x);
        exchange_dispatched(c->x);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c && c->x ? exchange_writeable(c->x) : 0;
    case LWS_CALLBACK_HTTP_BODY:
        return 0; /* refused by its length already, or smaller than it said */
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return 0;
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        drop(c);
        return 0;
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
    case LWS_CALLBACK_HTTP_BIND_PROTOCOL:
    case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return -1; /* neither WebSocket nor h2c here */
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_lws, .per_session_data_size = sizeof(struct connection)},
    {0},
};

/* A vhost is what listens. */
static struct lws_vhost *listen_on(struct gateway *g, struct lws_context_creation_info *info,
                                   int port)
{
    info->port = port;
    return g->lws ? lws_create_vhost(g->lws, info) : NULL;
}

int gateway_start(uv_loop_t *loop, struct peer *daemon, const struct gateway_options *o,
                  struct gateway **ret, struct err *err)
{
    lws_set_log_level(0, NULL); /* its lines may hold addresses with a token in them */
    struct gateway *g = *ret = xnew(struct gateway);
    *g = (struct gateway){.loop = loop, .daemon = daemon, .loops = {loop}};
    struct lws_context_creation_info info = {
        .port = o->want_port,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .user = g,
        .foreign_loops = g->loops,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .max_http_header_data = HEADERS_MAX,
        .max_http_header_pool = 64,
        .keepalive_timeout = 60,
        .gid = -1,
        .uid = -1,
    };
    g->lws = lws_create_context(&info);
    struct lws_vhost *vh = listen_on(g, &info, o->want_port);
    if (!vh && o->want_port && !o->must)
        vh = listen_on(g, &info, 0);
    if (!vh) {
        err_set(err, ERR_SYSTEM, "port_taken", "cannot listen on 127.0.0.1:%d", o->want_port);
        return -EADDRINUSE;
    }
    g->port = lws_get_vhost_listen_port(vh);
    return 0;
}

int gateway_port(const struct gateway *g)
{
    return g->port;
}

void gateway_stop(struct gateway *g)
{
    if (!g || g->stopped)
        return;
    g->stopped = true;
    if (g->lws)
        lws_context_destroy(
            g->lws); /* begins to close its handles, which takes turns of the loop */
}

void gateway_free(struct gateway *g)
{
    if (!g)
        return;
    if (g->lws)
        lws_context_destroy(g->lws); /* the second time it frees what the handles were part of */
    free(g);
}
