/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange: one HTTP request and its answer. It is held by its connection and by every question to
 * the daemon that is open for it; the last to let go frees it. `wsi` is NULL once the connection is
 * gone. Answers are only queued here: they are written when libwebsockets says the socket is ready.
 */
#ifndef SEER_GATEWAY_EXCHANGE_H
#define SEER_GATEWAY_EXCHANGE_H

#include "base/buf.h"
#include "gateway/request.h"
#include "gateway/watch.h"
#include "proto/peer.h"

#include <libwebsockets.h>

struct gateway {
    uv_loop_t *loop;     /* borrowed */
    struct peer *daemon; /* borrowed */
    struct lws_context *lws;
    void *loops[1];
    bool stopped;
    int port;
    size_t exchanges;
};

struct exchange {
    struct gateway *g;   /* borrowed */
    struct lws *wsi;     /* borrowed; NULL when the connection is gone */
    struct watch *watch; /* owned; while the answer is still to come */
    unsigned refs;
    struct request rq;
    bool html;     /* a person looks at it: errors as a page */
    bool closing;  /* nothing more comes: the connection ends after what is queued */
    bool answered; /* an answer is queued or sent */
    bool head_sent;
    int status;
    const char *type;       /* static */
    char head[512];         /* further header lines: "Name: value\r\n"... */
    bool stream;            /* no length; `out` is refilled */
    const char *fixed;      /* the body when it is static, else `out` is */
    size_t fixed_len, sent; /* sent: bytes of the body written */
    struct buf out;
    /* stream.c */
    struct follow *follow; /* the session.read under way */
    uint64_t next;         /* cursor */
};

struct exchange *exchange_new(struct gateway *g, struct lws *wsi);
struct exchange *exchange_ref(struct exchange *x);
void exchange_unref(struct exchange *x);
/* The connection ended. */
void exchange_drop(struct exchange *x);

/* Adds a header line to the answer (before it). name and value are ours or checked. */
void exchange_header(struct exchange *x, const char *name, const char *value);
/* Called when the request was dispatched: what is not answered by now is watched (watch.h). */
void exchange_dispatched(struct exchange *x);
/* Queues the whole answer. */
void exchange_answer(struct exchange *x, int status, const char *type, const char *body,
                     size_t len);
/* The same for a body that lives for ever. */
void exchange_answer_static(struct exchange *x, const char *type, const char *body, size_t len);
/* {"error": code, "message": sentence}, or a small page for a person. */
void exchange_fail(struct exchange *x, int status, const char *code, const char *sentence);
void exchange_fail_err(struct exchange *x, const struct err *err);
/* Begins an answer without end; append to x->out, then exchange_wake(). */
void exchange_stream(struct exchange *x, const char *type);
void exchange_wake(struct exchange *x);
/* The socket takes bytes. Negative: close the connection. */
_must_check_ int exchange_writeable(struct exchange *x);

#endif
