/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEER_CLI_VERBS_H
#define SEER_CLI_VERBS_H

#include "cli/cli.h"

/* In the order of the help text. */
#define VERBS                                                                                      \
    VERB(start)                                                                                    \
    VERB(code)                                                                                     \
    VERB(exec)                                                                                     \
    VERB(ps)                                                                                       \
    VERB(logs)                                                                                     \
    VERB(interrupt)                                                                                \
    VERB(stop)                                                                                     \
    VERB(doctor)                                                                                   \
    VERB(mcp)                                                                                      \
    VERB(daemon)                                                                                   \
    VERB(completion)                                                                               \
    VERB(version)                                                                                  \
    VERB(help)

#define VERB(name) extern const struct verb verb_##name;
VERBS
#undef VERB

#endif
