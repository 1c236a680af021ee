/* SPDX-License-Identifier: Apache-2.0
 *
 * limits: the named maximum of every input, with its reason. Nothing foreign is sized, nested or
 * counted past these before it is used.
 */
#ifndef SEER_BASE_LIMITS_H
#define SEER_BASE_LIMITS_H

/* One frame between our processes: a notebook's folded outputs must fit. */
#define LIMIT_FRAME (64u << 20)
/* JSON nesting, ours and strangers': deeper is an attack on the stack. jansson's own is 2048. */
#define LIMIT_JSON_DEPTH 128
/* Code of one cell. */
#define LIMIT_CELL_SOURCE (4u << 20)
/* One message from a kernel, all frames: an image of this size is beyond what a page can show. */
#define LIMIT_KERNEL_MSG (64u << 20)
/* One journal record. */
#define LIMIT_JOURNAL_RECORD (64u << 20)
/* Name of a session, sandbox or file that we make from a user's words. */
#define LIMIT_NAME 128
/* Bytes of a failed build's log that go into the error. */
#define LIMIT_LOG_TAIL 4096
/* One line from the boot script in the guest. */
#define LIMIT_GUEST_LINE (1u << 20)
/* A library or config file given by the user. */
#define LIMIT_USER_FILE (64u << 20)
/* Requests in flight on one connection. */
#define LIMIT_CALLS_PER_PEER 256
/* Output bytes queued for one slow reader before it is cut off (it can come back by cursor). */
#define LIMIT_PEER_BACKLOG (128u << 20)

#endif
