/* What stands beside the rows in a file: token ids and passage numbers, read again or for the first
 * time once the rows are done. */
#ifndef MDLA_BESIDE_H
#define MDLA_BESIDE_H

#include "arrays/row_numbers.h"
#include "container/file_writer.h"

/* The ids of all rows that the writer has. */
mdla_status beside_write_tokens(file_writer *w, row_numbers *tokens, mdla_error *err);

/* Likewise the numbers of their passages, where they aren't 0, 1, 2 ... in this order. */
mdla_status beside_write_passages(file_writer *w, row_numbers *passages, mdla_error *err);

#endif
