/* One file of a delphi latent cache that is divided by features. */
#ifndef MDLA_CODES_DELPHI_H
#define MDLA_CODES_DELPHI_H

#include "codes/codes_in.h"

/* Adds the entries of features start .. end - 1. shape is what is known so far, and learns rows and
 * context from the tokens. Takes over the source. */
mdla_status codes_delphi_split(mdla_codes *codes, mdla_source source, const char *name,
                               mdla_codes_shape *shape, uint32_t start, uint32_t end,
                               mdla_error *err);

#endif
