/* Codes to rows, in integers (spec section 10): the sum of coefficient x atom over a row's active
 * features, the bias, the row's scale and offset where it has them, and one conversion to float32.
 * Same bits on every processor.
 */
#ifndef MDLA_SYNTHESIS_H
#define MDLA_SYNTHESIS_H

#include "block/code_model.h"

#include <stdbool.h>

/* False where a sum could leave its bits or a value its range: no encoder writes such a row, a
 * decoder refuses it. */
bool synthesis_fits(const code_model *m, const row_code *code);

/* out: float32 [dims]. accumulator: scratch int32 [dims]. The code must fit. */
void synthesis_row(const code_model *m, const row_code *code, int32_t *accumulator, float *out);

#endif
