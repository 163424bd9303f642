/* The range coder's constants, shared by both sides (spec section 5).
 *
 * A carry-correct byte-wise range coder with a 64-bit range. Between symbols the range is at least
 * 2^48, so that probabilities of up to 40 bits lose less than 2^-8 of a symbol's interval, and
 * 2^-13 of a bit on average. Intervals are given as start and size of a power of two: no division
 * while encoding, one while decoding a symbol of many values, none for a bit.
 */
#ifndef MDLA_RANGE_COMMON_H
#define MDLA_RANGE_COMMON_H

#define RANGE_BOTTOM_BITS 48 /* renormalise below 2^48, 16 bits at a time */
#define RANGE_SHIFT_MAX 40   /* most bits of a probability */
#define RANGE_STATE_NBYTES 8

/* Probability of a binary decision, in units of 2^-22. */
#define RANGE_BIT_BITS 22

#endif
