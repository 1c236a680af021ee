/* SPDX-License-Identifier: Apache-2.0
 *
 * job: one tool call at work: what it asks seerd, and how the answer becomes a tool result.
 */
#ifndef SEER_MCP_JOB_H
#define SEER_MCP_JOB_H

#include "mcp/dispatch.h"
#include "mcp/link.h"

/* What the tools' run() gets as ctx: the server. */
struct mcp_server {
    uv_loop_t *loop;
    struct link *link;
    struct mcp *mcp;
};

/* The client cancelled: interrupts the cell once it runs. */
void job_cancelled(struct mcp_call *call, void *ctx);

void job_attach(struct mcp_call *take_call, void *ctx);
void job_execute(struct mcp_call *take_call, void *ctx);
void job_markdown(struct mcp_call *take_call, void *ctx);
void job_output(struct mcp_call *take_call, void *ctx);
void job_interrupt(struct mcp_call *take_call, void *ctx);

#endif
