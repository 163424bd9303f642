/* One file of a delphi latent cache that is divided by features. */
#ifndef MDLA_CODES_DELPHI_H
#define MDLA_CODES_DELPHI_H

#include "codes/codes_in.h"

/* What is known of a cache, given or learnt. */
typedef struct delphi_shape {
    mdla_codes_shape codes;
    bool ends_inside; /* rows may end inside the last sequence; its tokens go on to its end */
    uint32_t splits;  /* files of a divided cache; 0: not known */
    bool has_cached;
    uint64_t cached; /* rows, where neither tokens nor anything else tells them */
} delphi_shape;

/* Adds the entries of features start .. end - 1, and the token ids. Rows and context are learnt
 * from the tokens. Takes over the source. */
mdla_status codes_delphi_split(mdla_codes *codes, mdla_source source, const char *name,
                               delphi_shape *shape, uint32_t start, uint32_t end, mdla_error *err);

#endif
