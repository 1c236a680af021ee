/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs: the table. A new command is a file with one `const struct verb verb_x`, and a line here.
 */
#include "cli/verbs.h"

#include <string.h>

#define VERB(name) &verb_##name,
const struct verb *const verbs[] = {VERBS NULL};
#undef VERB

const struct verb *verb_find(const char *name)
{
    for (const struct verb *const *v = verbs; *v; v++)
        if (strcmp((*v)->name, name) == 0)
            return *v;
    return NULL;
}
