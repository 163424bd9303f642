/* Which array of a file that holds several is meant. */
#ifndef MDLA_CHOOSE_H
#define MDLA_CHOOSE_H

#include "mdla/mdla.h"

/* Sets *index to the entry named `wanted`; with NULL to the only one, or else to the only one of
 * floats with two axes or more. MDLA_ERR_ARGUMENT with the names that there are. file is for
 * messages. */
mdla_status choose_array(const mdla_array_entry *entries, size_t count, const char *wanted,
                         const char *file, size_t *index, mdla_error *err);

#endif
