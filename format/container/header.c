#include "container/header.h"

#include "base/alloc.h"
#include "container/bytes.h"

/* Values of the fields that version 0.3 knows; others are refused by name. */
#define MODEL_ADDITIVE 0
#define MODEL_JOINT 1
#define FLAG_PASSAGES 1u /* starts of passages are coded */
#define FLAG_NORMS 2u    /* rows have a scale, and an offset where the codebook says so */
#define CODES_CACHE 1    /* without atoms */

uint8_t *params_put(const code_params *p, uint8_t *to)
{
    to = bytes_put(to, p->step.mantissa, 4);
    to = bytes_put(to, (uint32_t)p->step.exponent, 4);
    for (unsigned i = 0; i < LEVEL_OFFSETS; i++)
        to = bytes_put(to, (uint8_t)p->level_offset[i], 1);
    return to;
}

void params_get(bytes_in *in, code_params *out)
{
    out->step.mantissa = bytes_u32(in);
    out->step.exponent = bytes_i32(in);
    for (unsigned i = 0; i < LEVEL_OFFSETS; i++) {
        const int offset = bytes_u8(in);
        out->level_offset[i] = (int8_t)(offset >= 128 ? offset - 256 : offset);
    }
}

void header_put(const file_header *h, uint8_t out[HEADER_NBYTES])
{
    uint8_t *at = out;

    at = bytes_put(at, MDLA_FORMAT_MAJOR, 2);
    at = bytes_put(at, MDLA_FORMAT_MINOR, 2);
    at = bytes_put(
        at, (h->code.passages ? FLAG_PASSAGES : 0) | (h->code.norm.coded ? FLAG_NORMS : 0), 4);
    at = bytes_put(at, h->dims, 4);
    at = bytes_put(at, h->width, 4);
    at = bytes_put(at, h->block_rows, 4);
    at = bytes_put(at, (uint64_t)h->dtype, 1);
    at = bytes_put(at, h->code.joint ? MODEL_JOINT : MODEL_ADDITIVE, 1);
    at = bytes_put(at, h->code.cache ? CODES_CACHE : (unsigned)h->code.codes, 1);
    at = bytes_put(at, h->embedded ? 1 : 0, 1);
    if (h->code.cache) {
        at = bytes_put(at, h->code.exact ? 0 : h->params.step.mantissa, 4);
        at = bytes_put(at, h->code.exact ? h->code.zeros : (uint32_t)h->params.step.exponent, 4);
        at = bytes_put(at, h->code.has_signs ? 1 : 0, 4);
        bytes_put(at, h->context, 4);
        return;
    }
    at = params_put(&h->params, at);
    at = bytes_put(at, h->code.norm.scale_bits, 2);
    bytes_put(at, (uint16_t)h->code.norm.offset_exponent, 2);
}

static norm_grid norm_get(bytes_in *in)
{
    const unsigned scale_bits = bytes_u16(in), exponent = bytes_u16(in);

    return (norm_grid){.scale_bits = scale_bits > UINT8_MAX ? UINT8_MAX : (uint8_t)scale_bits,
                       .offset_exponent =
                           (int16_t)(exponent >= 0x8000 ? (int)exponent - 0x10000 : (int)exponent)};
}

/* How a cache's strengths are coded: bytes 24 .. 39. */
static bool strengths_get(bytes_in *in, file_header *out)
{
    const uint32_t mantissa = bytes_u32(in), exponent = bytes_u32(in), has_signs = bytes_u32(in);

    out->code.exact = mantissa == 0;
    out->code.has_signs = has_signs != 0;
    out->code.zeros = out->code.exact ? exponent : 0;
    out->params.step = (quant_step){mantissa, (int32_t)exponent};
    out->context = bytes_u32(in);
    return has_signs <= 1 && out->code.zeros <= STRENGTH_ZEROS_MAX;
}

