/* SPDX-License-Identifier: Apache-2.0
 *
 * ansi: takes terminal escapes and other control characters out of text.
 */
#ifndef SEER_MCP_ANSI_H
#define SEER_MCP_ANSI_H

#include <stddef.h>

/* Works in place; returns the new length. Keeps newline and tab. */
size_t ansi_strip(char *s, size_t len);

#endif
