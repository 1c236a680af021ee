/* SPDX-License-Identifier: Apache-2.0
 *
 * link: the connection to seerd, made when first needed and made anew when it is lost. A request
 * that was under way is sent again when that is harmless; a cell is never run twice: its id is
 * chosen here, and after a loss session.wait asks for that id first.
 */
#ifndef SEER_MCP_LINK_H
#define SEER_MCP_LINK_H

#include "proto/peer.h"

struct link;

enum link_again {
    LINK_ONCE,    /* lost means failed: it may have happened */
    LINK_AGAIN,   /* asking twice changes nothing */
    LINK_EXECUTE, /* session.execute with params.cell set */
};

struct link *link_new(uv_loop_t *loop);
/* Fails what is under way; the loop must turn until its handles are closed, then link_free(). */
void link_close(struct link *l);
void link_free(struct link *l);
/* As peer_call(), but done may fire before this returns when seerd cannot be reached. */
void link_call(struct link *l, const char *method, json_t *take_params, enum link_again again,
               const struct peer_reply *reply, void *ctx);

#endif
