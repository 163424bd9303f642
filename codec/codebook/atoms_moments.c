#include "codebook/atoms_moments.h"

#include "base/alloc.h"

mdla_status atom_moments_start(atom_moments *m, const mdla_allocator *al, uint32_t width,
                               const float *norm, int together)
{
    *m = (atom_moments){.al = al, .width = width, .norm = norm};
    m->energy = alloc_zeroed(al, width, sizeof *m->energy);
    m->product = together ? alloc_zeroed(al, (size_t)width * width, sizeof *m->product) : NULL;
    if (m->energy == NULL || (together && m->product == NULL)) {
        atom_moments_free(m);
        return MDLA_ERR_MEMORY;
    }
    return MDLA_OK;
}

static float unit_strength(const atom_moments *m, uint32_t feature, float strength)
{
    return m->norm != NULL ? strength * m->norm[feature] : strength;
}

void atom_moments_add_row(atom_moments *m, const uint32_t *feature, const float *strength,
                          size_t count)
{
    for (size_t a = 0; a < count; a++) {
        const size_t i = feature[a];
        const float s = unit_strength(m, feature[a], strength[a]);

        m->energy[i] += (double)s * (double)s;
        for (size_t b = 0; m->product != NULL && b < a; b++) {
            const size_t j = feature[b];

            m->product[i > j ? i * m->width + j : j * m->width + i] +=
                s * unit_strength(m, feature[b], strength[b]);
        }
    }
    m->rows++;
}

void atom_moments_add(atom_moments *m, const sae_codes *codes)
{
    for (size_t r = 0; r < codes->row_count; r++)
        atom_moments_add_row(m, codes->feature + codes->start[r], codes->strength + codes->start[r],
                             codes->start[r + 1] - codes->start[r]);
}

void atom_moments_finish(atom_moments *m)
{
    const double scale = m->rows != 0 ? 1.0 / (double)m->rows : 0.0;

    for (size_t j = 0; j < m->width; j++)
        m->energy[j] *= scale;
    for (size_t i = 0; m->product != NULL && i < (size_t)m->width * m->width; i++)
        m->product[i] *= (float)scale;
}

void atom_moments_free(atom_moments *m)
{
    if (m->al == NULL)
        return;
    alloc_free(m->al, m->energy);
    alloc_free(m->al, m->product);
    m->energy = NULL;
    m->product = NULL;
}
