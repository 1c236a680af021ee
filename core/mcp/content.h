/* SPDX-License-Identifier: Apache-2.0
 *
 * content: a cell's result (session.execute, session.wait) as an MCP tool result. Pure.
 *
 * Text and images come in the order of the outputs; neighbouring text is one block. Terminal colours
 * are taken out. What is about the cell rather than of it stands in `_meta` under "seer/cell" and not
 * in structuredContent: several clients give their model structuredContent instead of the content
 * when both are there, and images and text would be lost.
 */
#ifndef SEER_MCP_CONTENT_H
#define SEER_MCP_CONTENT_H

#include "proto/json.h"

/* Characters of text in one result: about 5,000 tokens, under every client's own cap. */
#define CONTENT_TEXT_MAX 20000
/* Base64 of one image (model APIs take 5 MB), and images in one result. */
#define CONTENT_IMAGE_MAX (4u << 20)
#define CONTENT_IMAGES_MAX 16

/* result: as session.execute answers; borrowed. Returns a tool result. */
json_t *content_from_cell(const json_t *result, const char *session);
/* A failure of seer itself: what failed, and what to do. */
json_t *content_from_err(const struct err *err);

#endif
