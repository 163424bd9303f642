/* What mdla-info can tell, by subject. Each returns an exit code and has reported what went wrong.
 */
#ifndef MDLA_INFO_H
#define MDLA_INFO_H

#include "common/listing.h"
#include "mdla/mdla.h"

typedef struct info_subject {
    const char *name;      /* as messages call the file */
    mdla_decoder *decoder; /* of a .mdla file */
    mdla_file_info file;
    mdla_rows *data; /* the rows that the file was made from; NULL: not given */
    listing_form form;
} info_subject;

/** The file at a glance: header, codebook, bits by class. */
int info_file(const info_subject *subject);
/** The codes of rows first .. end - 1; MDLA_UNKNOWN is an open end. */
int info_rows(const info_subject *subject, uint64_t first, uint64_t end);
/** One row's bill: feature, level, strength, bits; with data what each feature saves. */
int info_row(const info_subject *subject, uint64_t row);
/** The rows of one feature: row, level, strength, bits, token where ids travel; those where it is
 * strongest (top > 0). */
int info_feature(const info_subject *subject, uint32_t feature, uint64_t top);
/** The rows of one token: place, features, bits, the strongest features. */
int info_token(const info_subject *subject, int64_t token);
/** The row that stands at a position of a passage, both counted from 0. */
int info_find_place(const info_subject *subject, uint64_t passage, uint64_t position,
                    uint64_t *row);
/** The pairs of features that carry most of the independence gap. */
int info_pairs(const info_subject *subject, uint64_t count);
/** Every feature's parent, where it has one: what telling the parent's flag first saves. */
int info_hierarchy(const info_subject *subject);
/** Sets of features that would take fewer bits as one. */
int info_splits(const info_subject *subject);
/** Every feature: rows, rate, mean level and strength, bits, independence gap. top > 0: of those
 * active anywhere so many that cost most, then as many that cost least, in falling order. */
int info_features(const info_subject *subject, uint64_t top);
/** The rows that cost most, then those that cost least, in falling order of their bits. */
int info_top_rows(const info_subject *subject, uint64_t count);

/** A codebook file. */
int info_codebook(const char *name, const mdla_codebook *codebook, int json);
/** The arrays of a file that holds several. */
typedef struct info_arrays {
    int listed; /* the file is of such a kind */
    size_t count;
    struct info_array_line *lines;
} info_arrays;

/** An mdla_array_visitor; ctx is an info_arrays. */
int info_arrays_add(void *ctx, const mdla_array_entry *entry);
void info_arrays_free(info_arrays *arrays);

/** An array: rows, dims, dtype, SHA-256 of the values as float32. Reads it all. arrays, where it
 * was listed, are shown too; rows may then be NULL: none of them is meant. */
int info_array(const mdla_config *config, const char *name, mdla_rows *rows,
               const info_arrays *arrays, int json);

#endif
