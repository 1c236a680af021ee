/* SPDX-License-Identifier: Apache-2.0
 *
 * tool: what one tool is, as data. The same table makes tools/list, checks arguments and dispatches.
 */
#ifndef SEER_MCP_TOOL_H
#define SEER_MCP_TOOL_H

#include "mcp/era.h"

#include <stddef.h>

struct mcp_call;

struct mcp_tool {
    const char *name;
    const char *title;
    const char *description;
    const char *input;       /* JSON Schema of the arguments, as text */
    const char *output;      /* of structuredContent; NULL when the result has none */
    const char *annotations; /* JSON object */
    /* Works on the call and ends it with mcp_call_finish(), now or later. */
    void (*run)(struct mcp_call *take_call, void *ctx);
};

/* The tools that seer has. */
extern const struct mcp_tool mcp_tools[];
extern const size_t mcp_tools_count;

const struct mcp_tool *mcp_tool_find(const struct mcp_tool *tools, size_t count, const char *name);
/* One entry of tools/list, without what revision v does not know; a new reference. */
json_t *mcp_tool_describe(const struct mcp_tool *t, enum mcp_version v);
/* Checks arguments against t->input (types, required, minimum, no unknown names). The message is one
 * sentence for the agent that sent them. */
_must_check_ int mcp_tool_check(const struct mcp_tool *t, const json_t *args, struct err *err);

#endif
