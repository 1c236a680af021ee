/* SPDX-License-Identifier: Apache-2.0
 *
 * torch: which wheel a machine without a GPU takes. Plain `torch` from the default index is the CUDA
 * build of several GB; a wheel in a find-links folder that has no CUDA in it is to be preferred.
 */
#ifndef SEER_IMAGE_TORCH_H
#define SEER_IMAGE_TORCH_H

#include "proto/json.h"

/* Looks through the folders among find_links for torch wheels of this tag ("cp311") and machine.
 * Returns the version of the newest ("2.13.0+cpu"), malloc'ed, or NULL. */
char *torch_cpu_wheel(const json_t *find_links, const char *tag, const char *machine);
/* -1, 0, 1 by the numbers in them. */
int torch_version_cmp(const char *a, const char *b);

#endif
