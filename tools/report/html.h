/* Pieces of HTML into a text sink. */
#ifndef MDLA_REPORT_HTML_H
#define MDLA_REPORT_HTML_H

#include "common/text_sink.h"

/** Text from outside: markup is escaped, what is no UTF-8 becomes U+FFFD. */
void html_text(text_sink *out, const char *text);
/** Text of ours, markup and all. */
void html_put(text_sink *out, const char *markup);
/** Bytes as base64. */
void html_base64(text_sink *out, const unsigned char *bytes, size_t nbytes);
/** A whole number, digits grouped. */
void html_count(text_sink *out, uint64_t number);
/** The part of a path after its last slash. */
const char *html_base_name(const char *path);

#endif
