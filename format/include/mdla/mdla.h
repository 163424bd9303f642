/* mdla: the library. Rows and SAEs in, .mdla files out, rows and bits back.
 *
 * The life of a file:
 *   mdla_rows_open      activation rows from an array file (or mdla_rows_from_memory)
 *   mdla_sae_load       the SAE whose atoms and code are to be used
 *   mdla_codebook_fit   atoms in integers and priors, from the SAE and rows: a mdla_codebook
 *   mdla_encode         rows to a .mdla file, at a target FVU, rate or step
 *   mdla_decoder_open   ... mdla_decoder_read_rows: the rows again; mdla_decoder_account: the bits
 *
 * Threads: a handle is used by one thread at a time; different handles are independent. A
 * mdla_codebook and a mdla_sae may be shared by any number of handles and threads once they exist.
 * Ownership: what _open, _load, _fit or _from_ returned is the caller's until _close or _free, both
 * of which accept NULL. On failure the out pointer is NULL and nothing is to be freed. Where a
 * function takes a mdla_source or mdla_sink, it owns it from the call on, also on failure. Errors:
 * every failing call returns a status and, where err is not NULL, leaves a sentence there.
 */
#ifndef MDLA_MDLA_H
#define MDLA_MDLA_H

#include "mdla/base.h"

/** Version of the file format that this library reads and writes. */
#define MDLA_FORMAT_MAJOR 0
#define MDLA_FORMAT_MINOR 3

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sources and sinks ready made ------------------------------------------------------------ */

/** A file for reading; "-" is standard input (no seeking where it is a pipe). */
MDLA_API MDLA_MUST_USE mdla_status mdla_source_file(const char *path, mdla_source *out,
                                                    mdla_error *err);

/** Bytes that the caller keeps alive until close. */
MDLA_API void mdla_source_memory(const void *bytes, size_t nbytes, mdla_source *out);

/**
 * A file for writing; "-" is standard output. Written under a temporary name beside the target and
 * renamed when closed with keep != 0; removed otherwise. An existing file is an error unless
 * overwrite.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_sink_file(const char *path, int overwrite, mdla_sink *out,
                                                  mdla_error *err);

/** Growing memory: *bytes and *nbytes are set when the sink is closed with keep != 0; release
 * *bytes with free(). */
MDLA_API MDLA_MUST_USE mdla_status mdla_sink_memory(void **bytes, size_t *nbytes, mdla_sink *out);

/** A folder's members by name, behind callbacks, so that a folder, a zip or memory will do. */
typedef struct mdla_folder {
    void *ctx;
    /** Opens a member for reading. MDLA_ERR_IO with err filled where it doesn't exist. */
    mdla_status (*open)(void *ctx, const char *member, mdla_source *out, mdla_error *err);
    /** Opens a member for writing; NULL where the folder is for reading alone. */
    mdla_status (*create)(void *ctx, const char *member, mdla_sink *out, mdla_error *err);
    void (*close)(void *ctx); /**< may be NULL */
    /** The one member that is meant, where a file was named and not its folder; may be NULL. The
     * folder's. */
    const char *chosen;
    /** The folder's full path, or NULL. Some layouts say by a folder's name alone what they hold
     * (transcoders, finished trainings); nothing is opened by it. The folder's. */
    const char *origin;
} mdla_folder;

/** A folder on disk; a member's name may lead into folders below, never out of it. A path to a file
 * stands for its folder with that file chosen. create != 0 makes the folder where it doesn't exist,
 * and lets members be replaced. */
MDLA_API MDLA_MUST_USE mdla_status mdla_folder_path(const char *path, int create, mdla_folder *out,
                                                    mdla_error *err);

/* ---- Activation rows ------------------------------------------------------------------------- */

/** Types of values in files. Values are pinned: they stand in .mdla headers. */
typedef enum mdla_dtype {
    MDLA_F32 = 0,
    MDLA_F16 = 1,
    MDLA_BF16 = 2,
    MDLA_F64 = 3,
    MDLA_U8 = 4,
    MDLA_I8 = 5,
    MDLA_U16 = 6,
    MDLA_I16 = 7,
    MDLA_U32 = 8,
    MDLA_I32 = 9,
    MDLA_U64 = 10,
    MDLA_I64 = 11,
    MDLA_BOOL = 12
} mdla_dtype;

/** "f32", "bf16" ...; NULL for a value that is none of them. */
MDLA_API const char *mdla_dtype_name(mdla_dtype dtype);
/** Bytes of one value; 0 for a value that is no mdla_dtype. */
MDLA_API size_t mdla_dtype_nbytes(mdla_dtype dtype);

/** A stream of float32 rows of equal length, rewindable where its sources are. */
typedef struct mdla_rows mdla_rows;

/** What a file can't say of itself. Zeroed: detect everything. */
typedef struct mdla_array_options {
    uint32_t raw_dims; /**< nonzero: the source is bare little-endian float32 rows of this length */
    /** What 16-bit integers (anywhere but in IDX) and 2-byte voids in a .npy file are: positive,
     * bfloat16 bit patterns; negative, integers (voids are refused); 0, not known: refused with a
     * sentence, since bfloat16 arrays are often saved so and would read as plausible nonsense. */
    int bf16;
    /** Which array of a file that holds several: a tensor's, a member's or a column's name. NULL:
     * the only one, or the only one of floats with two axes or more. */
    const char *array;
    /** Nonzero: integers that stand beside rows, one a row, for mdla_rows_set_passages and
     * _set_tokens: all axes are flattened, 16 bits are integers, and floats are refused. From such
     * a handle no rows are read. */
    int numbers;
} mdla_array_options;

