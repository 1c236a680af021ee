/* SPDX-License-Identifier: Apache-2.0
 *
 * page: the files of page/, inside the program. The table is made by embed.py at build time.
 */
#ifndef SEER_GATEWAY_PAGE_H
#define SEER_GATEWAY_PAGE_H

#include <stddef.h>

struct page_file {
    const char *name;
    const char *type; /* Content-Type */
    const char *data;
    size_t len;
};

extern const struct page_file page_files[];
extern const size_t page_files_count;

#endif
