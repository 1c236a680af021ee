/* SPDX-License-Identifier: Apache-2.0
 *
 * channels: the four ZeroMQ sockets of one kernel in a libuv loop.
 *
 * ZMQ_FD is edge-triggered: it speaks once, and any call on the socket may swallow the word. So a
 * turn reads every socket until it says EAGAIN, and whatever else touches a socket (a send) asks for
 * another turn through an idle handle. A turn is bounded, so that a flood does not starve the loop;
 * the rest is read in the next one.
 *
 * A monitor on iopub tells when the kernel's end is closed; it is acted on only after all that came
 * before has been read.
 */
#ifndef SEER_KERNEL_CHANNELS_H
#define SEER_KERNEL_CHANNELS_H

#include "kernel/wire.h"

#include <uv.h>

enum channel { CHANNEL_SHELL, CHANNEL_IOPUB, CHANNEL_STDIN, CHANNEL_CONTROL, CHANNEL_COUNT };

struct channels;

struct channels_ops {
    /* One message, its parts borrowed. */
    void (*message)(enum channel ch, const struct wire_part *parts, size_t count, void *ctx);
    /* The end of a turn. */
    void (*turn)(void *ctx);
    /* The kernel closed iopub (it died, or sent a frame above the limit); a new connection is on its way. */
    void (*lost)(void *ctx);
    void (*closed)(void *ctx); /* after channels_close(); everything is freed */
};

_must_check_ int channels_open(uv_loop_t *loop, int folder_fd, const char *prefix,
                               const struct channels_ops *ops, void *ctx, struct channels **ret,
                               struct err *err);
/* Never blocks; -EAGAIN when the kernel takes nothing any more. */
_must_check_ int channels_send(struct channels *c, enum channel ch, const struct wire_part *parts,
                               size_t count);
/* The kernel's process is gone: reads all that it sent. Where a child of it holds its sockets open,
 * their end does not come; then it is given up after wait_ms. */
void channels_drain(struct channels *c, int wait_ms);
void channels_close(struct channels *c);
const char *channel_name(enum channel ch);

#endif
