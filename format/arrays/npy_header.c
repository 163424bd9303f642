#include "arrays/npy_header.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <inttypes.h>
#include <string.h>

/* A cursor that never passes end. Text is compared byte by byte: no locale, no NUL needed. */
typedef struct scanner {
    const char *at, *end;
    const char *name; /* of the file */
} scanner;

static mdla_status malformed(const scanner *s, const char *what, mdla_error *err)
{
    return error_set(err, MDLA_ERR_CORRUPT, "%s: .npy header: %s", s->name, what);
}

static void skip_spaces(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* Takes c, after spaces, where it comes next. */
static bool take(scanner *s, char c)
{
    skip_spaces(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool take_word(scanner *s, const char *word)
{
    const size_t length = strlen(word);

    skip_spaces(s);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return false;
    s->at += length;
    return true;
}

/* A quoted string without escapes: no key or descr that is legal here has any. */
static bool take_string(scanner *s, const char **text, size_t *length)
{
    const char *close;

    skip_spaces(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    close = memchr(s->at + 1, *s->at, (size_t)(s->end - s->at) - 1);
    if (close == NULL)
        return false;
    *text = s->at + 1;
    *length = (size_t)(close - *text);
    s->at = close + 1;
    return memchr(*text, '\\', *length) == NULL;
}

static bool take_number(scanner *s, uint64_t *value)
{
    skip_spaces(s);
    if (s->at == s->end || *s->at < '0' || *s->at > '9')
        return false;
    *value = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        if (!checked_mul_u64(*value, 10, value) ||
            !checked_add_u64(*value, (uint64_t)(*s->at - '0'), value))
            return false;
    }
    if (s->at < s->end && *s->at == 'L') /* Python 2 */
        s->at++;
    return true;
}

static mdla_status parse_shape(scanner *s, npy_header *out, mdla_error *err)
{
    bool comma = false;

    if (!take(s, '('))
        return malformed(s, "shape is no tuple", err);
    out->axes = 0;
    while (!take(s, ')')) {
        if (out->axes != 0 && !comma)
            return malformed(s, "shape is no tuple of whole numbers", err);
        if (out->axes == NPY_AXES_MAX)
            return malformed(s, "shape has more than 64 axes", err);
        if (!take_number(s, &out->shape[out->axes]))
            return malformed(s, "shape is no tuple of whole numbers from 0 to 2^64 - 1", err);
        out->axes++;
        comma = take(s, ',');
    }
    if (out->axes == 1 && !comma) /* (5) is a number to Python */
        return malformed(s, "shape is no tuple", err);
    return MDLA_OK;
}

static mdla_status refuse_descr(const scanner *s, const char *text, size_t length, const char *why,
                                mdla_error *err)
{
    return error_set(err, MDLA_ERR_UNSUPPORTED, "%s: dtype '%.*s': %s", s->name,
                     (int)(length < 40 ? length : 40), text, why);
}

static const char *why_not(char kind)
{
    switch (kind) {
    case 'O': return "objects are pickles, which are never executed; save numbers";
    case 'c': return "complex numbers are no activations; save a real array";
    case 'f': return "extended precision; save as float32 or float64";
    case 'U':
    case 'S':
    case 'a': return "text, not numbers";
    case 'M':
    case 'm': return "dates, not numbers";
    case 'V': return "bytes without a type; save as a float or integer type";
    default: return "not a type of numbers known here";
    }
}

/* descr: byte order, kind, bytes of a value. */
static mdla_status parse_descr(const scanner *s, const char *text, size_t length, int bf16,
                               npy_header *out, mdla_error *err)
{
    static const struct {
        char code[3];
        mdla_dtype dtype;
    } known[] = {{"f2", MDLA_F16}, {"f4", MDLA_F32}, {"f8", MDLA_F64}, {"u1", MDLA_U8},
                 {"i1", MDLA_I8},  {"u2", MDLA_U16}, {"i2", MDLA_I16}, {"u4", MDLA_U32},
                 {"i4", MDLA_I32}, {"u8", MDLA_U64}, {"i8", MDLA_I64}, {"b1", MDLA_BOOL},
                 {"V2", MDLA_BF16}};
    size_t i;

    if (length < 2 || (text[0] != '<' && text[0] != '>' && text[0] != '|'))
        return refuse_descr(s, text, length, "not a type of numbers known here", err);
    for (i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (length == 3 && memcmp(text + 1, known[i].code, 2) == 0)
            break;
    }
    if (i == sizeof known / sizeof known[0])
        return refuse_descr(s, text, length, why_not(text[1]), err);
    out->dtype = known[i].dtype;
    out->big_endian = text[0] == '>';
    if (text[0] == '|' && mdla_dtype_nbytes(out->dtype) > 1 && out->dtype != MDLA_BF16)
        return refuse_descr(s, text, length, "has no byte order", err);
    if (out->dtype == MDLA_BF16 && bf16 <= 0)
        return refuse_descr(
            s, text, length,
            "two bytes without a type, as bfloat16 arrays become; say bf16 if they are that", err);
    if (out->dtype == MDLA_U16 || out->dtype == MDLA_I16) {
        if (bf16 == 0)
            return refuse_descr(
                s, text, length,
                "16-bit integers are often bfloat16 bit patterns; say bf16 or integers", err);
        if (bf16 > 0)
            out->dtype = MDLA_BF16;
    }
    return MDLA_OK;
}

static bool is_key(const char *key, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(key, word, length) == 0;
}

mdla_status npy_header_parse(const char *text, size_t nbytes, int bf16, const char *name,
                             npy_header *out, mdla_error *err)
{
    scanner s = {text, text + nbytes, name};
    bool has_descr = false, has_order = false, has_shape = false;

    memset(out, 0, sizeof *out);
    if (!take(&s, '{'))
        return malformed(&s, "is no plain dict", err);
    while (!take(&s, '}')) {
        const char *key, *value;
        size_t key_length, value_length;

        if (!take_string(&s, &key, &key_length) || !take(&s, ':'))
            return malformed(&s, "is no plain dict", err);
        if (is_key(key, key_length, "descr") && !has_descr) {
            skip_spaces(&s);
            if (s.at < s.end && (*s.at == '[' || *s.at == '('))
                return error_set(err, MDLA_ERR_UNSUPPORTED,
                                 "%s: structured dtype; save one field as a plain array", name);
            if (!take_string(&s, &value, &value_length))
                return malformed(&s, "descr is no string", err);
            MDLA_TRY(parse_descr(&s, value, value_length, bf16, out, err));
            has_descr = true;
        } else if (is_key(key, key_length, "fortran_order") && !has_order) {
            out->fortran_order = take_word(&s, "True");
            if (!out->fortran_order && !take_word(&s, "False"))
                return malformed(&s, "fortran_order is neither True nor False", err);
            has_order = true;
        } else if (is_key(key, key_length, "shape") && !has_shape) {
            MDLA_TRY(parse_shape(&s, out, err));
            has_shape = true;
        } else {
            return error_set(err, MDLA_ERR_CORRUPT,
                             "%s: .npy header: unknown or repeated key '%.*s'", name,
                             (int)(key_length < 40 ? key_length : 40), key);
        }
        if (!take(&s, ',')) {
            if (!take(&s, '}'))
                return malformed(&s, "is no plain dict", err);
            break;
        }
    }
    skip_spaces(&s);
    if (s.at != s.end)
        return malformed(&s, "something follows the dict", err);
    if (!has_descr || !has_order || !has_shape)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: .npy header: lacks %s", name,
                         !has_descr   ? "descr"
                         : !has_order ? "fortran_order"
                                      : "shape");
    return MDLA_OK;
}

/* NumPy's own limit; it also keeps the text small enough to be read at once. */
#define HEADER_MAX 10000

mdla_status npy_header_read(input *in, int bf16, npy_header *out, mdla_error *err)
{
    uint8_t start[12];
    char text[HEADER_MAX];
    uint32_t length;

    MDLA_TRY(input_read(in, start, 8, "the .npy header", err));
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return error_set(err, MDLA_ERR_FORMAT, "%s: is no .npy array", in->name);
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: .npy version %u.%u is not known (1.0, 2.0, 3.0 are)", in->name,
                         start[6], start[7]);
    MDLA_TRY(input_read(in, start + 8, start[6] == 1 ? 2 : 4, "the .npy header", err));
    length = (uint32_t)start[8] | (uint32_t)start[9] << 8;
    if (start[6] != 1)
        length |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
    if (in->source.nbytes != MDLA_UNKNOWN && length > in->source.nbytes - in->position)
        return error_set(err, MDLA_ERR_TRUNCATED,
                         "%s: the .npy header of %" PRIu32 " bytes is cut off", in->name, length);
    if (length > HEADER_MAX)
        return error_set(err, MDLA_ERR_LIMIT,
                         "%s: the .npy header has %" PRIu32 " bytes; at most %d are read", in->name,
                         length, HEADER_MAX);
    MDLA_TRY(input_read(in, text, length, "the .npy header", err));
    return npy_header_parse(text, length, bf16, in->name, out, err);
}
