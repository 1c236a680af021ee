/* SPDX-License-Identifier: Apache-2.0
 *
 * era: which revision of MCP a message speaks. Legacy revisions agree on one in `initialize`; since
 * 2026-07-28 every request names its own in `_meta`, and nothing is remembered between two.
 */
#ifndef SEER_MCP_ERA_H
#define SEER_MCP_ERA_H

#include "proto/json.h"

enum mcp_version {
    MCP_NONE = 0, /* legacy, before initialize */
    MCP_2024_11_05,
    MCP_2025_03_26, /* batches, annotations, a message with progress */
    MCP_2025_06_18, /* no batches; structuredContent, outputSchema, titles */
    MCP_2025_11_25, /* wrong arguments are a tool's error, not the protocol's */
    MCP_2026_07_28, /* stateless */
};
#define MCP_LATEST_LEGACY MCP_2025_11_25

#define MCP_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define MCP_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define MCP_META_SERVER "io.modelcontextprotocol/serverInfo"

enum mcp_error {
    MCP_PARSE_ERROR = -32700,
    MCP_INVALID_REQUEST = -32600,
    MCP_METHOD_NOT_FOUND = -32601,
    MCP_INVALID_PARAMS = -32602,
    MCP_INTERNAL_ERROR = -32603,
    MCP_UNSUPPORTED_VERSION = -32022,
};

/* MCP_NONE for a string that names none we speak. */
enum mcp_version mcp_version_parse(const char *name);
const char *mcp_version_name(enum mcp_version v);
/* All we speak, newest first; a new reference. */
json_t *mcp_version_list(void);

#endif
