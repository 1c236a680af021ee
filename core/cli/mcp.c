/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#ifdef SEER_HAVE_MCP
#include "mcp/stdio.h"
#endif

static int run(struct cli *c, const struct args *a, struct err *err)
{
#ifdef SEER_HAVE_MCP
    return mcp_stdio_main();
#else
    return err_set(err, ERR_BUG, "unsupported", "this build of seer has no MCP server");
#endif
}

const struct verb verb_mcp = {
    .name = "mcp",
    .summary = "serve the agent tools over standard input and output (MCP)",
    .more = "For an MCP client's configuration: command \"seer\", arguments [\"mcp\"].",
    .examples = "claude mcp add seer -- seer mcp",
    .run = run,
};
