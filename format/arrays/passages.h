/* Which passage each row belongs to: where the number beside a row changes, one starts. */
#ifndef MDLA_PASSAGES_H
#define MDLA_PASSAGES_H

#include "arrays/row_numbers.h"

/* starts[i] = 1 where row first + i has another number than the row before it, or is the first of
 * all. MDLA_ERR_DATA where there are fewer numbers than rows. */
mdla_status passages_read(row_numbers *numbers, uint64_t first, uint8_t *starts, size_t row_count,
                          mdla_error *err);

#endif
