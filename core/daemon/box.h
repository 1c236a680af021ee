/* SPDX-License-Identifier: Apache-2.0
 *
 * box: one sandbox as the daemon knows it. Its document in the registry is written at each change.
 *
 *   STARTING -> READY -> GONE, or STARTING -> GONE. A box is GONE the moment its shim is; `reaping`
 *   holds until what it left is cleaned and its journals are finished: who wants those, waits with
 *   box_settled().
 *
 * A builder (build.c) is a box that nobody sees; its row goes with it.
 */
#ifndef SEER_DAEMON_BOX_H
#define SEER_DAEMON_BOX_H

#include "daemon/daemon.h"

enum box_state { BOX_STARTING, BOX_READY, BOX_GONE };

struct session_row { /* the daemon's side of one session */
    LIST_ENTRY(session_row) entry;
    char id[ID_LONG_LEN + 1];
    char *name, *notebook; /* owned */
    char *text;            /* owned; model_info_text */
    json_t *models;        /* owned; facts */
    json_int_t cells;      /* as last seen */
};

struct settled { /* who waits for the end of a box */
    LIST_ENTRY(settled) entry;
    void (*fn)(struct box *b, void *ctx);
    void *ctx;
};

struct box {
    LIST_ENTRY(box) entry;
    struct daemon *daemon; /* borrowed */
    char id[ID_SHORT_LEN + 1];
    char token[ID_LONG_LEN + 1];
    char *name;      /* owned */
    char *isolation; /* owned */
    char *cwd;       /* owned; may be NULL */
    char *reason;    /* owned; GONE: why */
    json_t *doc;     /* owned; the rest of the document: config, notes, models, env */
    uint64_t created_ns;
    enum box_state state;
    bool unseen; /* a builder, or a start that failed: in no list, and its row goes */
    bool cli, stopping, reaping;
    int reap_tries;
    struct peer *link;    /* owned; to the shim; NULL when there is none */
    uv_timer_t stop_late; /* from shim.stop to the end of the link; .loop NULL before the first */
    LIST_HEAD(, session_row) sessions;
    LIST_HEAD(, settled) waiting;
};

struct box *box_new(struct daemon *d, const char *name, bool unseen);
/* From a document of the registry. */
struct box *box_load(struct daemon *d, const char *id, const json_t *doc);
void box_free(struct box *b);
void box_save(struct box *b);
const char *box_state_name(const struct box *b);

/* By id, unique prefix of an id, or name (the newest that is not gone, else the newest). */
struct box *box_find(struct daemon *d, const char *ref, struct err *err);
struct box *box_by_id(struct daemon *d, const char *id);
/* By session id or a unique prefix of 4 or more. *ret_row may be NULL. */
struct box *box_by_session(struct daemon *d, const char *session, struct session_row **ret_row,
                           struct err *err);
struct session_row *box_add_session(struct box *b, const char *id, const char *name,
                                    const char *notebook);
void session_row_load(struct daemon *d, const char *id, const json_t *doc);
void session_row_save(struct box *b, struct session_row *s);

/* Opens the link. */
_must_check_ int box_connect(struct box *b, struct err *err);
/* shim.stop, then all of it gone; a shim that takes too long is killed. fn fires when it is settled. */
void box_stop(struct box *b, void (*fn)(struct box *b, void *ctx), void *ctx);
/* Its handles, at the end of the daemon. */
void box_close(struct box *b);
/* The shim is gone, or never came: clean up what it left. */
void box_lost(struct box *b, const char *reason);
/* fn when the box is neither running nor being cleaned up; at once when that is so already. */
void box_settled(struct box *b, void (*fn)(struct box *b, void *ctx), void *ctx);
/* The error for a request that came too late. */
void box_gone_err(const struct box *b, bool session, struct err *err);
/* What the last record of its journals says about the end; malloc'ed or NULL. (gone.c) */
char *gone_reason(struct daemon *d, const char *session);

/* scan.c: at the start of the daemon. */
_must_check_ int scan(struct daemon *d, struct err *err);
/* Takes over what the shim says of its sessions. */
void box_take_status(struct box *b, const json_t *status);

/* gone.c: a METHOD_BOTH request about a session whose sandbox has ended. */
void gone_request(struct box *b, struct session_row *s, struct call *take_call);
void gone_drained(struct client *c);

/* list.c: its sessions; status: what its shim said, may be NULL. A new reference. */
json_t *box_sessions(const struct box *b, const json_t *status);

/* forward.c */
void forward_client_closed(struct client *c);
void forward_drained(struct client *c);

#endif
