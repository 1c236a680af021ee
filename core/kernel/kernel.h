/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel: one Jupyter kernel, driven over ZeroMQ (ipc) in a libuv loop. Speaks messaging 5.3-5.6 by
 * feature, signs with HMAC-SHA256 and checks signatures before it parses.
 *
 * The kernel is the guest: its messages are forged if it likes. What comes out of here is journal
 * records (journal/record.h) of checked shape: "start", "output", "update", "clear", "end",
 * "dropped"; neighbouring stream pieces that wait in the socket at the same time are joined.
 * One cell runs at a time (the session queues); a cell has ended only when both its execute_reply
 * and its idle have come, or when kernel_died() is told.
 *
 * Sockets: `folder_fd` is the host side of the guest's ipc folder, holding the sockets k-1 (shell),
 * k-2 (iopub), k-3 (stdin), k-4 (control), k-5 (heartbeat) below the prefix "<prefix>". The guest
 * owns that folder, so each is opened with openat2(RESOLVE_NO_SYMLINKS|BENEATH, O_PATH), must be a
 * socket, and is connected to by /proc/self/fd/N.
 */
#ifndef SEER_KERNEL_KERNEL_H
#define SEER_KERNEL_KERNEL_H

#include "proto/json.h"

#include <uv.h>

struct kernel;

struct kernel_ops {
    /* Both shell and iopub answer: cells may be sent. info: the kernel_info_reply, borrowed. */
    void (*ready)(struct kernel *k, const json_t *info, void *ctx);
    /* One journal record; takes it. "end" is the last of its cell. */
    void (*record)(struct kernel *k, json_t *take_rec, void *ctx);
    /* input() was called; answer with kernel_input() or let it fail with kernel_input(k, NULL). */
    void (*input)(struct kernel *k, const char *prompt, bool password, void *ctx);
    /* A raw message, before it is folded into records (for gateways). May be NULL. Borrowed. */
    void (*message)(struct kernel *k, const char *channel, const json_t *msg, void *ctx);
};

/* key: hex signing key, the one given to the kernel. Call when the kernel has bound its sockets. */
_must_check_ int kernel_connect(uv_loop_t *loop, int folder_fd, const char *prefix, const char *key,
                                const struct kernel_ops *ops, void *ctx, struct kernel **ret,
                                struct err *err);
/* Sends an execute_request under the cell's id; -EBUSY while another runs. silent: no history,
 * no broadcast of the input. allow_stdin false refuses input() at once. */
_must_check_ int kernel_execute(struct kernel *k, const char *cell, const char *code, size_t len,
                                bool silent, bool allow_stdin, struct err *err);
/* value NULL: end the wait with an interrupt-free EOFError. */
_must_check_ int kernel_input(struct kernel *k, const char *value, struct err *err);
/* The cell that runs now, or NULL. */
const char *kernel_cell(const struct kernel *k);
/* Marks that the running cell was interrupted, so its "end" says so. */
void kernel_note_interrupt(struct kernel *k);
/* The process is gone: drains what is still in the sockets, then ends the running cell with status
 * "died" and this reason, before it returns. At most 0.2 s, when a child of it keeps them open. */
void kernel_died(struct kernel *k, const char *reason);
/* shutdown_request on control; the process then ends by itself. */
void kernel_shutdown(struct kernel *k);
/* Closes sockets; frees at the next loop turn. NULL is fine. */
void kernel_close(struct kernel *k);

#endif
