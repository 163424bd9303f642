/* What stands behind the public codebook handle. */
#ifndef MDLA_HANDLES_H
#define MDLA_HANDLES_H

#include "codebook/codebook.h"
#include "mdla/mdla.h"

struct mdla_codebook {
    codebook *cb;
};

#endif
