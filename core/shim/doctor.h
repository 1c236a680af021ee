/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor: `seer-shim --doctor [CACHE]` prints {"checks": [...]} of sandbox_doctor() on standard
 * output: the daemon may not link the walls, so it asks this program.
 */
#ifndef SEER_SHIM_DOCTOR_H
#define SEER_SHIM_DOCTOR_H

/* cache: SEER_CACHE; NULL takes the one of the environment. An exit status. */
int doctor(const char *cache);

#endif
