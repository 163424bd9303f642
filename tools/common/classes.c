/* Names of classes for JSON members and CSV columns. */
#include "common/classes.h"

const char *class_key(mdla_bit_class bit_class, char *text)
{
    snprintf(text, CLASS_KEY_MAX, "%s", mdla_bit_class_name(bit_class));
    for (char *p = text; *p; p++)
        if (*p == ' ')
            *p = '_';
    return text;
}

void class_put_json(json_writer *json, const mdla_account *account)
{
    char key[CLASS_KEY_MAX];

    json_begin_object(json, "bits");
    for (int c = 0; c < MDLA_BITS_CLASSES; c++)
        json_number(json, class_key((mdla_bit_class)c, key), account->bits[c]);
    json_end_object(json);
}
