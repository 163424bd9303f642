/* Opening what the command line names: shards of rows, .mdla files, codebooks, SAE folders,
 * outputs. */
#ifndef MDLA_TOOL_FILES_H
#define MDLA_TOOL_FILES_H

#include "mdla/mdla.h"

/**
 * A file or, for "-", standard input. Where the source can't seek and must (seekable != 0), it is
 * copied to an unlinked temporary file first (in TMPDIR, else /var/tmp). Reports what goes wrong;
 * returns 0 or -1.
 */
int files_source(const char *path, int seekable, mdla_source *out);

/** Says that a file is read without files_source: no file is read and overwritten by one run.
 * Returns 0, or -1: it is an output, or no memory; reported. */
int files_note_read(const char *path);

/** Reports that a path couldn't be opened, with a guess where it doesn't exist but one of the
 * patterns' files (FILES_*) that is called nearly so does. Returns -1. */
int files_fail(const char *path, const char *patterns, mdla_status status, const mdla_error *err);

/** One or many shards as one stream of rows: files, FILE:ARRAY, folders, patterns (path_list.h).
 * rewindable as seekable above. Returns 0 or -1. */
int files_rows(const mdla_config *config, char **paths, size_t count,
               const mdla_array_options *options, int rewindable, mdla_rows **out);

/** Integers beside rows, one a row, named as rows are: for mdla_rows_set_passages and _set_tokens.
 * Returns 0 or -1. */
int files_numbers(const mdla_config *config, const char *path, mdla_rows **out);

/** A codebook from a codebook file or a .mdla file that embeds one. Returns 0 or -1. */
int files_codebook(const mdla_config *config, const char *path, mdla_codebook **out);

/** A .mdla file; codebook may be NULL. Returns 0 or -1. */
int files_decoder(const mdla_config *config, const char *path, int seekable,
                  const mdla_codebook *codebook, mdla_decoder **out);

/** A .mdla file for what needs no codebook (mdla_decoder_open_outline). Returns 0 or -1. */
int files_outline(const mdla_config *config, const char *path, mdla_decoder **out);

/**
 * An output file or, for "-", standard output; binary never goes to a terminal. path must stay as
 * long as the sink: a failure is remembered under it (tool_output_failed). What this run reads
 * isn't overwritten, by force neither. Returns 0 or -1.
 */
int files_sink(const char *path, int force, int binary, mdla_sink *out);

/** FOLDER/MEMBER or FOLDER/SUB/MEMBER, to be freed; NULL: no memory, reported. */
char *files_join(const char *folder, const char *sub, const char *member);

/** How messages call a path: itself, or "standard input". */
const char *files_name(const char *path);

/** How messages call the data of these paths, one at least, into text[MDLA_MESSAGE_MAX]; returns
 * text. */
const char *files_data_name(char **paths, size_t count, char *text);

#endif
