/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/output.h"

#include "notebook/page.h"

void output_request(struct session *se, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    const char *id = json_str(params, "cell", "");
    _cleanup_json_ json_t *cell = fold_cell(se->fold, id);
    struct err err = ERR_INIT;
    json_t *page = cell ? page_of_cell(cell, params, &err) : NULL;
    if (!cell)
        err_set(&err, ERR_USER, "no_such_cell", "session %s has no cell '%.64s'", se->id, id);
    if (page)
        call_reply(take_call, page);
    else
        call_fail(take_call, &err);
}

void output_notebook(struct session *se, struct call *take_call)
{
    json_t *result = json_object();
    json_object_set_new(result, "notebook", fold_notebook(se->fold));
    json_object_set_new(result, "path", json_string(notebook_file_path(se->notebook)));
    call_reply(take_call, result);
}
