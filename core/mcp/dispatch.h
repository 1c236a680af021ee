/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch: one MCP client's conversation, without any I/O: lines in, answers out through `send`,
 * tool calls out through the table. Both eras on one connection (era.h): a request with the modern
 * `_meta` is answered as 2026-07-28 says, any other by what `initialize` agreed on.
 *
 * Calls run side by side; each is its own object, ended by mcp_call_finish(). When the client
 * cancels one, the tool's `cancelled` is told once and whatever the call still says is dropped.
 */
#ifndef SEER_MCP_DISPATCH_H
#define SEER_MCP_DISPATCH_H

#include "mcp/tool.h"

/* One line from a client: a cell's source at its limit, every byte escaped as \uXXXX. */
#define MCP_LINE_MAX (32u << 20)
/* Requests in flight from one client. */
#define MCP_CALLS_MAX 256

struct mcp;

struct mcp_ops {
    /* One JSON text without newlines; borrowed. */
    void (*send)(const char *text, size_t len, void *ctx);
    /* Nobody waits for this call any more. It must still be finished, now or later. May be NULL. */
    void (*cancelled)(struct mcp_call *call, void *ctx);
};

struct mcp *mcp_new(const struct mcp_ops *ops, void *ctx, const struct mcp_tool *tools,
                    size_t tools_count);
/* Calls in flight must have been finished. */
void mcp_free(struct mcp *m);
/* One message from the client (a line, without its newline). */
void mcp_message(struct mcp *m, const char *data, size_t len);
/* The line was longer than MCP_LINE_MAX. */
void mcp_too_long(struct mcp *m);
size_t mcp_in_flight(const struct mcp *m);

const json_t *mcp_call_args(const struct mcp_call *c); /* borrowed; checked against the schema */
bool mcp_call_wants_progress(const struct mcp_call *c);
/* Sends a progress notification; value must grow, one that does not is passed over. */
void mcp_call_progress(struct mcp_call *c, double value, const char *message);
/* Ends the call with a tool result {content, isError?, structuredContent?, _meta?}. Frees c. */
void mcp_call_finish(struct mcp_call *c, json_t *take_result);
void mcp_call_set_data(struct mcp_call *c, void *data);
void *mcp_call_data(const struct mcp_call *c);

/* A tool result of one text. */
json_t *mcp_text_result(const char *text, bool is_error);

#endif