/**
 * Opens one array as rows. The kind is detected from its first bytes: .npy versions 1 to 3; .npz;
 * safetensors; an Arrow stream, as Hugging Face datasets writes its shards; IDX, plain or gzipped;
 * a PNG image, 8-bit grey or RGB, which is one row; raw with raw_dims. Leading axes are flattened
 * to rows, but an IDX file's first axis is the rows. Integers keep their values, doubles are
 * rounded to nearest even. The header is read here, the rows by mdla_rows_read. The decoder library
 * knows no safetensors and no PNG.
 *
 * @param name  how messages call the source; copied.
 * @return MDLA_ERR_FORMAT not a known kind; MDLA_ERR_UNSUPPORTED a dtype or variant refused by
 * name, or a kind that needs seeking from a pipe; MDLA_ERR_ARGUMENT no array of that name, or
 * several and no name; MDLA_ERR_DATA no matrix of rows (1-D); MDLA_ERR_TRUNCATED, MDLA_ERR_CORRUPT
 * sizes that disagree; MDLA_ERR_LIMIT, MDLA_ERR_MEMORY, MDLA_ERR_IO.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_open(const mdla_config *config, mdla_source source,
                                                  const char *name,
                                                  const mdla_array_options *options,
                                                  mdla_rows **out, mdla_error *err);

/** One array of a file that holds several; valid during the call that shows it. */
typedef struct mdla_array_entry {
    const char *name;
    const char *dtype;     /**< in the file's own words, such as "BF16", "<f4", "list<list<f32>>" */
    int is_float;          /**< values of f16, bf16, f32 or f64 */
    unsigned axes;         /**< of an Arrow column: the levels of lists and the records */
    const uint64_t *shape; /**< [axes]; MDLA_UNKNOWN where only the values would tell */
} mdla_array_entry;

/** Nonzero stops. */
typedef int (*mdla_array_visitor)(void *ctx, const mdla_array_entry *entry);

/**
 * Shows the arrays of a .npz file, a safetensors file or an Arrow stream, in the file's order. The
 * headers are read, no values.
 * @return MDLA_ERR_FORMAT none of these kinds; else as mdla_rows_open.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_array_list(const mdla_config *config, mdla_source source,
                                                   const char *name, mdla_array_visitor visitor,
                                                   void *ctx, mdla_error *err);

/** Rows in the caller's memory, float32 [row_count][dims], which must outlive the handle. */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_from_memory(const mdla_config *config,
                                                         const float *values, uint64_t row_count,
                                                         uint32_t dims, mdla_rows **out,
                                                         mdla_error *err);
/** The same for values of any type, in the machine's byte order; MDLA_BF16 are bit patterns in 16
 * bits. They are converted as they are read, and mdla_rows_dtype says what they are. */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_from_values(const mdla_config *config,
                                                         const void *values, mdla_dtype dtype,
                                                         uint64_t row_count, uint32_t dims,
                                                         mdla_rows **out, mdla_error *err);

/**
 * Shards one after the other as one stream. Takes over the parts (also on failure); the array stays
 * the caller's. MDLA_ERR_ARGUMENT where dims differ. The dtype is the first part's.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_concat(const mdla_config *config, mdla_rows **parts,
                                                    size_t count, mdla_rows **out, mdla_error *err);

/** One file of many; array as in mdla_array_options, NULL: as the options say. */
typedef struct mdla_shard {
    const char *file;
    const char *array;
} mdla_shard;

/**
 * Files by name as one stream of rows, in this order: any number of them, since each is open only
 * while its rows are read. All headers are read here. Files must be able to seek (no pipes: see
 * mdla_rows_concat). Takes over the folder, whose open callback is called with each file's name;
 * copies the names. MDLA_ERR_ARGUMENT where dims differ. The dtype is the first file's.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_open_shards(const mdla_config *config,
                                                         mdla_folder folder,
                                                         const mdla_shard *shards, size_t count,
                                                         const mdla_array_options *options,
                                                         mdla_rows **out, mdla_error *err);

/** Nonzero stops. */
typedef int (*mdla_file_visitor)(void *ctx, const char *file);

/**
 * Shows the Arrow shards of a Hugging Face data set on disk, in the order of its records, as
 * state.json in the folder says. Takes over the folder. MDLA_ERR_UNSUPPORTED where an index
 * permutes the records. The decoder library hasn't got it.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_dataset_list(const mdla_config *config, mdla_folder folder,
                                                     const char *name, mdla_file_visitor visitor,
                                                     void *ctx, mdla_error *err);

MDLA_API uint32_t mdla_rows_dims(const mdla_rows *rows);
MDLA_API uint64_t
mdla_rows_count(const mdla_rows *rows); /**< or MDLA_UNKNOWN (raw rows from a pipe) */
MDLA_API mdla_dtype mdla_rows_dtype(const mdla_rows *rows);
MDLA_API int mdla_rows_can_rewind(const mdla_rows *rows);

/**
 * Reads the next rows.
 * @param dst  out: float32 [max_rows][dims].
 * @param got  out: rows read; fewer than max_rows at the end alone, 0 past it.
 * Values may be NaN or infinite: whoever can't use them says so.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_read(mdla_rows *rows, float *dst, size_t max_rows,
                                                  size_t *got, mdla_error *err);

/**
 * Says which passage (text, context window) each row belongs to: an integer a row, opened with
 * mdla_array_options.numbers; a passage starts where the number changes. Rows of a passage are
 * coded with regard to the row before; the numbers themselves come back where
 * mdla_encode_options.passage_numbers keeps them. Takes over the numbers, also on failure.
 * MDLA_ERR_DATA where there aren't as many as rows; MDLA_ERR_ARGUMENT they were opened as rows.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_set_passages(mdla_rows *rows, mdla_rows *numbers,
                                                          mdla_error *err);
MDLA_API int mdla_rows_has_passages(const mdla_rows *rows);
/** mdla_rows_read that also says with which rows a passage starts: starts [max_rows], 0 or 1, all 0
 * where none are known. */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_read_passages(mdla_rows *rows, float *dst,
                                                           uint8_t *starts, size_t max_rows,
                                                           size_t *got, mdla_error *err);

/**
 * Token ids that travel with the rows: an integer a row, opened likewise. mdla_encode puts them
 * into the file as they are, read once when the rows are done. Takes over the numbers, also on
 * failure; errors as above.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_set_tokens(mdla_rows *rows, mdla_rows *numbers,
                                                        mdla_error *err);
MDLA_API int mdla_rows_has_tokens(const mdla_rows *rows);

/** Back to the first row. MDLA_ERR_UNSUPPORTED where the source can't seek. */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_rewind(mdla_rows *rows, mdla_error *err);
/** Goes to a row (rewinds or skips as needed). MDLA_ERR_ARGUMENT past the end. */
MDLA_API MDLA_MUST_USE mdla_status mdla_rows_seek(mdla_rows *rows, uint64_t row, mdla_error *err);
MDLA_API void mdla_rows_close(mdla_rows *rows);

/* ---- Array output ---------------------------------------------------------------------------- */

/** Writes float32 rows as an array file of another dtype, row by row. */
typedef struct mdla_array_writer mdla_array_writer;

