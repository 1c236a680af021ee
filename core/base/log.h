/* SPDX-License-Identifier: Apache-2.0
 *
 * log: one line per event on standard error, `time level key=value ...`. Only process code (daemon,
 * shim, cli) logs; libraries return errors. Level from SEER_LOG (error, warn, info, debug).
 */
#ifndef SEER_BASE_LOG_H
#define SEER_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
