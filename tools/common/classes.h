/* Classes of bits as programs know them. */
#ifndef MDLA_TOOL_CLASSES_H
#define MDLA_TOOL_CLASSES_H

#include "mdla/mdla.h"

#include "common/json.h"

/** Bytes that hold any class_key. */
#define CLASS_KEY_MAX 64

/** The class's name with underscores for spaces, into text[CLASS_KEY_MAX]; returns text. */
const char *class_key(mdla_bit_class bit_class, char *text);

/** What the class pays for, in a few words: "which features are active"; "" where nothing is known.
 */
const char *class_meaning(mdla_bit_class bit_class);

/** Marginal bits a row (mdla_account.marginal_nbytes); NaN without rows. */
double class_marginal_bits(const mdla_account *account);

/** The member "bits": an object with every class. */
void class_put_json(json_writer *json, const mdla_account *account);

#endif
