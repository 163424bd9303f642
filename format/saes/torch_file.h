/* What torch.save writes (1.6 and later): a ZIP archive of one pickle and the storages it names. */
#ifndef MDLA_TORCH_FILE_H
#define MDLA_TORCH_FILE_H

#include "saes/pickle.h"
#include "saes/weights.h"

/* The tensors of the dictionary at the top, as weights. Its other entries are there too, as weights
 * of no type, so that nobody overlooks them. Takes over the source, also on failure. */
mdla_status weights_open_torch(const mdla_allocator *al, mdla_source source, const char *name,
                               weights **out, mdla_error *err);

/* An entry that is no tensor; NULL where there is none of that name. Marks it as known. */
const pickle_value *torch_entry(weights *w, const char *key);
/* The same inside another entry. */
const pickle_value *torch_entry_of(const weights *w, const pickle_value *dict, const char *key);

#endif