typedef enum mdla_array_kind {
    MDLA_ARRAY_NPY = 0,
    MDLA_ARRAY_RAW = 1,        /**< bare little-endian values */
    MDLA_ARRAY_NPZ = 2,        /**< one stored member, activations.npy */
    MDLA_ARRAY_SAFETENSORS = 3 /**< one tensor, activations */
} mdla_array_kind;

/**
 * Written as the rows come, to any sink.
 * @param row_count  the rows that will come; raw alone doesn't need it (MDLA_UNKNOWN).
 * @param dtype      MDLA_F32, MDLA_F16, MDLA_BF16 (.npy, .npz: as its bit pattern, '<V2') or
 * MDLA_F64, or an integer type: values are rounded to nearest even and clamped to its range.
 * @param hook       where in the model the rows stood: hook_name in the metadata of safetensors;
 * other kinds have no place for it. NULL: not known. 255 bytes at most.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_array_writer_open(const mdla_config *config, mdla_sink sink,
                                                          mdla_array_kind kind, uint64_t row_count,
                                                          uint32_t dims, mdla_dtype dtype,
                                                          const char *hook, mdla_array_writer **out,
                                                          mdla_error *err);
MDLA_API MDLA_MUST_USE mdla_status mdla_array_writer_rows(mdla_array_writer *writer,
                                                          const float *values, size_t row_count,
                                                          mdla_error *err);
/** Ends the file and frees the writer; keep 0 discards it. MDLA_ERR_ARGUMENT where rows are
 * missing. */
MDLA_API MDLA_MUST_USE mdla_status mdla_array_writer_close(mdla_array_writer *writer, int keep,
                                                           mdla_error *err);

/** SHA-256 of float32 values as little-endian bytes, whatever the machine's order. */
typedef struct mdla_value_hash mdla_value_hash;
MDLA_API MDLA_MUST_USE mdla_status mdla_value_hash_new(const mdla_config *config,
                                                       mdla_value_hash **out);
MDLA_API void mdla_value_hash_update(mdla_value_hash *hash, const float *values, size_t count);
/** Finishes and frees; sha256 may be NULL: only frees. Accepts NULL. */
MDLA_API void mdla_value_hash_finish(mdla_value_hash *hash, uint8_t sha256[32]);

/* ---- SAEs ------------------------------------------------------------------------------------ */

typedef struct mdla_sae mdla_sae;

/** What an SAE's files can't say of themselves. Zeroed: detect everything. */
typedef struct mdla_sae_options {
    /** A name of mdla_sae_kind_name, where detection would guess wrong or refuses to guess; with
     * ":CLASS" behind "dictionary-learning", ":pre-bias" or ":no-pre-bias" behind "torch". NULL:
     * detect. */
    const char *kind;
    /** The SAE was trained on rows times this, and its weights don't hold the factor yet. 0: as the
     * files say. */
    double act_scale;
} mdla_sae_options;

/** "saelens", "gemma-scope" ...; NULL past the last. */
MDLA_API const char *mdla_sae_kind_name(size_t index);

/**
 * Loads an SAE as its source laid it out: SAELens, Gemma Scope (1 and 2), sparsify,
 * dictionary_learning, Llama Scope, OpenAI's and other .pt files; F32, F16, BF16 and F64 weights.
 * Nothing in a file is executed. What would change the result and is not known, and what doesn't
 * reconstruct its own input, is refused by name. Takes over the folder.
 *
 * @param name     how messages call the folder or file.
 * @param options  may be NULL.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_sae_load(const mdla_config *config, mdla_folder folder,
                                                 const char *name, const mdla_sae_options *options,
                                                 mdla_sae **out, mdla_error *err);

/** What was understood of an SAE. Texts are the SAE's, or static. */
typedef struct mdla_sae_info {
    uint32_t dims, width;
    const char *kind;       /**< as mdla_sae_kind_name; "mdla" where it was trained here */
    const char *activation; /**< "relu", "topk" ... */
    uint32_t k;             /**< of topk and groupmax; else 0 */
    int pre_bias;           /**< the decoder's bias is taken off before encoding */
    const char
        *normalisation; /**< "none", "constant norm", "layer norm": done and undone per row */
    int signed_code;    /**< strengths below zero can occur */
    const char *notes;  /**< what else a user should know, a sentence a line; may be "" */
    const char *hook;   /**< where in the model its rows stand, where its files say so; or NULL */
} mdla_sae_info;
MDLA_API void mdla_sae_query(const mdla_sae *sae, mdla_sae_info *out);

/** Writes cfg.json and sae_weights.safetensors (F32) that SAELens loads: of relu, jumprelu and topk
 * without normalisation; MDLA_ERR_UNSUPPORTED of others. Takes over the folder. */
MDLA_API MDLA_MUST_USE mdla_status mdla_sae_save(const mdla_sae *sae, mdla_folder folder,
                                                 mdla_error *err);
MDLA_API uint32_t mdla_sae_dims(const mdla_sae *sae);
MDLA_API uint32_t mdla_sae_width(const mdla_sae *sae);
/**
 * The SAE's own forward pass over rows in memory, no coding; any number of rows, a few thousand at
 * a time is best.
 * @param decoded  out: float32 [row_count][dims], the reconstruction; may be NULL.
 * @param active   out: [row_count] features on in each row; may be NULL.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_sae_forward(const mdla_config *config, const mdla_sae *sae,
                                                    const float *rows, size_t row_count,
                                                    float *decoded, uint32_t *active,
                                                    mdla_error *err);
/** Called for each row in order: its features, ascending, and their strengths, none of them zero.
 * row counts from 0 in each call. Nonzero stops. */
typedef int (*mdla_strength_visitor)(void *ctx, size_t row, const uint32_t *feature,
                                     const float *strength, size_t count);
/** The same with every row's code; MDLA_ERR_INTERRUPTED where the visitor stops. */
MDLA_API MDLA_MUST_USE mdla_status mdla_sae_encode(const mdla_config *config, const mdla_sae *sae,
                                                   const float *rows, size_t row_count,
                                                   float *decoded, mdla_strength_visitor visitor,
                                                   void *ctx, mdla_error *err);
