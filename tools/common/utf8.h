/* Text from outside: is it UTF-8? */
#ifndef MDLA_TOOL_UTF8_H
#define MDLA_TOOL_UTF8_H

#include <stddef.h>

/** Length of the well-formed UTF-8 sequence at p, or 0. p ends with a zero. */
size_t utf8_length(const unsigned char *p);

#endif
