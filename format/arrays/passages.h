/* Which passage each row belongs to: an integer a row, read along with the rows. */
#ifndef MDLA_PASSAGES_H
#define MDLA_PASSAGES_H

#include "input.h"
#include "mdla/mdla.h"

typedef struct passages passages;

/* Opens a 1-D .npy array of integers. Takes over the source, also on failure. */
mdla_status passages_open(const mdla_config *config, mdla_source source, const char *name,
                          passages **out, mdla_error *err);
void passages_close(passages *p); /* accepts NULL */

uint64_t passages_count(const passages *p);

/* starts[i] = 1 where the next row i has another number than the row before it, or is the first.
 * MDLA_ERR_DATA where there are fewer numbers than rows. */
mdla_status passages_read(passages *p, uint8_t *starts, size_t row_count, mdla_error *err);

mdla_status passages_seek(passages *p, uint64_t row, mdla_error *err);

#endif
