/* Token ids of a .mdla file, looked up row by row. */
#ifndef MDLA_INFO_TOKENS_H
#define MDLA_INFO_TOKENS_H

#include "info.h"

typedef struct token_ids {
    mdla_decoder *decoder;
    uint64_t rows, first;
    size_t count;       /* of the ids in memory, from row first on */
    int64_t *ids;       /* NULL: the file has none */
    mdla_status status; /* of the last read: sticky */
    mdla_error err;
} token_ids;

/** Where the file has no token ids, none can be got. Returns 0, or -1: no memory. */
int token_ids_open(token_ids *t, const info_subject *subject);
/** The id of a row that exists; 0 once a read has failed. */
int64_t token_ids_get(token_ids *t, uint64_t row);
void token_ids_close(token_ids *t);

/** Reports where a file has rows and no token ids; returns an exit code. */
int token_ids_check(const info_subject *subject);

#endif
