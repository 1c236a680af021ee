/* SPDX-License-Identifier: Apache-2.0
 *
 * markdown: Markdown as HTML (md4c, raw HTML off). The text is an agent's or a kernel's: the page
 * filters the HTML once more before it shows it.
 */
#ifndef SEER_GATEWAY_MARKDOWN_H
#define SEER_GATEWAY_MARKDOWN_H

#include "proto/json.h"

/* HTML of the text, at most a few times its length; NULL when that is not enough. */
json_t *markdown_html(const char *text, size_t len);
/* The event {seq, time_ns, rec} with "html" added to a rec that holds Markdown: a cell of that kind
 * or an output with text/markdown. A new reference; data itself when there is nothing to add. */
json_t *markdown_dress(const json_t *data);

#endif
