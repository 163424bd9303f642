/* The framing of an Arrow IPC stream: messages, each a FlatBuffer and a body of buffers. */
#ifndef MDLA_ARROW_MESSAGE_H
#define MDLA_ARROW_MESSAGE_H

#include "arrays/flatbuffer.h"
#include "input.h"

enum { ARROW_END = 0, ARROW_SCHEMA = 1, ARROW_DICTIONARY = 2, ARROW_BATCH = 3 };

typedef struct arrow_message {
    uint8_t *bytes; /* of the FlatBuffer; kept from message to message */
    size_t room;
    flatbuffer fb;
    unsigned kind; /* ARROW_END: no more messages */
    size_t header; /* the table of that kind */
    int version;   /* of the metadata: 3 is V4, 4 is V5 */
    uint64_t body, body_nbytes;
} arrow_message;

/* Reads the message at the input's position and leaves the input at its body. A body lies inside a
 * source of known size. */
mdla_status arrow_message_next(input *in, arrow_message *m, mdla_error *err);
void arrow_message_free(const mdla_allocator *al, arrow_message *m);

#endif
