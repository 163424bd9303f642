#include "arrays/convert.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t nbytes;
} dtypes[] = {
    [MDLA_F32] = {"f32", 4},   [MDLA_F16] = {"f16", 2}, [MDLA_BF16] = {"bf16", 2},
    [MDLA_F64] = {"f64", 8},   [MDLA_U8] = {"u8", 1},   [MDLA_I8] = {"i8", 1},
    [MDLA_U16] = {"u16", 2},   [MDLA_I16] = {"i16", 2}, [MDLA_U32] = {"u32", 4},
    [MDLA_I32] = {"i32", 4},   [MDLA_U64] = {"u64", 8}, [MDLA_I64] = {"i64", 8},
    [MDLA_BOOL] = {"bool", 1},
};

const char *mdla_dtype_name(mdla_dtype dtype)
{
    return (size_t)dtype < sizeof dtypes / sizeof dtypes[0] ? dtypes[dtype].name : NULL;
}

size_t mdla_dtype_nbytes(mdla_dtype dtype)
{
    return (size_t)dtype < sizeof dtypes / sizeof dtypes[0] ? dtypes[dtype].nbytes : 0;
}

/* ---- Bit patterns ---------------------------------------------------------------------------- */

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* value >> shift, 1 <= shift <= 31, rounded to nearest even. */
static uint32_t shift_rounded(uint32_t value, unsigned shift)
{
    const uint32_t half = (uint32_t)1 << (shift - 1);
    const uint32_t odd = (value >> shift) & 1;

    return (value + half - 1 + odd) >> shift;
}

