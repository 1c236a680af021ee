/* SPDX-License-Identifier: Apache-2.0
 *
 * wire: a Jupyter message as ZeroMQ carries it, and back. Pure: no sockets.
 *
 *   identity* | "<IDS|MSG>" | hex HMAC-SHA256 | header | parent_header | metadata | content | buffer*
 *
 * The signature covers the exact bytes of the four JSON objects; buffers are not signed. It is
 * checked, in constant time, before anything is parsed. An empty key means unsigned.
 */
#ifndef SEER_KERNEL_WIRE_H
#define SEER_KERNEL_WIRE_H

#include "proto/json.h"

#include <stddef.h>
#include <stdint.h>

/* Parts of one message; a widget with more buffers than this is beyond what we carry. */
#define WIRE_PARTS_MAX 128
/* Nesting of a content: what is made of it (records, notebooks, frames) nests a little deeper and
 * must still pass LIMIT_JSON_DEPTH everywhere. */
#define WIRE_DEPTH_MAX 100
#define WIRE_SIGNATURE_LEN 64
#define WIRE_ENCODED_PARTS 6

struct wire;

struct wire_part {
    const char *data; /* borrowed */
    size_t len;
};

struct wire_msg {
    json_t *header, *parent, *metadata, *content; /* owned objects */
    const char *id, *type, *parent_id;            /* into them; "" where absent */
    size_t first_buffer; /* index of the part; the number of parts when none */
};

struct wire_out {
    char signature[WIRE_SIGNATURE_LEN + 1];
    char *text[4]; /* owned */
    struct wire_part parts[WIRE_ENCODED_PARTS];
};

/* key: the string of the connection file, used as it is. */
_must_check_ int wire_new(const char *key, struct wire **ret, struct err *err);
void wire_free(struct wire *w);
/* 0, or negative with the flaw named (kind ERR_GUEST). */
_must_check_ int wire_decode(struct wire *w, const struct wire_part *parts, size_t count,
                             struct wire_msg *ret, struct err *err);
void wire_msg_done(struct wire_msg *m);
/* The objects are borrowed. The parts are good until wire_out_done(). */
void wire_encode(struct wire *w, const json_t *header, const json_t *parent, const json_t *content,
                 struct wire_out *ret);
void wire_out_done(struct wire_out *o);

/* Text that is nearly JSON, made acceptable: wrong UTF-8 and halves of surrogate pairs, which Python
 * can print, become U+FFFD. malloc'ed. */
char *wire_repair(const char *data, size_t len, size_t *ret_len);

#endif
