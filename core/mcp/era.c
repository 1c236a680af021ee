/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/era.h"

#include <string.h>

static const char *const names[] = {
    [MCP_NONE] = "",
    [MCP_2024_11_05] = "2024-11-05",
    [MCP_2025_03_26] = "2025-03-26",
    [MCP_2025_06_18] = "2025-06-18",
    [MCP_2025_11_25] = "2025-11-25",
    [MCP_2026_07_28] = "2026-07-28",
};

enum mcp_version mcp_version_parse(const char *name)
{
    for (unsigned v = MCP_2024_11_05; name && v < ARRAY_SIZE(names); v++)
        if (strcmp(name, names[v]) == 0)
            return (enum mcp_version)v;
    return MCP_NONE;
}

const char *mcp_version_name(enum mcp_version v)
{
    return names[v];
}

json_t *mcp_version_list(void)
{
    json_t *list = json_array();
    for (unsigned v = MCP_2026_07_28; v >= MCP_2024_11_05; v--)
        json_array_append_new(list, json_string(names[v]));
    return list;
}