/**
 * Codes to rows by the SAE's decoder: compressed sparse rows in, as mdla_sae_encode tells them.
 * @param starts     [row_count + 1]: row r has entries starts[r] .. starts[r + 1] - 1.
 * @param features   [starts[row_count]], each below the width.
 * @param strengths  likewise, in the SAE's own scale.
 * @param decoded    out: float32 [row_count][dims].
 * @return MDLA_ERR_ARGUMENT starts that fall, a feature past the width; MDLA_ERR_UNSUPPORTED an SAE
 * that normalises rows one by one, since codes don't tell how to undo it.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_sae_decode(const mdla_sae *sae, const size_t *starts,
                                                   const uint32_t *features, const float *strengths,
                                                   size_t row_count, float *decoded,
                                                   mdla_error *err);
/** The atom of a feature: float32 [dims] in the SAE's own scale; NULL past the width. The SAE's. */
MDLA_API const float *mdla_sae_atom(const mdla_sae *sae, uint32_t feature);
MDLA_API void mdla_sae_free(mdla_sae *sae);

/* ---- Codebooks ------------------------------------------------------------------------------- */

typedef struct mdla_codebook mdla_codebook;

/** What to aim at; exactly one of fvu, bits_per_row and step is nonzero. */
typedef struct mdla_target {
    double fvu;          /**< fraction of variance unexplained to reach, in (0, 1) */
    double bits_per_row; /**< file bits a row, all but an embedded codebook */
    double step;         /**< quantisation step, in units of strength times the atom's norm */
} mdla_target;

/** Which features are active given the others: coded each by itself, or by the joint model. */
typedef enum mdla_model {
    MDLA_MODEL_JOINT = 0,   /**< where the codebook has one, else additive */
    MDLA_MODEL_ADDITIVE = 1 /**< as if features were independent of each other */
} mdla_model;

typedef enum mdla_code {
    MDLA_CODE_FREE = 0, /**< the search chooses the features */
    MDLA_CODE_SAE = 1   /**< exactly the features that the SAE's own encoder switches on */
} mdla_code;

typedef struct mdla_fit_options {
    mdla_target target;
    mdla_code code;
    mdla_model model;    /**< MDLA_MODEL_ADDITIVE: without a joint model, and searched so */
    int effort;          /**< 1 .. 9: how long to search; 0: 5. 1 and 2: under additive prices */
    int prune;           /**< nonzero: features that don't pay for their atoms are never used */
    int adapt_atoms;     /**< nonzero: atoms move to suit the codes, alternated with the search */
    uint32_t block_rows; /**< of the files that will be made; 0: 1,024 */
    uint64_t expected_rows; /**< rows that will share the codebook; 0: the rows given */
    uint32_t codewords; /**< one-hot: how many; RVQ: of each stage, 0: 1,024, or one in 64 rows */
    uint32_t stages;    /**< RVQ; 0: as many as the target needs */
    mdla_progress progress; /**< may be NULL */
    void *progress_ctx;
} mdla_fit_options;

/**
 * Makes a codebook: the SAE's atoms in integers, with precision by use, and priors from the codes
 * of the rows at the target. Reads the rows several times: they must be rewindable. Memory doesn't
 * grow with rows. Same result for any number of threads.
 *
 * @return MDLA_ERR_ARGUMENT dims that differ, no rows, no target; MDLA_ERR_DATA a NaN or infinity
 * (with row and column) or a constant data set; MDLA_ERR_TARGET the FVU is below what the atoms can
 * reach.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_fit(const mdla_config *config, const mdla_sae *sae,
                                                     mdla_rows *rows,
                                                     const mdla_fit_options *options,
                                                     mdla_codebook **out, mdla_error *err);

/** Codes from another tool's files, in memory; see below. */
typedef struct mdla_codes mdla_codes;

/** What else than an SAE a codebook's features can be: baselines, coded and counted alike. */
typedef enum mdla_basis {
    MDLA_BASIS_SAE = 0,
    MDLA_BASIS_DENSE = 1,  /**< each column by itself: signed levels, no atoms */
    MDLA_BASIS_PCA = 2,    /**< principal axes of the rows: signed levels */
    MDLA_BASIS_ONEHOT = 3, /**< a codeword a row */
    MDLA_BASIS_RVQ = 4     /**< residual vector quantisation: a codeword a stage */
} mdla_basis;

/** "sae", "dense" ...; NULL past the last. */
MDLA_API const char *mdla_basis_name(mdla_basis basis);

/**
 * Makes a codebook without an SAE, from the rows alone: their columns, their principal axes, or
 * codewords by k-means (one-hot, RVQ), with priors from the codes of the rows at the target. Of the
 * options model, code, prune and adapt_atoms don't count. Memory and threads as with
 * mdla_codebook_fit, and for codewords some 256 MiB of rows, four a codeword at least.
 *
 * Codewords have no step, which is refused as a target. Without a target rows get their nearest
 * codewords (of RVQ's stages then, which are needed), kept so finely that integers add 1 % to the
 * error. As many one-hot codewords as rows are the rows.
 *
 * @return as mdla_codebook_fit; MDLA_ERR_TARGET likewise where codewords or stages are too few;
 * MDLA_ERR_ARGUMENT more codewords than rows, no number of codewords for one-hot; MDLA_ERR_LIMIT
 * more than 2^20 in all.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_fit_basis(const mdla_config *config,
                                                           mdla_basis basis, mdla_rows *rows,
                                                           const mdla_fit_options *options,
                                                           mdla_codebook **out, mdla_error *err);

/**
 * Makes a codebook of priors alone, without atoms, from a latent cache: firing rates, how each
 * feature's strengths are distributed, and the joint model. It serves mdla_encode_codes at any
 * step and exactly. Of the options model, block_rows, expected_rows and progress count. Same result
 * for any number of threads.
 *
 * @return MDLA_ERR_ARGUMENT, MDLA_ERR_MEMORY, MDLA_ERR_INTERRUPTED.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_fit_codes(const mdla_config *config,
                                                           const mdla_codes *codes,
                                                           const mdla_fit_options *options,
                                                           mdla_codebook **out, mdla_error *err);

/** Reads a codebook file, or the codebook embedded in a .mdla file. Distrusts every byte. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_read(const mdla_config *config, mdla_source source,
                                                      const char *name, mdla_codebook **out,
                                                      mdla_error *err);
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_write(const mdla_codebook *codebook,
                                                       mdla_sink sink, mdla_error *err);
MDLA_API void mdla_codebook_free(mdla_codebook *codebook);

typedef struct mdla_codebook_info {
    mdla_basis basis;
    uint32_t stages; /**< MDLA_BASIS_RVQ; else 1 */
    uint32_t dims, width;
    uint32_t stride;    /**< row length of the images that atoms look like; 0: none */
    int cache;          /**< priors of latent caches: no atoms, dims 0, step 0 */
    uint8_t sha256[32]; /**< of its canonical bytes: its name */
    double step;        /**< the step it was fitted at */
    uint64_t nbytes;    /**< size of its canonical bytes */
    double atom_bits;   /**< of these, in bits: atoms */
    double bias_bits;
    double prior_bits;  /**< rates and level distributions */
    double weight_bits; /**< the joint model */
    uint64_t weights;   /**< of it; 0: it has none */
} mdla_codebook_info;
MDLA_API void mdla_codebook_query(const mdla_codebook *codebook, mdla_codebook_info *out);
/** What each feature's atom takes in the codebook: double [width] into bits. Their sum is atom_bits
 * less some 100 bits a group of atoms. Decodes all atoms. MDLA_ERR_MEMORY. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_atom_costs(const mdla_codebook *codebook,
                                                            double *bits);
/** Decoded atom of a feature, at the norm that strengths refer to: float32 [dims] into dst. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_atom(const mdla_codebook *codebook,
                                                      uint32_t feature, float *dst);

/** One weight of the joint model: what feature from being active says of feature to. */
typedef struct mdla_joint_weight {
    uint32_t from, to;
    int before;     /**< from is active in the row before, not in the row itself */
    double octaves; /**< added to log2 of the odds that to is active */
} mdla_joint_weight;

