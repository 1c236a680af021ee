/* SPDX-License-Identifier: Apache-2.0
 *
 * skeleton: the lowest layer of every sandbox's root, kept in the cache and made once: folders,
 * the links of a merged /usr, an /etc that names root and nobody, and copies of what programs need of
 * the host's /etc. Another one is made when those change. Nothing in it is a sandbox's own.
 */
#ifndef SEER_SANDBOX_SKELETON_H
#define SEER_SANDBOX_SKELETON_H

#include "base/cleanup.h"
#include "base/err.h"
#include "sandbox/ids.h"

/* Makes it when it is missing (other processes may do the same at once). *ret is its path,
 * malloc'ed. */
_must_check_ int skeleton_ensure(const char *cache_dir, const struct ids *ids, char **ret,
                                 struct err *err);

/* The folders at the root that are links into /usr on most machines ("bin", "lib", …). */
extern const char *const skeleton_usr_links[];

#endif
