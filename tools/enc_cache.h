/* mdla-enc --codes-in: a latent cache to a .mdla file. */
#ifndef MDLA_ENC_CACHE_H
#define MDLA_ENC_CACHE_H

#include "enc_options.h"

/** Returns an exit code. */
int enc_cache(const enc_options *o);

#endif
