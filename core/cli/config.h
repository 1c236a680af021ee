/* SPDX-License-Identifier: Apache-2.0
 *
 * config: the options of `seer start` as a SandboxConfig in JSON: the file of --config, and what the
 * other options add to it or set in it.
 */
#ifndef SEER_CLI_CONFIG_H
#define SEER_CLI_CONFIG_H

#include "cli/args.h"
#include "proto/json.h"

_must_check_ int config_from_args(const struct args *a, json_t **ret, struct err *err);
/* [{name, source}] of the --library options. */
_must_check_ int config_libraries(const struct args *a, json_t **ret, struct err *err);
/* {NAME: value} of the config's secrets, from this environment; absent ones are left out. */
json_t *config_secrets(const json_t *config);

#endif
