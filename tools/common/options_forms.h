/* The forms that a program's table of options is printed in. All to standard output. */
#ifndef MDLA_TOOL_OPTIONS_FORMS_H
#define MDLA_TOOL_OPTIONS_FORMS_H

#include "common/options.h"

/** --help: one screen. */
void options_print_help(const tool_program *program);
/** The list of options of the manual page, in mdoc. */
void options_print_mdoc(const tool_program *program);
/** A whole bash completion, to be sourced. */
void options_print_bash(const tool_program *program);
/** A whole zsh completion, a file _NAME of fpath. */
void options_print_zsh(const tool_program *program);

/** How the value of an option is called: its argument or its words; NULL where it takes none. */
const char *options_value_name(const tool_option *option);

#endif
