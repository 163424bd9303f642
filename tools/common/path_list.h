/* Names of data files, as the command line and lists give them: made into plain files in order. */
#ifndef MDLA_TOOL_PATH_LIST_H
#define MDLA_TOOL_PATH_LIST_H

#include "mdla/mdla.h"

typedef struct path_list {
    mdla_shard *shards; /* array NULL: the only one of the file */
    size_t count, room;
} path_list;

/**
 * Adds what a name stands for: a file; FILE:ARRAY, one array of a file; a pattern of files (* ? [])
 * that the shell left; or a folder: a data set that Hugging Face datasets saved, or else its PNG
 * images, or else its .npy, .npz, .safetensors or .arrow files, of one kind, numbers in names
 * counted (10 after 9). Reports what goes wrong; returns 0 or -1.
 */
int path_list_add(path_list *list, const mdla_config *config, const char *name);

void path_list_free(path_list *list);

#endif