/** Called for each weight. Nonzero stops. */
typedef int (*mdla_weight_visitor)(void *ctx, const mdla_joint_weight *weight);

/** Shows the joint model's weights, those of a feature together; none where it has no model. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codebook_visit_weights(const mdla_codebook *codebook,
                                                               mdla_weight_visitor visitor,
                                                               void *ctx, mdla_error *err);

/* ---- Codes as other tools read them -----------------------------------------------------------
 */

typedef enum mdla_codes_kind {
    MDLA_CODES_CSR = 0,   /**< .npz that scipy.sparse.load_npz reads: compressed sparse rows */
    MDLA_CODES_COO = 1,   /**< safetensors: row, col, data, shape */
    MDLA_CODES_DELPHI = 2 /**< the folder of a delphi latent cache */
} mdla_codes_kind;

typedef struct mdla_codes_options {
    mdla_codes_kind kind;
    uint32_t width;       /**< features */
    mdla_dtype strengths; /**< MDLA_F32, MDLA_F16, or MDLA_I32 for levels; delphi: MDLA_F16 */
    uint32_t context;     /**< delphi: rows of a sequence */
    uint32_t splits;      /**< delphi: files that the features are divided among, 1 to width; 0: as
                             note says, else 5, and no more than width */
    const char *model;    /**< delphi: model_name of its config.json; may be NULL; copied */
    const char *hook;     /**< where in the model the rows stood: hook_name in the metadata of COO,
                             hookpoint in config.json of delphi; may be NULL; copied */
    const char *note; /**< delphi: a file's note; where it is mdla_codes_note's, config.json says
                         again what it keeps; may be NULL; copied */
} mdla_codes_options;

/** Writes codes row by row. They wait in temporary files (in TMPDIR, else /var/tmp) until the
 * writer is closed, since each layout begins with their number; memory doesn't grow with rows. */
typedef struct mdla_codes_writer mdla_codes_writer;

/** CSR or COO. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_writer_open(const mdla_config *config, mdla_sink sink,
                                                          const mdla_codes_options *options,
                                                          mdla_codes_writer **out, mdla_error *err);
/** The delphi layout: the folder of one module, which takes START_END.safetensors files and
 * config.json. Takes over the folder. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_writer_open_folder(const mdla_config *config,
                                                                 mdla_folder folder,
                                                                 const mdla_codes_options *options,
                                                                 mdla_codes_writer **out,
                                                                 mdla_error *err);
/**
 * The next row's code: features in any order, none twice. Strengths of 0, and of at most 1e-5 in
 * the delphi layout, aren't written; with MDLA_I32 they are the levels.
 * @return MDLA_ERR_DATA a strength that isn't finite, or that float16 can't hold; MDLA_ERR_ARGUMENT
 * a feature past the width or twice; MDLA_ERR_IO, MDLA_ERR_MEMORY.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_writer_row(mdla_codes_writer *writer,
                                                         const uint32_t *features,
                                                         const float *strengths, size_t count,
                                                         mdla_error *err);
/**
 * Token ids of the next rows, for the delphi layout alone: of all rows in the end, or of none. Its
 * files hold whole sequences: past the last row they are filled up with 0.
 * @return MDLA_ERR_ARGUMENT another layout; MDLA_ERR_IO.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_writer_tokens(mdla_codes_writer *writer,
                                                            const int64_t *ids, size_t count,
                                                            mdla_error *err);
/** Puts the layout together and frees the writer; keep 0 discards it. MDLA_ERR_ARGUMENT there
 * aren't as many token ids as rows. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_writer_close(mdla_codes_writer *writer, int keep,
                                                           mdla_error *err);

/* Codes from another tool's files are kept in memory: 16 bytes for each entry, within the limits.
 */

/** What a delphi latent cache may not say of itself. Zeroed: as the file says. What it says must be
 * what is given: else MDLA_ERR_ARGUMENT, or of tokens and of files that miss features
 * MDLA_ERR_CORRUPT. */
typedef struct mdla_codes_shape {
    uint64_t rows;
    int has_rows;     /**< nonzero: rows is meant, even 0 */
    uint32_t width;   /**< features */
    uint32_t context; /**< rows of a sequence; of other files it says that they come in such */
} mdla_codes_shape;

