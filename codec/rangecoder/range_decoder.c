#include "rangecoder/range_decoder.h"

#include <math.h>

void range_decoder_init(range_decoder *d, const uint8_t *payload, size_t nbytes)
{
    d->payload = payload;
    d->nbytes = nbytes;
    d->pos = RANGE_STATE_NBYTES;
    d->range = UINT64_MAX;
    d->code = 0;
    d->bad = false;
    for (size_t i = 0; i < RANGE_STATE_NBYTES; i++)
        d->code = d->code << 8 | (i < nbytes ? payload[i] : 0);
    if (d->code == UINT64_MAX) { /* outside the first interval */
        d->bad = true;
        d->code = 0;
    }
}

/* Renormalisation took pos - 8 bytes, all of them written, and the encoder's end adds at most two,
 * the last not zero: within a range of 2^48 there is a multiple of 2^48. */
bool range_decoder_finished(const range_decoder *d)
{
    const size_t taken = d->pos - RANGE_STATE_NBYTES;

    if (d->bad || d->nbytes < taken || d->nbytes - taken > 2)
        return false;
    return d->nbytes == taken || d->payload[d->nbytes - 1] != 0;
}

double range_decoder_spent(const range_decoder *before, const range_decoder *after)
{
    return 8.0 * (double)(after->pos - before->pos) +
           log2((double)before->range / (double)after->range);
}
