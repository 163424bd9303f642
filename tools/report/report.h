/* mdla-report: what is measured of each file, for its page. */
#ifndef MDLA_REPORT_H
#define MDLA_REPORT_H

#include "mdla/mdla.h"

/** How the values of a row lie as an image: [height][width][channels]. width 0: they are none. */
typedef struct image_shape {
    uint32_t width, height, channels; /* channels 1 or 3 */
} image_shape;

typedef struct report_feature {
    uint32_t feature;
    uint64_t rows;                           /* where it is active */
    double strength, index_bits, level_bits; /* sums over these */
} report_feature;

typedef struct report_row {
    uint64_t row;
    size_t features; /* active */
    double bits;
} report_row;

enum { REPORT_TOP_ROWS = 12, REPORT_ROW_BINS = 80 };

typedef struct report_rows {
    report_row rows[REPORT_TOP_ROWS];
    size_t count;
} report_rows;

typedef struct report_file {
    const char *name;
    mdla_decoder *decoder; /* report_close */
    mdla_file_info info;
    mdla_codebook_info codebook;
    mdla_account account;
    image_shape image;
    report_feature *features; /* [info.width], by falling bits */
    uint32_t used;            /* of these, active anywhere */
    report_rows dear, cheap;  /* the rows that cost most, by falling bits, and least, by rising */
    double bin_bits;          /* width of a bin below */
    uint64_t row_bins[REPORT_ROW_BINS]; /* rows by what they cost; the last takes all above */
} report_file;

static inline double report_feature_bits(const report_feature *f)
{
    return f->index_bits + f->level_bits;
}

/** Bits a row of the whole file. 0 without rows. */
double report_file_bits(const report_file *f);
/** The part of the file that is the codebook, 0 .. 1. */
double report_codebook_share(const report_file *f);
/** Mean active features a row; 0 without rows. */
double report_l0(const report_file *f);

/** Opens a file and measures it. image: as given, or zeroed: found out. Returns 0, or -1: reported.
 */
int report_open(const mdla_config *config, const char *path, const mdla_codebook *codebook,
                const image_shape *image, report_file *out);
void report_close(report_file *f); /* a zeroed one is fine */

#endif