float convert_f16_bits(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    const uint32_t exponent = (bits >> 10) & 31;
    const uint32_t fraction = bits & 0x3ff;

    if (exponent == 31)
        return float_of(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) { /* a subnormal is fraction x 2^-24, exact in float32 */
        const float magnitude = (float)fraction * 0x1p-24f;

        return sign != 0 ? -magnitude : magnitude;
    }
    return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t convert_to_f16_bits(float value)
{
    const uint32_t bits = bits_of(value);
    const uint32_t sign = bits >> 16 & 0x8000;
    const uint32_t magnitude = bits & 0x7fffffff;
    uint32_t half;

    if (magnitude > 0x7f800000) {
        half = 0x7c00 | (magnitude >> 13 & 0x3ff);
        half |= half == 0x7c00 ? 0x200
                               : 0; /* a payload in the low bits alone must not become infinity */
    } else if (magnitude >= 0x477ff000) {
        half = 0x7c00; /* 65520, half way past the largest, and beyond */
    } else if (magnitude >= 0x38800000) {
        half = shift_rounded(magnitude - 0x38000000, 13);
    } else if (magnitude >= 0x33000000) { /* 2^-25, which ties to zero, and above: subnormal */
        const uint32_t shift = 126 - (magnitude >> 23);

        half = shift_rounded((magnitude & 0x7fffff) | 0x800000, shift);
    } else {
        half = 0;
    }
    return (uint16_t)(sign | half);
}

uint16_t convert_to_bf16_bits(float value)
{
    const uint32_t bits = bits_of(value);

    if ((bits & 0x7fffffff) > 0x7f800000) {
        const uint32_t high = bits >> 16;

        return (uint16_t)((high & 0x7f) != 0 ? high : high | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float float_of_double_bits(uint64_t bits)
{
    double value;

    if ((bits & INT64_MAX) > 0x7ff0000000000000) { /* the cast would depend on the processor */
        const uint32_t sign = (uint32_t)(bits >> 32) & 0x80000000;
        const uint32_t payload = (uint32_t)(bits >> 29) & 0x7fffff;

        return float_of(sign | 0x7f800000 | (payload != 0 ? payload : 0x400000));
    }
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

static uint64_t double_bits_of_float(float value)
{
    const uint32_t bits = bits_of(value);
    const double wide = (double)value;
    uint64_t wide_bits;

    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint64_t)(bits & 0x80000000) << 32 | 0x7ff0000000000000 |
               (uint64_t)(bits & 0x7fffff) << 29;
    memcpy(&wide_bits, &wide, sizeof wide_bits);
    return wide_bits;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static uint16_t load16(const uint8_t *p, bool big_endian)
{
    return (uint16_t)(big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static uint32_t load32(const uint8_t *p, bool big_endian)
{
    const uint32_t a = load16(p, big_endian), b = load16(p + 2, big_endian);

    return big_endian ? a << 16 | b : b << 16 | a;
}

static uint64_t load64(const uint8_t *p, bool big_endian)
{
    const uint64_t a = load32(p, big_endian), b = load32(p + 4, big_endian);

    return big_endian ? a << 32 | b : b << 32 | a;
}

static void store_le(uint64_t value, size_t nbytes, uint8_t *dst)
{
    size_t i;

    for (i = 0; i < nbytes; i++)
        dst[i] = (uint8_t)(value >> 8 * i);
}

/* The two's complement value of a bit pattern, without relying on how the compiler narrows. */
static int64_t signed_of(uint64_t bits, unsigned width)
{
    const uint64_t sign = (uint64_t)1 << (width - 1);

    return (bits & sign) != 0 ? -(int64_t)(~(bits | (0 - sign))) - 1 : (int64_t)bits;
}

/* ---- To float32 ------------------------------------------------------------------------------ */

static size_t doubles_to_f32(bool big_endian, const uint8_t *src, size_t count, float *dst)
{
    size_t first = count, i;

    for (i = 0; i < count; i++) {
        const uint64_t bits = load64(src + 8 * i, big_endian);

        dst[i] = float_of_double_bits(bits);
        if (first == count && isinf(dst[i]) && (bits & INT64_MAX) < 0x7ff0000000000000)
            first = i;
    }
    return first;
}

size_t convert_to_f32(mdla_dtype dtype, bool big_endian, const uint8_t *src, size_t count,
                      float *dst)
{
    size_t i;

    switch (dtype) {
    case MDLA_F32:
        for (i = 0; i < count; i++) {
            const uint32_t bits = load32(src + 4 * i, big_endian);

            memcpy(dst + i, &bits, sizeof bits); /* not through a float: x87 would quiet a NaN */
        }
        break;
    case MDLA_F16:
        for (i = 0; i < count; i++)
            dst[i] = convert_f16_bits(load16(src + 2 * i, big_endian));
        break;
    case MDLA_BF16:
        for (i = 0; i < count; i++)
            dst[i] = float_of((uint32_t)load16(src + 2 * i, big_endian) << 16);
        break;
    case MDLA_F64: return doubles_to_f32(big_endian, src, count, dst);
    case MDLA_U8:
        for (i = 0; i < count; i++)
            dst[i] = (float)src[i];
        break;
    case MDLA_I8:
        for (i = 0; i < count; i++)
            dst[i] = (float)signed_of(src[i], 8);
        break;
    case MDLA_U16:
        for (i = 0; i < count; i++)
            dst[i] = (float)load16(src + 2 * i, big_endian);
        break;
    case MDLA_I16:
        for (i = 0; i < count; i++)
            dst[i] = (float)signed_of(load16(src + 2 * i, big_endian), 16);
        break;
    case MDLA_U32:
        for (i = 0; i < count; i++)
            dst[i] = (float)load32(src + 4 * i, big_endian);
        break;
    case MDLA_I32:
        for (i = 0; i < count; i++)
            dst[i] = (float)signed_of(load32(src + 4 * i, big_endian), 32);
        break;
    case MDLA_U64:
        for (i = 0; i < count; i++)
            dst[i] = (float)load64(src + 8 * i, big_endian);
        break;
    case MDLA_I64:
        for (i = 0; i < count; i++)
            dst[i] = (float)signed_of(load64(src + 8 * i, big_endian), 64);
        break;
    case MDLA_BOOL:
        for (i = 0; i < count; i++)
            dst[i] = src[i] != 0 ? 1.0f : 0.0f;
        break;
    }
    return count;
}

/* ---- From float32 ---------------------------------------------------------------------------- */

/* Rounded and clamped to [low, high]; both are integers that a double holds. */
static int64_t integer_of(float value, double low, double high)
{
    const double rounded = rint((double)value);

    if (isnan(value))
        return 0;
    if (rounded < low)
        return (int64_t)low;
    return rounded > high ? (int64_t)high : (int64_t)rounded;
}

static uint64_t wide_integer_of(float value, mdla_dtype dtype)
{
    const float rounded = rintf(value);

    if (isnan(value))
        return 0;
    if (dtype == MDLA_U64) {
        if (rounded <= 0.0f)
            return 0;
        return rounded >= 0x1p64f ? UINT64_MAX : (uint64_t)rounded;
    }
    if (rounded <= -0x1p63f)
        return (uint64_t)INT64_MIN;
    return rounded >= 0x1p63f ? (uint64_t)INT64_MAX : (uint64_t)(int64_t)rounded;
}

static uint64_t pattern_of(mdla_dtype dtype, float value)
{
    switch (dtype) {
    case MDLA_F16: return convert_to_f16_bits(value);
    case MDLA_BF16: return convert_to_bf16_bits(value);
    case MDLA_F64: return double_bits_of_float(value);
    case MDLA_U8: return (uint64_t)integer_of(value, 0.0, UINT8_MAX);
    case MDLA_I8: return (uint64_t)integer_of(value, INT8_MIN, INT8_MAX);
    case MDLA_U16: return (uint64_t)integer_of(value, 0.0, UINT16_MAX);
    case MDLA_I16: return (uint64_t)integer_of(value, INT16_MIN, INT16_MAX);
    case MDLA_U32: return (uint64_t)integer_of(value, 0.0, UINT32_MAX);
    case MDLA_I32: return (uint64_t)integer_of(value, INT32_MIN, INT32_MAX);
    case MDLA_U64:
    case MDLA_I64: return wide_integer_of(value, dtype);
    case MDLA_BOOL: return (uint64_t)integer_of(value, 0.0, 1.0);
    case MDLA_F32: break;
    }
    return bits_of(value);
}

void convert_from_f32(mdla_dtype dtype, const float *src, size_t count, uint8_t *dst)
{
    const size_t nbytes = mdla_dtype_nbytes(dtype);
    size_t i;

    for (i = 0; i < count; i++)
        store_le(pattern_of(dtype, src[i]), nbytes, dst + nbytes * i);
}

void convert_to_i64(mdla_dtype dtype, bool big_endian, const uint8_t *src, size_t count,
                    int64_t *dst)
{
    const size_t nbytes = mdla_dtype_nbytes(dtype);
    const bool is_signed = dtype == MDLA_I8 || dtype == MDLA_I16 || dtype == MDLA_I32;

    for (size_t i = 0; i < count; i++, src += nbytes) {
        const uint64_t bits = nbytes == 1   ? *src
                              : nbytes == 2 ? load16(src, big_endian)
                              : nbytes == 4 ? load32(src, big_endian)
                                            : load64(src, big_endian);

        dst[i] = signed_of(bits, is_signed ? 8 * (unsigned)nbytes : 64);
    }
}
