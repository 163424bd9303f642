#include "rangecoder/range_decoder.h"

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
}

bool range_decoder_finished(const range_decoder *d)
{
    return !d->bad && d->nbytes <= d->pos && d->nbytes + RANGE_STATE_NBYTES >= d->pos;
}