mdla_status header_get(const chunk *c, const mdla_limits *limits, const char *name,
                       file_header *out, mdla_error *err)
{
    bytes_in in = {c->payload, c->payload + c->nbytes, false};
    unsigned major, minor, dtype, model, codes, embedded;
    uint32_t flags;
    norm_grid norm = {0};
    bool cache, known = true;

    *out = (file_header){0};
    if (c->type != CHUNK_HEAD)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: the first chunk is not the header", name);
    major = bytes_u16(&in);
    minor = bytes_u16(&in);
    if (!in.failed && (major != MDLA_FORMAT_MAJOR || minor != MDLA_FORMAT_MINOR))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: format version %u.%u; this build reads %d.%d: use a matching mdla",
                         name, major, minor, MDLA_FORMAT_MAJOR, MDLA_FORMAT_MINOR);
    flags = bytes_u32(&in);
    out->dims = bytes_u32(&in);
    out->width = bytes_u32(&in);
    out->block_rows = bytes_u32(&in);
    dtype = bytes_u8(&in);
    model = bytes_u8(&in);
    codes = bytes_u8(&in);
    embedded = bytes_u8(&in);
    cache = codes == CODES_CACHE;
    if (cache) {
        known = strengths_get(&in, out);
    } else {
        params_get(&in, &out->params);
        norm = norm_get(&in);
    }
    if (in.failed || in.at != in.end)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: header has %zu bytes, not %d", name, c->nbytes,
                         HEADER_NBYTES);
    norm.coded = (flags & FLAG_NORMS) != 0;
    if ((flags & ~(FLAG_PASSAGES | FLAG_NORMS)) != 0 || model > MODEL_JOINT ||
        codes > CODES_CHOICES || (cache && norm.coded) || !known || embedded > 1 ||
        norm.scale_bits > NORM_SCALE_BITS_MAX ||
        (!norm.coded && (norm.scale_bits != 0 || norm.offset_exponent != 0)))
        return error_set(
            err, MDLA_ERR_UNSUPPORTED,
            "%s: header uses reserved values (flags %#x, model %u, codes %u, codebook %u)", name,
            flags, model, codes, embedded);
    if (mdla_dtype_nbytes((mdla_dtype)dtype) == 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: unknown value type %u", name, dtype);
    if ((out->dims == 0) != cache || out->width == 0 || out->block_rows == 0 ||
        out->block_rows > BLOCK_ROWS_MAX)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: header says dims %u, width %u, block rows %u",
                         name, out->dims, out->width, out->block_rows);
    if (out->dims > limits->max_dims || out->width > limits->max_width)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: dims %u, width %u are above the limits of %u and %u", name, out->dims,
                         out->width, limits->max_dims, limits->max_width);
    out->dtype = (mdla_dtype)dtype;
    out->embedded = embedded != 0;
    out->code.joint = model == MODEL_JOINT;
    out->code.passages = (flags & FLAG_PASSAGES) != 0;
    out->code.norm = norm;
    out->code.cache = cache;
    out->code.codes = cache ? CODES_SPARSE : (code_kind)codes;
    return MDLA_OK;
}

void stats_put(const file_stats *s, uint8_t out[STATS_FIXED_NBYTES])
{
    uint8_t *at = bytes_put_f64(bytes_put_f64(out, s->error_sum), s->deviation_sum);

    memcpy(at, s->decoded_sha256, 32);
}

mdla_status stats_get(const chunk *c, const char *name, file_stats *out, mdla_error *err)
{
    bytes_in in = {c->payload, c->payload + c->nbytes, false};

    if (c->nbytes != STATS_FIXED_NBYTES)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: 'stat' chunk has %zu bytes", name, c->nbytes);
    out->error_sum = bytes_f64(&in);
    out->deviation_sum = bytes_f64(&in);
    memcpy(out->decoded_sha256, in.at, 32);
    return MDLA_OK;
}

void tail_put(const file_tail *t, uint8_t out[TAIL_NBYTES])
{
    bytes_put(bytes_put(bytes_put(out, t->index_offset, 8), t->rows, 8), t->blocks, 8);
}

mdla_status tail_get(const chunk *c, const mdla_limits *limits, const char *name, file_tail *out,
                     mdla_error *err)
{
    bytes_in in = {c->payload, c->payload + c->nbytes, false};

    out->index_offset = bytes_u64(&in);
    out->rows = bytes_u64(&in);
    out->blocks = bytes_u64(&in);
    if (c->type != CHUNK_TAIL || in.failed || in.at != in.end)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: no end mark: the file is cut short or damaged", name);
    if (out->rows > limits->max_rows)
        return error_set(err, MDLA_ERR_LIMIT, "%s: %llu rows are above the limit of %llu", name,
                         (unsigned long long)out->rows, (unsigned long long)limits->max_rows);
    if (out->blocks > out->rows)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: more blocks than rows", name);
    return MDLA_OK;
}
