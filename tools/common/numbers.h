/* Numbers in and out: strict parsing (the whole text, within a range), and digits grouped for
 * people. */
#ifndef MDLA_TOOL_NUMBERS_H
#define MDLA_TOOL_NUMBERS_H

#include "mdla/base.h"

#include <stdint.h>

/** Decimal digits alone. Returns 0, or -1 where text isn't a number in [low, high]. */
int number_parse_u64(const char *text, uint64_t low, uint64_t high, uint64_t *out);

/** A finite decimal number with low < number < high. Returns 0 or -1. */
int number_parse_double(const char *text, double low, double high, double *out);

/** A half-open range "A:B", "A:" or ":B"; an open end is MDLA_UNKNOWN. Returns 0, or -1 where B < A
 * too. */
int number_parse_range(const char *text, uint64_t *first, uint64_t *end);

/** Reports the first of values[rows][dims] that is NaN or infinite, if one is. name: of the data;
 * first: the number of the first row. Returns 0 or -1. */
int number_check_finite(const char *name, const float *values, size_t rows, size_t dims,
                        uint64_t first);

/** Bytes that hold any number of number_grouped. */
#define NUMBER_TEXT_MAX 32

/** "1,234,567", or "unknown" for MDLA_UNKNOWN, into text[NUMBER_TEXT_MAX]; returns text. */
const char *number_grouped(uint64_t number, char *text);

/** "60,000", "3.2 million", into text[NUMBER_TEXT_MAX]; returns text. */
const char *number_in_words(double number, char *text);

/** Bytes that hold a SHA-256 in hexadecimal with its terminating zero. */
#define SHA256_TEXT_MAX 65

const char *number_sha256(const uint8_t sha256[32], char *text);

#endif
