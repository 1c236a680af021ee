/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/job.h"

#define SESSION                                                                                    \
    "\"session_id\": {\"type\": \"string\", \"description\": \"The session's id, as the set-up "   \
    "script printed it\"}"
#define OBJECT(required, properties)                                                               \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "], "      \
    "\"additionalProperties\": false}"
#define RESULT(required, properties)                                                               \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}"

const struct mcp_tool mcp_tools[] = {
    {
        .name = "attach_to_session",
        .title = "Attach to a session",
        .description =
            "Look at a running notebook session before working in it: says its state, where its "
            "notebook is, and which models are loaded as variables already.",
        .input =
            OBJECT("\"session_id\", \"jupyter_url\"", SESSION
                   ", \"jupyter_url\": {\"type\": \"string\", \"description\": \"The session's "
                   "address, as the set-up script printed it\"}"),
        .output = RESULT(
            "\"session_id\", \"state\"",
            "\"session_id\": {\"type\": \"string\"}, \"name\": {\"type\": \"string\"}, "
            "\"state\": {\"type\": \"string\"}, \"notebook\": {\"type\": \"string\"}, "
            "\"jupyter_url\": {\"type\": \"string\"}, \"model_info\": {\"type\": \"string\"}"),
        .annotations = "{\"readOnlyHint\": true, \"openWorldHint\": false}",
        .run = job_attach,
    },
    {
        .name = "execute_code",
        .title = "Execute code",
        .description =
            "Run Python as a new cell of the session's notebook and return what it printed, showed "
            "and raised, images included. Variables stay for later calls. Long output loses its "
            "middle; get_output reads all of it.",
        .input = OBJECT("\"session_id\", \"code\"", SESSION
                        ", \"code\": {\"type\": \"string\", \"description\": \"Python, as in a "
                        "notebook cell\"}, \"timeout\": {\"type\": \"number\", \"minimum\": 0.001, "
                        "\"description\": \"Seconds to wait for the end; the cell goes on after "
                        "that. Without it: until the end\"}"),
        .annotations =
            "{\"readOnlyHint\": false, \"destructiveHint\": true, \"idempotentHint\": false, "
            "\"openWorldHint\": true}",
        .run = job_execute,
    },
    {
        .name = "add_markdown",
        .title = "Add markdown",
        .description =
            "Add a Markdown cell to the session's notebook, to note what was done and found.",
        .input =
            OBJECT("\"session_id\", \"markdown\"", SESSION
                   ", \"markdown\": {\"type\": \"string\", \"description\": \"The cell's text\"}"),
        .output = RESULT("\"cell\"", "\"cell\": {\"type\": \"string\"}"),
        .annotations =
            "{\"readOnlyHint\": false, \"destructiveHint\": false, \"idempotentHint\": false, "
            "\"openWorldHint\": false}",
        .run = job_markdown,
    },
    {
        .name = "get_output",
        .title = "Read a cell's output",
        .description =
            "Read the text a cell has put out, page by page: of a cell that still runs, or "
            "whose output execute_code had to shorten.",
        .input =
            OBJECT("\"session_id\", \"cell\"", SESSION
                   ", \"cell\": {\"type\": \"string\", \"description\": \"The cell's id, as "
                   "execute_code named it\"}, \"offset\": {\"type\": \"integer\", \"minimum\": 0, "
                   "\"description\": \"Where to begin; 0 without it\"}, \"length\": {\"type\": "
                   "\"integer\", \"minimum\": 1, \"description\": \"How much to read; at most and "
                   "without it 20000\"}"),
        .annotations = "{\"readOnlyHint\": true, \"openWorldHint\": false}",
        .run = job_output,
    },
    {
        .name = "interrupt",
        .title = "Interrupt",
        .description = "Stop the cell that runs now, as Ctrl-C does; cells that wait are dropped, "
                       "variables stay.",
        .input = OBJECT("\"session_id\"", SESSION),
        .output = RESULT("\"was_busy\"", "\"was_busy\": {\"type\": \"boolean\"}"),
        .annotations =
            "{\"readOnlyHint\": false, \"destructiveHint\": true, \"idempotentHint\": true, "
            "\"openWorldHint\": false}",
        .run = job_interrupt,
    },
};
const size_t mcp_tools_count = ARRAY_SIZE(mcp_tools);
