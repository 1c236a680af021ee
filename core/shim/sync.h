/* SPDX-License-Identifier: Apache-2.0
 *
 * sync: a session's journal and notebook to the disk, after each cell, without making anyone wait.
 *
 * What was written survives the death of every process at once; only the machine's own death needs
 * the disk, and an fsync of several milliseconds would be most of a small cell's time. So it is done
 * by libuv's workers, one at a time per session; whatever ended meanwhile is in the next one. A
 * journal whose fdatasync failed takes nothing more (journal.h), and the next call is told.
 */
#ifndef SEER_SHIM_SYNC_H
#define SEER_SHIM_SYNC_H

#include "shim/session.h"

void sync_soon(struct session *se);

#endif
