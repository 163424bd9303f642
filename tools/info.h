/* What mdla-info can tell, by subject. Each returns an exit code and has reported what went wrong. */
#ifndef MDLA_INFO_H
#define MDLA_INFO_H

#include "mdla/mdla.h"

typedef struct info_subject {
    const char *name;      /* as messages call the file */
    mdla_decoder *decoder; /* of a .mdla file */
    mdla_file_info file;
    int json;
} info_subject;

/** The file at a glance: header, codebook, bits by class. */
int info_file(const info_subject *subject);
/** One row's bill: feature, level, strength, bits. */
int info_row(const info_subject *subject, uint64_t row);
/** The rows of one feature: row, level, strength, bits; CSV or JSON. */
int info_feature(const info_subject *subject, uint32_t feature);
/** Every feature: rows, rate, mean level and strength, bits; CSV or JSON. */
int info_features(const info_subject *subject);

/** A codebook file. */
int info_codebook(const char *name, const mdla_codebook *codebook, int json);
/** An array: rows, dims, dtype, SHA-256 of the values as float32. Reads it all. */
int info_array(const mdla_config *config, const char *name, mdla_rows *rows, int json);

#endif
