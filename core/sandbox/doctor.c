/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

void sandbox_doctor(json_t *checks, const char *cache_dir)
{
    (void)checks;
    (void)cache_dir;
}