/**
 * Reads a sparse code: csr, csc or coo as scipy.sparse.save_npz writes them; coordinates in
 * safetensors (row, col, data, shape); or an undivided delphi latent cache (locations, activations,
 * tokens), whose width must be given, and rows and context where it has no tokens. Entries in one
 * place are summed, zeros dropped. Strengths are kept as float32, to which doubles and integers are
 * rounded: see mdla_codes_check_exact.
 *
 * @return MDLA_ERR_FORMAT no code; MDLA_ERR_CORRUPT an index outside, offsets that fall, lengths
 * that differ; MDLA_ERR_DATA a strength that isn't finite; MDLA_ERR_ARGUMENT something must be
 * given; MDLA_ERR_UNSUPPORTED, MDLA_ERR_LIMIT, MDLA_ERR_TRUNCATED, MDLA_ERR_MEMORY, MDLA_ERR_IO.
 * The decoder library hasn't got it.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_read(const mdla_config *config, mdla_source source,
                                                   const char *name, const mdla_codes_shape *given,
                                                   mdla_codes **out, mdla_error *err);
/** Reads a delphi latent cache's folder of a module: members are the names of its files, of which
 * START_END.safetensors are read, and config.json. Token ids must be the same in all of them. Takes
 * over the folder. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_read_folder(
    const mdla_config *config, mdla_folder folder, const char *const *members, size_t count,
    const char *name, const mdla_codes_shape *given, mdla_codes **out, mdla_error *err);
MDLA_API uint64_t mdla_codes_rows(const mdla_codes *codes);
MDLA_API uint32_t mdla_codes_width(const mdla_codes *codes);
MDLA_API uint64_t mdla_codes_active(const mdla_codes *codes); /**< entries in all rows */
/** What the strengths were: MDLA_F16, MDLA_BF16 or, of all others and of sums, MDLA_F32. */
MDLA_API mdla_dtype mdla_codes_dtype(const mdla_codes *codes);
/** Their type in the files that were read. */
MDLA_API mdla_dtype mdla_codes_source_dtype(const mdla_codes *codes);
/** MDLA_ERR_DATA where float32 doesn't hold a strength that was read: float64, or an integer, that
 * had to be rounded. The message names the first. */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_check_exact(const mdla_codes *codes, mdla_error *err);
MDLA_API uint32_t mdla_codes_context(const mdla_codes *codes); /**< rows of a sequence, or 0 */
/** Where in the model the rows stood, as a delphi folder says (hookpoint in config.json, else its
 * own name); or NULL. The codes'. */
MDLA_API const char *mdla_codes_hook(const mdla_codes *codes);
/** A note for mdla_encode_options that keeps what else config.json of a delphi folder says: names
 * of the data set and the model, except paths, and numbers of tokens, batches and files; or NULL.
 * The codes'. */
MDLA_API const char *mdla_codes_note(const mdla_codes *codes);
/** One row's features, ascending, and strengths: how many; valid until the next call. */
MDLA_API size_t mdla_codes_row(mdla_codes *codes, uint64_t row, const uint32_t **features,
                               const float **strengths);
/** Token ids, an integer a row, as a delphi cache holds them or mdla_codes_set_tokens put them
 * beside: [rows], those of 64 bits without a sign as their bit patterns; or NULL. The codes'. */
MDLA_API const int64_t *mdla_codes_tokens(const mdla_codes *codes);
/**
 * Token ids for codes that come without: opened with mdla_array_options.numbers, read here. Takes
 * over the numbers, also on failure. mdla_encode_codes puts them into the file.
 * @return MDLA_ERR_ARGUMENT the codes have ids, or the numbers were opened as rows; MDLA_ERR_DATA
 * there aren't as many as rows; MDLA_ERR_LIMIT, MDLA_ERR_MEMORY, MDLA_ERR_IO.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_codes_set_tokens(mdla_codes *codes, mdla_rows *numbers,
                                                         mdla_error *err);
MDLA_API void mdla_codes_free(mdla_codes *codes);

/* ---- Encoding -------------------------------------------------------------------------------- */

typedef struct mdla_encode_options {
    mdla_target target;
    mdla_code code; /**< MDLA_CODE_SAE needs the SAE */
    mdla_model model;
    int effort;          /**< 1 .. 9: how long to search; 0: 5 */
    int reference;       /**< nonzero: name the codebook by SHA-256; zero: embed it */
    uint32_t block_rows; /**< 0: 1,024 */
    int postings;        /**< nonzero: posting lists, which features are in which blocks, for
                            mdla_decoder_visit_feature and _top_rows. bits_per_row doesn't count them */
    int passage_numbers; /**< nonzero: numbers of passages too, where they aren't 0, 1, 2 ... in
                            this order. They are read again when the rows are done; bits_per_row
                            doesn't count them */
    const char *note;    /**< provenance text, at most 1,024 bytes; may be NULL. Never a path */
    const char *hook; /**< where in the model the rows stood, such as blocks.5.hook_resid_post: 1 to
                         255 bytes of UTF-8; may be NULL. bits_per_row doesn't count it */
    mdla_progress progress;
    void *progress_ctx;
} mdla_encode_options;

typedef struct mdla_encode_report {
    uint64_t rows;
    uint64_t file_nbytes;
    uint64_t codebook_nbytes; /**< embedded codebook with its framing; 0 with reference */
    uint64_t postings_nbytes; /**< posting lists with their framing */
    uint64_t tokens_nbytes;   /**< token ids with their framing */
    uint64_t passages_nbytes; /**< passage numbers with their framing */
    uint64_t hook_nbytes;     /**< the hook's name with its framing */
    uint64_t marginal_nbytes; /**< as in mdla_account */
    double fvu; /**< reached, of the decoded float32 values; NaN where the rows are constant */
    double step, l0;
} mdla_encode_report;

/**
 * Encodes all rows with a codebook. With a step alone the rows are read once (a pipe will do); with
 * another target several times, so they must be rewindable. Same bytes for any number of threads.
 *
 * @param sae     the search starts from its code; needed for MDLA_CODE_SAE. NULL: it starts from
 * the atoms alone.
 * @param report  out; may be NULL.
 * @return as mdla_codebook_fit; MDLA_ERR_IO the sink failed. On failure the sink is closed with
 * keep 0.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_encode(const mdla_config *config,
                                               const mdla_codebook *codebook, const mdla_sae *sae,
                                               mdla_rows *rows, const mdla_encode_options *options,
                                               mdla_sink sink, mdla_encode_report *report,
                                               mdla_error *err);

/**
 * Encodes a latent cache with a codebook of mdla_codebook_fit_codes: which features are active in
 * which rows, and their strengths, exactly or (target.step) as the nearest of the step's multiples,
 * 0 excepted; token ids with them where the codes have any. Of the options target.step, model,
 * reference, block_rows, note, hook and progress count.
 * In the report fvu is NaN and step 0 where strengths are exact. A file for
 * mdla_decoder_visit_rows; it has no rows to decode.
 *
 * @return MDLA_ERR_ARGUMENT the codebook has atoms, or another width; MDLA_ERR_DATA a strength of
 * more than 4,095 steps, or without a step one that mdla_codes_check_exact refuses; MDLA_ERR_IO,
 * MDLA_ERR_MEMORY, MDLA_ERR_INTERRUPTED. On failure the sink is closed with keep 0.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_encode_codes(const mdla_config *config,
                                                     const mdla_codebook *codebook,
                                                     const mdla_codes *codes,
                                                     const mdla_encode_options *options,
                                                     mdla_sink sink, mdla_encode_report *report,
                                                     mdla_error *err);

/* ---- Decoding -------------------------------------------------------------------------------- */

