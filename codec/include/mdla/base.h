/* mdla: status codes, error messages, limits, allocator, sources and sinks.
 *
 * The vocabulary that every other public header builds on. Needs the C library alone; C99 and C++.
 */
#ifndef MDLA_BASE_H
#define MDLA_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MDLA_API __attribute__((visibility("default")))
#define MDLA_MUST_USE __attribute__((warn_unused_result))
#else
#define MDLA_API
#define MDLA_MUST_USE
#endif

#define MDLA_VERSION "0.3.0"

/** The version of the library that is linked or loaded, as MDLA_VERSION was when it was built.
 * While it is 0.x, structs may grow from one minor version to the next: a caller that was built for
 * another must not go on. Static storage. */
MDLA_API const char *mdla_version(void);

/** What a call came to. Values are pinned; new ones go to the end. */
typedef enum mdla_status {
    MDLA_OK = 0,
    MDLA_ERR_ARGUMENT = 1,    /**< the caller's mistake: an option out of range, dims that differ */
    MDLA_ERR_MEMORY = 2,      /**< the allocator returned NULL */
    MDLA_ERR_LIMIT = 3,       /**< well formed, above one of the caller's limits */
    MDLA_ERR_FORMAT = 4,      /**< not a file of the expected kind */
    MDLA_ERR_UNSUPPORTED = 5, /**< a newer version, or a variant that is refused by name */
    MDLA_ERR_CORRUPT = 6,     /**< damaged: a CRC, a count or a symbol is wrong */
    MDLA_ERR_TRUNCATED = 7,   /**< the data end before they should */
    MDLA_ERR_SPACE = 8,       /**< the destination is too small */
    MDLA_ERR_IO = 9,          /**< a source or sink failed */
    MDLA_ERR_DATA =
        10, /**< readable, but the values can't be coded: NaN, infinity, level overflow */
    MDLA_ERR_TARGET = 11,     /**< the asked accuracy or rate can't be reached */
    MDLA_ERR_INTERRUPTED = 12 /**< a progress callback asked to stop */
} mdla_status;

/** A short English phrase for a status; never NULL, static storage. */
MDLA_API const char *mdla_status_text(mdla_status status);

/** Length of the well-formed UTF-8 sequence that text begins with, or 0. text ends with a zero. */
MDLA_API size_t mdla_utf8_length(const char *text);

/** Bytes of a message with its terminating zero. */
#define MDLA_MESSAGE_MAX 512

/**
 * Where a failing call leaves its sentence: what, where and, where it helps, what to do.
 * Owned by the caller; may be NULL wherever a function takes one. Untouched on success.
 */
typedef struct mdla_error {
    mdla_status status;
    char text[MDLA_MESSAGE_MAX];
} mdla_error;

/** Memory for everything a handle owns. Calls may come from several threads at once. */
typedef struct mdla_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t nbytes); /**< suitably aligned for any type; NULL on failure */
    void (*release)(void *ctx, void *ptr);    /**< accepts NULL */
} mdla_allocator;

/** What a file may make the library take on. Checked before memory is taken. */
typedef struct mdla_limits {
    uint32_t max_dims;   /**< values in a row; at most 65,536 */
    uint32_t max_width;  /**< features; at most 1,048,576 */
    uint64_t max_rows;   /**< rows in a file; at most 2^48 */
    uint64_t max_memory; /**< bytes for a codebook or SAE and its tables */
    uint32_t max_chunk;  /**< bytes of one chunk's payload */
} mdla_limits;

/** Settings that every handle takes when it is opened; NULL stands for the defaults. */
typedef struct mdla_config {
    const mdla_allocator *allocator; /**< NULL: malloc and free; must outlive the handles */
    mdla_limits limits;
    uint32_t threads; /**< worker threads of an encode, decode or training; 0: one a core */
} mdla_config;

/** The defaults: malloc, dims 65,536, width 1,048,576, rows 2^48, 16 GiB, chunks of 1 GiB, all
 * cores. */
MDLA_API void mdla_config_init(mdla_config *config);

/** Size of a source that doesn't know it, such as a pipe; also a row count not known yet. */
#define MDLA_UNKNOWN UINT64_MAX

/**
 * Bytes in, behind callbacks. One thread at a time. A function that takes a mdla_source owns it
 * from the call on, also when it fails, and closes it, unless it says otherwise.
 */
typedef struct mdla_source {
    void *ctx;
    /** Reads up to nbytes; fewer (*got) at the end of the data alone. MDLA_ERR_IO on failure. */
    mdla_status (*read)(void *ctx, void *dst, size_t nbytes, size_t *got);
    /** Moves to an absolute offset; NULL where the source can't, such as a pipe. */
    mdla_status (*seek)(void *ctx, uint64_t offset);
    uint64_t nbytes;          /**< size in bytes, or MDLA_UNKNOWN */
    void (*close)(void *ctx); /**< may be NULL */
} mdla_source;

/** Bytes out, behind callbacks. One thread at a time. Ownership as for mdla_source. */
typedef struct mdla_sink {
    void *ctx;
    mdla_status (*write)(void *ctx, const void *src, size_t nbytes);
    /** Ends the output. keep 0: what was written is to be discarded. Called exactly once. */
    mdla_status (*close)(void *ctx, int keep);
} mdla_sink;

/**
 * Told now and then how far a long call has come; returning nonzero asks it to stop.
 * Called from the thread that made the call.
 *
 * @param what   what is under way, such as "fit 2/3"; valid during the call.
 * @param done   rows done in this stage.
 * @param total  rows of this stage, or MDLA_UNKNOWN.
 */
typedef int (*mdla_progress)(void *ctx, const char *what, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif
#endif
