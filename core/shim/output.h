/* SPDX-License-Identifier: Apache-2.0
 *
 * output: session.output and session.notebook.
 */
#ifndef SEER_SHIM_OUTPUT_H
#define SEER_SHIM_OUTPUT_H

#include "shim/session.h"

/* {text, total, next?}: offset and length are bytes of the text's UTF-8, never cutting a character.
 */
void output_request(struct session *se, struct call *take_call);
void output_notebook(struct session *se, struct call *take_call);

#endif