typedef struct mdla_decoder mdla_decoder;

/**
 * Opens a .mdla file. Where the source can't seek, rows can be read in order alone.
 *
 * @param codebook  for a file that names its codebook; must outlive the decoder. NULL otherwise.
 * With an embedded codebook it is ignored.
 * @return MDLA_ERR_FORMAT not a .mdla file; MDLA_ERR_UNSUPPORTED a newer version or an unknown
 * critical part; MDLA_ERR_ARGUMENT the codebook is missing or not the one named; MDLA_ERR_CORRUPT,
 *         MDLA_ERR_TRUNCATED, MDLA_ERR_LIMIT, MDLA_ERR_MEMORY, MDLA_ERR_IO.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_open(const mdla_config *config, mdla_source source,
                                                     const char *name,
                                                     const mdla_codebook *codebook,
                                                     mdla_decoder **out, mdla_error *err);

/**
 * The same without the codebook that a file may name, for mdla_decoder_query, token ids and
 * mdla_decoder_account_outline. What decodes codes is then refused with MDLA_ERR_ARGUMENT. A file
 * that embeds its codebook is opened as by mdla_decoder_open.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_open_outline(const mdla_config *config,
                                                             mdla_source source, const char *name,
                                                             mdla_decoder **out, mdla_error *err);

typedef struct mdla_file_info {
    uint32_t version_major, version_minor;
    uint32_t dims, width, block_rows;
    uint64_t rows;    /**< MDLA_UNKNOWN where the source can't seek */
    uint64_t blocks;  /**< likewise */
    uint64_t nbytes;  /**< likewise */
    mdla_dtype dtype; /**< of the rows that were encoded */
    double step;      /**< 0: a cache's strengths are exact */
    mdla_model model;
    int cache;        /**< a latent cache: codes without atoms; dims is 0, dtype the strengths' */
    uint32_t context; /**< of a cache: rows of a sequence, or 0 */
    int passages;     /**< starts of passages are coded */
    int passage_numbers; /**< their numbers are in the file, as they aren't 0, 1, 2 ...; 0 where the
                            source can't seek */
    int tokens;          /**< token ids are in the file; 0 where the source can't seek */
    int embedded;        /**< the codebook is inside */
    int postings;        /**< it has posting lists; 0 where the source can't seek */
    uint8_t codebook_sha256[32];
    double fvu; /**< as recorded by the encoder; NaN where none is */
    int has_decoded_sha256;
    uint8_t decoded_sha256[32]; /**< of all decoded float32 values, little-endian */
    const char *note;           /**< provenance or NULL; the decoder's */
    const char *hook; /**< where in the model the rows stood, or NULL; the decoder's. From a pipe,
                         as the note, once all was read */
} mdla_file_info;
MDLA_API void mdla_decoder_query(const mdla_decoder *decoder, mdla_file_info *out);
/** The codebook in use; the decoder's. NULL where only the file's outline was opened. */
MDLA_API const mdla_codebook *mdla_decoder_codebook(const mdla_decoder *decoder);

/**
 * Decodes the next rows, from row 0 or where mdla_decoder_seek went. A block's rows are checked as
 * a whole before any of them is handed out.
 *
 * @param dst  out: float32 [max_rows][dims].
 * @param got  out: rows written; fewer than max_rows at the end, and before a damaged block.
 * @return MDLA_ERR_UNSUPPORTED the file is a latent cache, which has no rows; MDLA_ERR_CORRUPT or
 * MDLA_ERR_TRUNCATED (block and byte offset in the message; the *got
 * rows are right), MDLA_ERR_IO, MDLA_ERR_MEMORY. MDLA_OK with *got below max_rows means that all
 * was read, and from a pipe that the file's end was checked too.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_read_rows(mdla_decoder *decoder, float *dst,
                                                          size_t max_rows, size_t *got,
                                                          mdla_error *err);
/** Goes to a row; only the block that holds it will be read. MDLA_ERR_UNSUPPORTED where the source
 * can't. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_seek(mdla_decoder *decoder, uint64_t row,
                                                     mdla_error *err);

/**
 * Token ids of rows first .. first + count - 1, those of 64 bits without a sign as their bit
 * patterns. Only the chunks that hold them are read.
 * @param dst  out: [count].
 * @return MDLA_ERR_ARGUMENT the file has none, or not these rows; MDLA_ERR_UNSUPPORTED the source
 * can't seek; MDLA_ERR_CORRUPT, MDLA_ERR_TRUNCATED, MDLA_ERR_IO, MDLA_ERR_MEMORY.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_read_tokens(mdla_decoder *decoder, uint64_t first,
                                                            size_t count, int64_t *dst,
                                                            mdla_error *err);
/** The same as a .npy file in the type that they came in; takes over the sink. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_write_tokens(mdla_decoder *decoder, uint64_t first,
                                                             uint64_t count, mdla_sink sink,
                                                             mdla_error *err);
/**
 * Passage numbers of rows first .. first + count - 1, from the starts that are coded with the rows
 * and the numbers that are in the file. Where there are none passages are counted from 0 at row 0,
 * and the codes of all rows before are decoded; else of 65,535 at most.
 * @param dst  out: [count].
 * @return as mdla_decoder_read_tokens; MDLA_ERR_ARGUMENT starts of passages aren't coded.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_read_passages(mdla_decoder *decoder, uint64_t first,
                                                              size_t count, int64_t *dst,
                                                              mdla_error *err);
/** The same as a .npy file in the type that they came in, int64 where they are counted; takes over
 * the sink. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_write_passages(mdla_decoder *decoder,
                                                               uint64_t first, uint64_t count,
                                                               mdla_sink sink, mdla_error *err);
MDLA_API void mdla_decoder_close(mdla_decoder *decoder);

/* ---- Accounting ------------------------------------------------------------------------------ */

