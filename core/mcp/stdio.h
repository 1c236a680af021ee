/* SPDX-License-Identifier: Apache-2.0
 *
 * stdio: `seer mcp`. One client on stdin and stdout, a JSON-RPC message a line, nothing else on
 * stdout. Ends when stdin does; cells under way go on in their sandboxes.
 */
#ifndef SEER_MCP_STDIO_H
#define SEER_MCP_STDIO_H

/* Returns the exit status. */
int mcp_stdio_main(void);

#endif
