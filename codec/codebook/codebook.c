#include "codebook/codebook.h"

#include "base/alloc.h"
#include "base/sha256.h"

#include <math.h>

/* Entries that stand in memory. */
static uint64_t atom_entries(uint32_t dims, uint32_t width, const codebook_basis *basis)
{
    return basis->kind == CODEBOOK_IDENTITY ? 0 : (uint64_t)width * dims;
}

static bool is_signed(const codebook_basis *basis)
{
    return basis->kind == CODEBOOK_IDENTITY || basis->kind == CODEBOOK_SIGNED;
}

codebook *codebook_new(const mdla_allocator *al, uint32_t dims, uint32_t width,
                       const codebook_basis *basis)
{
    codebook *cb = alloc_zeroed(al, 1, sizeof *cb);

    if (cb == NULL)
        return NULL;
    cb->al = al;
    cb->cache = dims == 0;
    cb->dims = dims;
    cb->width = width;
    cb->hazard_count = CODEBOOK_HAZARDS;
    cb->basis = basis != NULL ? *basis : (codebook_basis){CODEBOOK_SPARSE, 1};
    cb->signs = is_signed(&cb->basis) ? 2 : 1;
    cb->bias = alloc_zeroed(al, dims, sizeof *cb->bias);
    cb->rate_index = alloc_zeroed(al, width, sizeof *cb->rate_index);
    cb->level_class = alloc_zeroed(al, (size_t)width * cb->signs, sizeof *cb->level_class);
    cb->negative = alloc_zeroed(al, width, sizeof *cb->negative);
    /* Not zeroed: pages that a lying header asks for are never touched. */
    cb->atoms = alloc_array(al, (size_t)atom_entries(dims, width, &cb->basis), sizeof *cb->atoms);
    cb->order = alloc_zeroed(al, width, sizeof *cb->order);
    cb->rank = alloc_zeroed(al, width, sizeof *cb->rank);
    cb->rate_cum = alloc_zeroed(al, (size_t)width + 1, sizeof *cb->rate_cum);
    cb->atom_peak = alloc_zeroed(al, width, sizeof *cb->atom_peak);
    cb->survival = alloc_zeroed(al, 1, sizeof *cb->survival);
    if (cb->bias == NULL || cb->rate_index == NULL || cb->level_class == NULL ||
        cb->negative == NULL || cb->atoms == NULL || cb->order == NULL || cb->rank == NULL ||
        cb->rate_cum == NULL || cb->atom_peak == NULL || cb->survival == NULL) {
        codebook_free(cb);
        return NULL;
    }
    survival_table_init(cb->survival);
    return cb;
}

void codebook_free(codebook *cb)
{
    if (cb == NULL)
        return;
    alloc_free(cb->al, cb->bias);
    alloc_free(cb->al, cb->rate_index);
    alloc_free(cb->al, cb->level_class);
    alloc_free(cb->al, cb->negative);
    joint_model_free(cb->joint);
    alloc_free(cb->al, cb->atoms);
    alloc_free(cb->al, cb->order);
    alloc_free(cb->al, cb->rank);
    alloc_free(cb->al, cb->rate_cum);
    alloc_free(cb->al, cb->atom_peak);
    alloc_free(cb->al, cb->survival);
    alloc_free(cb->al, cb->bytes);
    alloc_free(cb->al, cb);
}

uint64_t codebook_memory(uint32_t dims, uint32_t width, const codebook_basis *basis)
{
    return atom_entries(dims, width, basis) * sizeof(int16_t) + (uint64_t)width * 26 +
           (uint64_t)dims * 4 + sizeof(codebook) + sizeof(survival_table);
}

code_kind codebook_codes(const codebook *cb)
{
    return cb->basis.kind == CODEBOOK_CHOICES ? CODES_CHOICES
           : cb->signs == 2                   ? CODES_SIGNED
                                              : CODES_SPARSE;
}

mdla_status codebook_derive_order(codebook *cb)
{
    uint32_t next[RATE_INDEX_MAX + 1] = {0}; /* counting sort: where each rate index goes on */
    uint32_t begin = 0;

    for (uint32_t j = 0; j < cb->width; j++) {
        if (cb->rate_index[j] > RATE_INDEX_MAX)
            return MDLA_ERR_CORRUPT;
        next[cb->rate_index[j]]++;
    }
    for (uint32_t i = 0; i <= RATE_INDEX_MAX; i++) {
        const uint32_t count = next[i];

        next[i] = begin;
        begin += count;
    }
    for (uint32_t j = 0; j < cb->width; j++) {
        const uint32_t place = cb->basis.kind == CODEBOOK_CHOICES ? j : next[cb->rate_index[j]]++;

        cb->order[place] = j;
        cb->rank[j] = place;
    }
    cb->rate_cum[0] = 0;
    for (uint32_t r = 0; r < cb->width; r++)
        cb->rate_cum[r + 1] = cb->rate_cum[r] + survival_cost[cb->rate_index[cb->order[r]]];
    return MDLA_OK;
}

void codebook_derive_peaks(codebook *cb)
{
    for (uint32_t j = 0; j < cb->width; j++) {
        const bool none = cb->basis.kind == CODEBOOK_IDENTITY;
        const int16_t *atom = none ? NULL : cb->atoms + (size_t)j * cb->dims;
        int peak = none ? 1 << ATOM_SCALE_BITS : 0;

        for (uint32_t d = 0; !none && d < cb->dims; d++) {
            const int magnitude = atom[d] < 0 ? -atom[d] : atom[d];
            peak = magnitude > peak ? magnitude : peak;
        }
        cb->atom_peak[j] = (uint16_t)peak;
    }
}

void codebook_name(codebook *cb)
{
    sha256 s;

    sha256_init(&s);
    sha256_update(&s, cb->bytes, cb->nbytes);
    sha256_finish(&s, cb->sha256);
}

bool code_params_in_range(const code_params *p)
{
    for (unsigned i = 0; i < LEVEL_OFFSETS; i++) {
        if (p->level_offset[i] < LEVEL_OFFSET_LEAST)
            return false;
    }
    return p->step.mantissa >= 256 && p->step.mantissa < 1u << 23 && p->step.exponent >= -120 &&
           p->step.exponent <= 80;
}

double quant_step_value(quant_step step)
{
    return ldexp((double)step.mantissa / 256.0, step.exponent + ATOM_SCALE_BITS);
}
