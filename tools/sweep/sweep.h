/* mdla-sweep: many explanations of the same rows, each as real files, and which of them is
 * shortest.
 *
 * An explanation is a set of atoms: an SAE trained here, one that was given, or a basis. For every
 * target FVU and every number of rows N that would share its codebook it is fitted to the train
 * rows, and the test rows are coded with that codebook: a measurement. All bits are sizes of files.
 */
#ifndef MDLA_SWEEP_H
#define MDLA_SWEEP_H

#include "common/options.h"
#include "sae_open.h"

#include "mdla/mdla.h"
#include "mdla/train.h"

enum { SWEEP_NAME_MAX = 96, SWEEP_KEY_MAX = 400, SWEEP_LIST_MAX = 64 };

typedef struct explanation {
    char name[SWEEP_NAME_MAX]; /* "w1024-l16", "w1024-l16-s1", a given folder's own name */
    const char *path;          /* of a given SAE; NULL: to be trained, or a basis */
    mdla_basis basis;
    uint32_t codewords; /* of onehot and rvq; 0: the default */
    int on_train;       /* as many codewords as train rows: these are coded, as no others can be */
    uint32_t width;     /* of a given SAE and a basis 0 until it is known */
    uint32_t l0;        /* trained for; 0: not known */
    uint64_t seed;
} explanation;

typedef struct sweep_options {
    tool_options common;
    char *data, *test; /* test NULL: the train rows are coded */
    const char *docs, *test_docs;
    mdla_array_options array;
    explanation *explanations;
    size_t explanation_count;
    double fvu[SWEEP_LIST_MAX]; /* falling */
    size_t fvu_count;
    uint64_t rows[SWEEP_LIST_MAX]; /* rows that share the codebook, rising; 0: those of data */
    size_t rows_count;
    uint32_t passes; /* of training; 0: the default */
    int effort;
} sweep_options;

/** Returns -1 to go on, else the exit code; to be freed in any case. */
int sweep_parse(int argc, char **argv, sweep_options *o);
void sweep_options_free(sweep_options *o);

/** What files say of an explanation at one FVU, with a codebook for one number of rows. */
typedef struct measurement {
    int reached;              /* 0: these atoms don't reach the FVU, and nothing below stands */
    uint64_t codebook_nbytes; /* of the codebook's file */
    uint64_t file_nbytes;     /* of the coded test rows; the codebook is only named */
    uint64_t file_rows;
    uint64_t whole_nbytes; /* of the train rows with the codebook inside; 0: not made */
    double fvu, l0;        /* of the test rows as decoded */
    double index_bits, level_bits, additive_bits; /* a row; additive: indices if independent */
    double bound, entropy;                        /* a row: the paper's estimates */
    uint32_t width;
    char why[MDLA_MESSAGE_MAX]; /* it failed, and so isn't reached; else empty */
} measurement;

typedef struct sweep {
    sweep_options *options;
    const char *folder;
    mdla_rows *train, *test;        /* test may be train */
    char train_id[17], test_id[17]; /* of the values and the passages */
    uint64_t train_rows, test_rows;
    uint32_t dims;
    measurement *measured; /* [explanation][fvu][rows] */
    size_t failures;       /* explanations that failed */
} sweep;

/** Bits a row of the coded test rows, the codebook only named. */
double marginal_bits(const measurement *m);
measurement *sweep_at(const sweep *s, size_t explanation, size_t fvu, size_t rows);

/** The SAE: loaded, or trained and kept in the folder for the next run. Returns 0, or -1:
 * reported. */
int sweep_sae(const sweep *s, const explanation *e, mdla_sae **out);

/** Fits, codes and counts; sae is NULL of a basis. Returns 0, or -1: to stop, reported. A failure
 * is reported and noted in out. */
int sweep_measure(const sweep *s, const explanation *e, const mdla_sae *sae, double fvu,
                  uint64_t rows, measurement *out);

/* Results of earlier runs, in FOLDER/measured.csv by key: everything that decides a result. */
typedef struct sweep_cache sweep_cache;
/** Returns 0, or -1: reported. A file that isn't there is an empty cache. */
int sweep_cache_open(const char *folder, sweep_cache **out);
void sweep_cache_free(sweep_cache *cache); /* accepts NULL */
/** Nonzero where it is known. */
int sweep_cache_get(const sweep_cache *cache, const char *key, measurement *out);
/** Adds and writes the file anew. Returns 0, or -1: reported. */
int sweep_cache_put(sweep_cache *cache, const char *key, const measurement *m);

/* Writing FOLDER's results; each returns 0, or -1: reported. */
int sweep_write_tables(const sweep *s);
int sweep_write_report(const sweep *s);
int sweep_draw(const sweep *s);

/* The pictures that sweep_draw makes and the report shows; none in a build that can't draw. */
typedef enum sweep_picture { PICTURE_CURVES, PICTURE_ROWS, PICTURE_WIDTHS } sweep_picture;
/** Nonzero where the sweep gives it something to show. */
int sweep_has_picture(const sweep *s, sweep_picture picture);
/** Its file; of rows and widths there is one for each FVU. */
const char *sweep_picture_name(const sweep *s, sweep_picture picture, size_t fvu, char text[64]);

#endif