/** Every bit of a file belongs to exactly one class. */
typedef enum mdla_bit_class {
    MDLA_BITS_CONTAINER =
        0, /**< magic, header, chunk framing (an embedded codebook's too), codebook's name */
    MDLA_BITS_ATOMS, /**< embedded codebook */
    MDLA_BITS_BIAS,
    MDLA_BITS_PRIORS,
    MDLA_BITS_ROW_HEADERS, /**< per block: its rows, the correction of its rates */
    MDLA_BITS_PASSAGES,    /**< with which rows a passage starts */
    MDLA_BITS_ROW_NORMS,   /**< scales and offsets of rows that an SAE normalises one by one */
    MDLA_BITS_INDICES,     /**< which features are active */
    MDLA_BITS_LEVELS,
    MDLA_BITS_RESIDUAL,        /**< reserved for the residual layer: 0 */
    MDLA_BITS_INDEX,           /**< row index trailer */
    MDLA_BITS_TOKENS,          /**< token ids, which count neither as stream nor as codebook */
    MDLA_BITS_PASSAGE_NUMBERS, /**< likewise */
    MDLA_BITS_HOOK,            /**< where the rows stood, by name; likewise */
    MDLA_BITS_ANCILLARY,       /**< provenance, hashes, sums */
    MDLA_BITS_POSTINGS,        /**< posting lists */
    MDLA_BITS_CODER, /**< the range coder's own overhead: payload less the model's -log2 p */
    MDLA_BITS_CLASSES
} mdla_bit_class;

/** "indices" ...; NULL past the classes. */
MDLA_API const char *mdla_bit_class_name(mdla_bit_class bit_class);

/** What one row or one feature was charged: -log2 of the model's probabilities, in bits. */
typedef struct mdla_symbol_bits {
    int starts;     /**< a passage starts with the row; 0 where that isn't coded */
    double passage; /**< what it costs to say so */
    double norm;    /**< the row's scale and offset, where rows are normalised */
    double header, indices, levels;
} mdla_symbol_bits;

/** One row's code as it stands in the file. */
typedef struct mdla_coded_feature {
    uint32_t feature;
    int32_t level;   /**< >= 1; of a dense or PCA basis any but 0; of a cache's exact strengths 0 */
    double strength; /**< times the unit-norm atom; in units of the row's scale where rows are
                        normalised, as the SAE has it; of a cache what stood there, a float32 */
    double amount;   /**< strength times the row's scale, where rows are normalised: of what it adds
                        to the row */
    double index_bits, level_bits;
} mdla_coded_feature;

typedef struct mdla_account {
    double bits[MDLA_BITS_CLASSES]; /**< sum is 8 x file size */
    uint64_t file_nbytes;
    uint64_t rows;
    uint64_t active; /**< (feature, level) pairs in all rows */
    double charged;  /**< bits of all symbols by the model: passages, norms, indices, levels */
    /** What the indices would cost if every feature were coded as if independent of the others,
     * with the codebook's firing rates. Less the indices' own bits: the independence gap. Where
     * features aren't an SAE's: the indices' own bits. */
    double additive_indices;
    /** What the rows take where the codebook is only named: container, headers and row index
     * counted, codebook, note, token ids, passage numbers, hook's name and posting lists not. */
    uint64_t marginal_nbytes;
} mdla_account;

/** Called for each row, in order: its code (in coding order) and its bits. Nonzero stops. */
typedef int (*mdla_row_visitor)(void *ctx, uint64_t row, const mdla_coded_feature *code,
                                size_t count, const mdla_symbol_bits *bits);

/**
 * Decodes the codes of rows first .. first + count - 1 (MDLA_UNKNOWN: to the end) and what they
 * cost, without synthesis. Needs a source that can seek.
 *
 * The bits of absent features are charged to the row; of a gap, the active feature that ends it is
 * charged the whole. What ends a row's list of features stands in `header`, and counts among the
 * indices. Of a dense or PCA basis all of this is charged to levels.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_visit_rows(mdla_decoder *decoder, uint64_t first,
                                                           uint64_t count, mdla_row_visitor visitor,
                                                           void *ctx, mdla_error *err);

/** One row where a feature is active. */
typedef struct mdla_feature_row {
    uint64_t row;
    int32_t level;
    double strength;
    double index_bits, level_bits; /**< what the feature was charged there */
} mdla_feature_row;

/** Nonzero stops. */
typedef int (*mdla_feature_visitor)(void *ctx, const mdla_feature_row *at);

/**
 * Shows the rows where a feature is active, in order. Decodes codes, no rows: of all blocks, or
 * with posting lists of those that have the feature. Needs a source that can seek.
 * @return MDLA_ERR_ARGUMENT a feature past the width; else as mdla_decoder_read_rows.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_visit_feature(mdla_decoder *decoder,
                                                              uint32_t feature,
                                                              mdla_feature_visitor visitor,
                                                              void *ctx, mdla_error *err);

/**
 * The rows where a feature is strongest: strongest first, ties by row. With posting lists only
 * blocks are decoded that may hold one of them, about one a row asked for.
 * @param rows  out: [max_rows].
 * @param got   out: how many; fewer than max_rows where the feature is active in fewer.
 * @return as mdla_decoder_visit_feature.
 */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_top_rows(mdla_decoder *decoder, uint32_t feature,
                                                         mdla_feature_row *rows, size_t max_rows,
                                                         size_t *got, mdla_error *err);

/** Compares posting lists, where there are any, with the codes. Decodes all codes. Needs a source
 * that can seek. MDLA_ERR_CORRUPT where they differ. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_check_postings(mdla_decoder *decoder,
                                                               mdla_error *err);

/** Bits of the whole file by class. Decodes all codes. Needs a source that can seek. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_account(mdla_decoder *decoder, mdla_account *out,
                                                        mdla_error *err);

/** The same without decoding and without a codebook: passages, norms, indices, levels and coder
 * are NaN, charged is what they sum to, active 0 and additive_indices NaN. Needs a source that can
 * seek. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_account_outline(const mdla_decoder *decoder,
                                                                mdla_account *out, mdla_error *err);

/** What it costs to say in which rows a feature is active, in bits over the whole file. */
typedef struct mdla_feature_flags {
    double coded;    /**< by the file's model, given the other features; absences counted */
    double additive; /**< as if independent of the others, with the codebook's firing rates */
} mdla_feature_flags;

/** The same by feature: its independence gap is additive less coded. The sum of coded is that of
 * the indices, but for the coder's rounding. out: [width]. Decodes all codes, with work for every
 * feature of every row. Needs a source that can seek. */
MDLA_API MDLA_MUST_USE mdla_status mdla_decoder_feature_flags(mdla_decoder *decoder,
                                                              mdla_feature_flags *out,
                                                              mdla_error *err);

#ifdef __cplusplus
}
#endif
#endif
