/* SPDX-License-Identifier: Apache-2.0
 *
 * session: one notebook: its journal, its fold in memory, its file, its kernel.
 *
 * The journal comes first: session_append() writes a record, then folds it, then shows it to those
 * who follow. What the journal could not take is never shown; it is counted, said in a "dropped"
 * record as soon as there is room again, and told to those who wait for the cell.
 *
 * A session is STARTING while its kernel boots (boot.h), then IDLE or BUSY, and DEAD when the kernel
 * has ended, whatever the reason. It stays readable until the sandbox goes.
 */
#ifndef SEER_SHIM_SESSION_H
#define SEER_SHIM_SESSION_H

#include "base/id.h"
#include "journal/journal.h"
#include "kernel/kernel.h"
#include "notebook/file.h"
#include "notebook/fold.h"
#include "shim/jobs.h"

#define CELL_ID_MAX 64
#define SESSION_MAX 64 /* of one sandbox: each holds a journal, a notebook and a kernel */

enum session_state { SESSION_STARTING, SESSION_IDLE, SESSION_BUSY, SESSION_DEAD };

struct cell { /* queued or running */
    TAILQ_ENTRY(cell) entry;
    char id[CELL_ID_MAX + 1];
    char *code; /* owned */
    size_t len;
    uint64_t seq; /* of its "cell" record */
    bool silent, started, interrupt_owed;
    struct err lost; /* set: the journal took no more of its output */
    uint64_t lost_bytes;
};

struct boot;
struct follow;
struct guestlog;
struct wait;

struct session {
    LIST_ENTRY(session) entry;
    uv_timer_t late;   /* saves the notebook after output that came outside of a cell */
    struct shim *shim; /* borrowed */
    char id[ID_LONG_LEN + 1];
    char *name; /* owned */
    enum session_state state;
    char reason[256]; /* DEAD: why */

    struct journal *journal;        /* owned */
    json_t *owed;                   /* owned; records folded already, that wait for room */
    struct fold *fold;              /* owned */
    struct notebook_file *notebook; /* owned */
    bool save_failed;
    bool syncing, sync_again; /* sync.h */
    bool ours;                /* we made its folder: a start that fails removes it */

    struct call *opening; /* owned; the shim.session that waits */
    struct boot *boot;    /* owned; while STARTING */
    struct guestlog *log; /* owned */
    uint32_t job;         /* the kernel's process; 0 none */
    char prefix[16], key[2 * ID_LONG_LEN + 1];
    struct kernel *kernel; /* owned */
    json_t *models;        /* owned; facts */
    char *model_text;      /* owned */

    struct cell *running;          /* owned */
    TAILQ_HEAD(cells, cell) queue; /* owned */
    size_t queued;
    LIST_HEAD(, follow) follows;
    LIST_HEAD(, wait) waits;
};

/* ---- session.c ---- */
struct session *session_find(const struct shim *s, const char *id);
const char *session_state_name(const struct session *se);
/* session.json, with "ended" when nothing can be added any more. */
_must_check_ int session_describe(const struct session *se, bool ended, struct err *err);
/* A start that failed, for this reason: nothing of it stays. */
void session_discard(struct session *se, const struct err *err);
/* Everything is said: the file and the journal are closed. The sandbox is gone. */
void session_close(struct session *se);

/* ---- open.c ---- */
void session_open(struct shim *s, struct call *take_call);
/* From boot.c. `failed` ends the session's start and the session. */
void session_boot_models(struct session *se, json_t *models, const char *text);
void session_boot_failed(struct session *se, const struct err *err);

/* ---- life.c ---- */
void session_boot_ready(struct session *se);
json_t *session_kernel_record(const char *state, const char *reason);
/* For job_ops; ctx is the session's id, and is freed. */
void session_job_ended(struct shim *s, uint32_t job, const struct job_end *end, void *ctx);
/* The kernel stands no more; every cell ends. Idempotent. */
void session_kernel_died(struct session *se, const char *reason);

/* ---- record.c ---- */
/* Journal, fold, followers. Takes rec. -errno: it is nowhere. */
_must_check_ int session_append(struct session *se, json_t *take_rec, struct err *err);
/* The same for a record that must not be lost: at worst it is folded now and written later. */
void session_append_owed(struct session *se, json_t *take_rec);
/* A record from the kernel, of a running cell or of one that ended. */
void session_record(struct session *se, json_t *take_rec);
/* The notebook is written to its file. */
void session_save(struct session *se);

/* ---- cells.c ---- */
void cells_execute(struct session *se, struct call *take_call);
void cells_markdown(struct session *se, struct call *take_call);
void cells_interrupt(struct session *se, struct call *take_call);
/* Starts the next cell when the kernel is free. */
void cells_next(struct session *se);
/* The kernel began the running cell, or ended it with this record. */
void cells_started(struct session *se);
void cells_ended(struct session *se, json_t *take_end);
/* Ends the running cell, if its kernel did not, as died. */
void cells_fail_running(struct session *se, const char *reason);
/* Ends every queued cell as aborted. */
void cells_abort_queue(struct session *se, const char *reason);
/* Forgets every queued cell of a session whose start failed. */
void cells_discard(struct session *se, const struct err *why);

#endif
