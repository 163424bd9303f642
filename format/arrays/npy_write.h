/* The header of a .npy file, as NumPy writes it. */
#ifndef MDLA_NPY_WRITE_H
#define MDLA_NPY_WRITE_H

#include "mdla/mdla.h"

#define NPY_HEADER_ROOM 192

/* dtype's name in a header: "<f4" ... */
const char *npy_descr(mdla_dtype dtype);

/* Version 1.0, C order, axes 0 to 2; shape may be NULL for 0 axes. Returns the bytes written. */
size_t npy_header_write(const char *descr, unsigned axes, const uint64_t *shape,
                        char header[NPY_HEADER_ROOM]);

#endif
