/* Posting lists while a file is written: blocks come in order, lists go out by feature. Memory is
 * bounded; what exceeds it waits in a scratch file. */
#ifndef MDLA_POSTING_BUILDER_H
#define MDLA_POSTING_BUILDER_H

#include "container/chunk.h"
#include "search/search.h"

typedef struct posting_builder posting_builder;

/* NULL: no memory. */
posting_builder *posting_builder_new(const mdla_allocator *al, uint32_t width);
void posting_builder_free(posting_builder *b); /* accepts NULL */

/* The next block's codes. */
mdla_status posting_builder_block(posting_builder *b, const code_rows *codes, mdla_error *err);

/* All lists as post chunks (spec section 4.7); once, after the last block. */
mdla_status posting_builder_write(posting_builder *b, chunk_writer *out, mdla_error *err);

#endif
