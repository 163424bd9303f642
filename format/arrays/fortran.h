/* Column-major .npy arrays: read by tiles of rows, column by column, with seeks. */
#ifndef MDLA_FORTRAN_H
#define MDLA_FORTRAN_H

#include "arrays/npy_header.h"
#include "arrays/rows.h"

/* rows->in stands at the first value; dims and row_count are set. */
mdla_status fortran_open(mdla_rows *rows, const npy_header *header, mdla_error *err);

#endif
