/* SPDX-License-Identifier: Apache-2.0
 *
 * libseer: include/seer.h over client.h; a loop of its own for each handle.
 */
#include "seer.h"

#include "base/mem.h"
#include "client/client.h"

#include <string.h>

struct seer {
    uv_loop_t loop;
    struct client *client; /* owned; NULL when opening failed */
    struct err err;
};

struct relay {
    seer_event_fn *fn;
    void *ctx;
};

int seer_open(struct seer **ret)
{
    struct seer *s = xnew(struct seer);
    *ret = s;
    uv_loop_init(&s->loop);
    return client_open(&s->loop, &s->client, &s->err) < 0 ? -1 : 0;
}

void seer_close(struct seer *s)
{
    if (!s)
        return;
    client_close(s->client);
    uv_run(&s->loop, UV_RUN_DEFAULT); /* a connection that failed is still closing */
    uv_loop_close(&s->loop);
    free(s);
}

static void on_event(const char *event, const json_t *data, void *ctx)
{
    const struct relay *relay = ctx;
    _cleanup_free_ char *text = json_text(data, NULL);
    if (relay->fn)
        relay->fn(event, text, relay->ctx);
}

char *seer_call(struct seer *s, const char *method, const char *params, seer_event_fn *fn,
                void *ctx)
{
    struct relay relay = {fn, ctx};
    _cleanup_json_ json_t *result = NULL;
    s->err = ERR_INIT;
    json_t *in = params ? json_parse_object(params, strlen(params), &s->err) : json_object();
    if (!in)
        return NULL;
    if (!s->client && client_open(&s->loop, &s->client, &s->err) < 0) {
        json_decref(in);
        return NULL;
    }
    int r = strcmp(method, "session.execute") == 0
                ? client_execute(s->client, in, on_event, &relay, &result, &s->err)
                : client_call(s->client, method, in, on_event, &relay, &result, &s->err);
    return r < 0 ? NULL : json_text(result, NULL);
}

void seer_free(char *text)
{
    free(text);
}

const char *seer_error_kind(const struct seer *s)
{
    return err_is_set(&s->err) ? err_kind_name(s->err.kind) : "";
}

const char *seer_error_code(const struct seer *s)
{
    return s->err.code;
}

const char *seer_error_message(const struct seer *s)
{
    return s->err.msg;
}

const char *seer_error_hint(const struct seer *s)
{
    return s->err.hint;
}

const char *seer_version(void)
{
    return SEER_VERSION;
}
