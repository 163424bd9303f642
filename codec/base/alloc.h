/* Memory through the caller's allocator, and the small macros of error handling. */
#ifndef MDLA_ALLOC_H
#define MDLA_ALLOC_H

#include "mdla/base.h"

/* The allocator of a configuration; config may be NULL. Never NULL. */
const mdla_allocator *alloc_of(const mdla_config *config);

/* count x size bytes, zeroed; NULL on overflow or failure. A zero product gives a unique pointer.
 */
void *alloc_zeroed(const mdla_allocator *al, size_t count, size_t size);

/* The same, contents undefined. */
void *alloc_array(const mdla_allocator *al, size_t count, size_t size);

/* A larger copy: the first old_count elements kept, ptr released. On failure NULL, ptr still valid.
 */
void *alloc_grown(const mdla_allocator *al, void *ptr, size_t old_count, size_t new_count,
                  size_t size);

/* A copy of a text; NULL: no memory. */
char *alloc_text(const mdla_allocator *al, const char *text);

void alloc_free(const mdla_allocator *al, void *ptr);

/* Fills err (which may be NULL) and returns status. */
mdla_status error_set(mdla_error *err, mdla_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Forwards any status but MDLA_OK. */
#define MDLA_TRY(call)                                                                             \
    do {                                                                                           \
        const mdla_status mdla_try_status_ = (call);                                               \
        if (mdla_try_status_ != MDLA_OK)                                                           \
            return mdla_try_status_;                                                               \
    } while (0)

#endif
