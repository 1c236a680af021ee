/* SPDX-License-Identifier: Apache-2.0
 *
 * shim: one sandbox's life, from its order to gone, in one process with one loop.
 *
 *   main      reads the order, answers on descriptor 3, runs the loop
 *   start     run folder, log, walls, then the socket: in that order, since ZeroMQ and libuv start
 *             threads and the walls are cloned from a process that has none
 *   serve     connections and the table of requests
 *   jobs      what seer-init runs for us; exec (commands) and session (kernels) are its users
 *   session   journal, notebook and kernel of one notebook; cells is its queue, follow and wait are
 *             those who listen
 *   finish    the end: of the sandbox by request, by time, by signal, or because its PID 1 died
 *   reap      the same for a shim that is dead, in a process of its own
 *
 * Back pressure: a producer (exec, follow, logs) stops when call_event() says more than
 * PEER_HIGH_WATER is queued and goes on in shim_drained(). A kernel is never slowed down by a
 * reader: what it prints goes into the journal, and readers that lag read it from there.
 *
 * Lifetimes: a struct with a uv handle in it is freed in the handle's close callback and nowhere
 * else. Sessions live as long as the shim, unless their start fails.
 */
#ifndef SEER_SHIM_SHIM_H
#define SEER_SHIM_SHIM_H

#include "proto/peer.h"
#include "sandbox/sandbox.h"
#include "shim/order.h"

#include <sys/queue.h>
#include <uv.h>

enum shim_state { SHIM_STARTING, SHIM_READY, SHIM_ENDING };

struct link { /* one connection */
    LIST_ENTRY(link) entry;
    struct shim *shim; /* borrowed */
    struct peer *peer; /* owned; freed by itself after closed */
};

struct ending { /* a shim.stop that waits for its answer */
    LIST_ENTRY(ending) entry;
    struct call *call; /* owned */
};

struct job;
struct exec;
struct session;
struct logs;

struct shim {
    uv_loop_t loop;
    struct order order;
    enum shim_state state;
    uint64_t created_ns;
    char reason[256]; /* why it ends */

    int answer_fd;         /* owned; the ready line goes here */
    int run_fd;            /* owned; run/<id>, flock'ed for life: --reap refuses while we hold it */
    int k_fd;              /* owned; run/<id>/k, the ipc folder */
    struct sandbox *sb;    /* owned */
    char *init_path;       /* owned */
    uint64_t guest_logged; /* bytes of guest lines in the log so far */
    uint64_t oom_seen;

    uv_poll_t control, pidfd, deadline;
    int deadline_fd; /* owned; a timerfd of CLOCK_BOOTTIME, or -EBADF */
    uv_signal_t sigterm, sigint;
    uv_pipe_t server;
    uv_idle_t pump; /* runs while a follower that may go on lags behind its journal */

    uint32_t next_job;
    LIST_HEAD(, link) links;
    LIST_HEAD(, job) jobs;
    LIST_HEAD(, exec) execs;
    LIST_HEAD(, session) sessions;
    LIST_HEAD(, logs) logs;
    LIST_HEAD(, ending) endings;
};

/* start.c: everything up to the listening socket. On failure nothing is left behind. */
_must_check_ int shim_start(struct shim *s, struct err *err);
/* {"ready": true, ...}; a new reference. */
json_t *shim_ready_line(const struct shim *s);

/* serve.c */
void shim_on_connection(uv_stream_t *server, int status);

/* finish.c: ends the sandbox; returns at once. The reason is kept by the first caller. */
void shim_end(struct shim *s, const char *reason);
/* PID 1 is dead, and so is everything inside. */
void shim_on_pid1(uv_poll_t *h, int status, int events);
/* The loop runs empty after this. */
void shim_close_handles(struct shim *s);
/* Removes run/<id> and sandboxes/<id>. */
void shim_remove_folders(const struct order *o);

/* status.c */
json_t *shim_status(const struct shim *s);

/* "home/sessions/<session>" or "<that>/<file>"; malloc'ed. */
char *shim_session_path(const char *home, const char *session, const char *file);

#endif
