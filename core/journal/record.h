/* SPDX-License-Identifier: Apache-2.0
 *
 * record: what a journal says. Each record is one JSON object with a member "t"; the frame around
 * it (journal.h) adds seq (1, 2, 3, ... without gaps) and time_ns (wall clock).
 *
 *   {"t":"session", "v":1, "session":ID, "sandbox":ID, "name":..., "seer":VERSION}      the first
 *   {"t":"kernel",  "state":"starting|ready|restarting|dead", "reason"?, "info"?: language_info}
 *   {"t":"models",  "models":[...facts], "text": model_info_text}
 *   {"t":"cell",    "cell":CELLID, "kind":"code|markdown", "source":..., "origin":"mcp|cli|sdk|page|jupyter"}
 *   {"t":"start",   "cell", "count":N}                       the kernel began it (execute_input)
 *   {"t":"output",  "cell", "output":{nbformat 4.5 output}, "display_id"?}
 *                     output_type stream | display_data | execute_result | error; a stream record is
 *                     the next piece of that stream, the fold joins neighbours
 *   {"t":"update",  "cell", "display_id", "data", "metadata"}   update_display_data
 *   {"t":"clear",   "cell", "wait":bool}                        clear_output
 *   {"t":"end",     "cell", "status":"ok|error|aborted|interrupted|died", "count":N|null, "reason"?}
 *   {"t":"dropped", "cell"?, "bytes":N, "reason"}               what a limit kept out, never silent
 *   {"t":"note",    "text", "level":"info|warn"}                a sentence for the reader
 *
 * CELLID matches nbformat's ^[a-zA-Z0-9-_]{1,64}$ and is the .ipynb cell id. Outputs that belong to
 * no running cell (a thread of an ended one) carry the cell of their parent message. An unknown "t"
 * or member is passed over.
 */
#ifndef SEER_JOURNAL_RECORD_H
#define SEER_JOURNAL_RECORD_H

#define RECORD_VERSION 1

#endif
