/* SPDX-License-Identifier: Apache-2.0
 *
 * What an MCP client sends: bytes cut into lines, through the dispatcher with seer's own table of
 * arguments, into tools that end at once, later, or turn the line into a cell's result.
 */
#include "mcp/content.h"
#include "mcp/dispatch.h"
#include "mcp/lines.h"

#include <stdint.h>

static struct mcp_call *held[MCP_CALLS_MAX];

static void on_send(const char *text, size_t len, void *ctx)
{
    if (len == 0 || text[len])
        abort();
}

static void run_now(struct mcp_call *call, void *ctx)
{
    mcp_call_progress(call, 1, "now");
    mcp_call_finish(call, content_from_cell(mcp_call_args(call), "s"));
}

static void run_later(struct mcp_call *call, void *ctx)
{
    size_t i = 0;
    while (i < MCP_CALLS_MAX && held[i])
        i++;
    if (i == MCP_CALLS_MAX)
        abort();
    held[i] = call;
}

static void on_line(const char *line, size_t len, void *ctx)
{
    struct mcp *m = ctx;
    if (!line) {
        mcp_too_long(m);
        return;
    }
    mcp_message(m, line, len);
    json_t *j = json_parse_any(line, len, NULL);
    json_t *result = j ? content_from_cell(j, "s") : NULL;
    json_decref(result);
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mcp_ops ops = {.send = on_send};
    struct mcp_tool tools[8];
    for (size_t i = 0; i < mcp_tools_count; i++) {
        tools[i] = mcp_tools[i];
        tools[i].run = i % 2 ? run_now : run_later;
    }
    struct mcp *m = mcp_new(&ops, NULL, tools, mcp_tools_count);
    struct lines l = {.held = BUF_INIT(4096)};
    lines_feed(&l, (const char *)data, size, on_line, m);
    for (size_t i = 0; i < MCP_CALLS_MAX; i++)
        if (held[i]) {
            mcp_call_finish(held[i], mcp_text_result("later", false));
            held[i] = NULL;
        }
    buf_done(&l.held);
    mcp_free(m);
    return 0;
}
