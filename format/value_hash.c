/* SHA-256 of values, for callers of the library. */
#include "base/alloc.h"
#include "base/sha256.h"
#include "mdla/mdla.h"

struct mdla_value_hash {
    const mdla_allocator *al;
    sha256 state;
};

mdla_status mdla_value_hash_new(const mdla_config *config, mdla_value_hash **out)
{
    mdla_value_hash *hash = alloc_zeroed(alloc_of(config), 1, sizeof *hash);

    *out = hash;
    if (hash == NULL)
        return MDLA_ERR_MEMORY;
    hash->al = alloc_of(config);
    sha256_init(&hash->state);
    return MDLA_OK;
}

void mdla_value_hash_update(mdla_value_hash *hash, const float *values, size_t count)
{
    sha256_update_f32(&hash->state, values, count);
}

void mdla_value_hash_finish(mdla_value_hash *hash, uint8_t digest[32])
{
    if (hash == NULL)
        return;
    if (digest != NULL)
        sha256_finish(&hash->state, digest);
    alloc_free(hash->al, hash);
}
