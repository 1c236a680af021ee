/* SPDX-License-Identifier: Apache-2.0
 *
 * daemon: seerd. One loop, one root struct, no state that a restart would lose: what it must know
 * again is in SQLite (registry.h) and in the shims.
 *
 *   main      arguments, the ready line, the loop
 *   daemon    connections and the table of requests
 *   box       what the daemon knows of one sandbox, and its link to the shim; reap: its end
 *   scan      finding the sandboxes again after a start
 *   forward   METHOD_BOTH requests, passed on to the shim that owns them
 *   start     sandbox.start up to the plan; launch: from the plan to the running shim
 *   build     Python environments, shared by all who wait for one; builder: the sandbox it runs in
 *   session   session.create and session.find; gone: the record of sessions whose sandbox has ended
 *   list, doctor
 *   front     the web front, a client like any other
 *
 * Lifetimes: boxes live as long as the daemon; links, starts and builds end by themselves. Nothing
 * here waits: every step goes on in a callback.
 */
#ifndef SEER_DAEMON_DAEMON_H
#define SEER_DAEMON_DAEMON_H

#include "base/id.h"
#include "base/paths.h"
#include "engine/engine.h"
#include "image/python.h"

#include <sys/queue.h>
#include <uv.h>

struct box;
struct build;
struct gone_read;
struct gateway;
struct link;
struct registry;
struct start;

struct client { /* one connection to us */
    LIST_ENTRY(client) entry;
    struct daemon *daemon;   /* borrowed */
    struct peer *peer;       /* owned; frees itself */
    LIST_HEAD(, link) links; /* its own connections to shims */
};

struct daemon {
    uv_loop_t *loop; /* borrowed */
    struct paths paths;
    int lock_fd; /* SEER_HOME/daemon.lock, flock'ed for life */
    struct registry *registry;
    struct engine *engine;
    uv_pipe_t server;
    uv_signal_t sigterm, sigint;
    bool listening, ending;
    uint64_t started_ns;

    LIST_HEAD(, client) clients;
    LIST_HEAD(, box) boxes;
    LIST_HEAD(, start) starts;
    LIST_HEAD(, build) builds;
    LIST_HEAD(, gone_read) gone_reads;

    char *python_key;      /* what `python` was found for (start.c) */
    struct python *python; /* owned; the last one found */

    struct gateway *gateway;     /* owned */
    struct peer *gateway_peer;   /* owned; its way to us, one end of a socketpair */
    char token[ID_LONG_LEN + 1]; /* of the front door as a whole */
};

/* Takes the lock, opens the registry, finds the sandboxes again, listens. */
_must_check_ int daemon_start(struct daemon *d, uv_loop_t *loop, struct err *err);
/* Closes every handle; the loop then runs out. Sandboxes go on. */
void daemon_end(struct daemon *d);
void daemon_done(struct daemon *d);
/* A connection of the daemon's; its peer is to be opened. (daemon.c) */
struct client *client_new(struct daemon *d);
/* front.c */
_must_check_ int front_start(struct daemon *d, struct err *err);
void front_end(struct daemon *d);
void front_done(struct daemon *d); /* once the loop has run out */
/* The port of the HTTP front, 0 when there is none. */
int daemon_http_port(const struct daemon *d);

/* One per request; each takes the call. */
typedef void daemon_handler(struct daemon *d, struct client *c, struct call *take_call);
daemon_handler start_request, list_request, stop_request, create_request, find_request,
    check_request, doctor_request, forward_request;

/* progress {stage, state, text, fraction?}; fraction < 0 leaves it out. */
void progress(struct call *c, const char *stage, const char *state, double fraction,
              const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
