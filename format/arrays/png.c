/* A PNG image as one row: 8-bit grey or RGB, the values 0 .. 255 row by row, pixel by pixel. Read
 * through libpng; where the build has none, refused by name.
 *
 * The head is read when the image is opened, the pixels when the row is asked for, so that a folder
 * of images is opened without decoding any.
 */
#include "arrays/convert.h"
#include "arrays/rows.h"

#include "base/alloc.h"
#include "io_error.h"

#ifndef MDLA_HAVE_PNG

mdla_status rows_open_png(mdla_rows *rows, mdla_error *err)
{
    return error_set(err, MDLA_ERR_UNSUPPORTED,
                     "%s: a PNG image, and mdla was built without libpng; install it and build "
                     "again",
                     rows->in.name);
}

#else

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

typedef struct png_row {
    png_structp png; /* until the pixels are read */
    png_infop info;
    mdla_rows *rows;
    uint8_t *pixels; /* [dims] */
    bool decoded;    /* they are there */
    bool out_of_memory;
    mdla_status status; /* of a failed read, told in err */
    mdla_error *err;
    char reason[120];
} png_row;

/* ---- libpng's callbacks ------------------------------------------------------------------------
 */

static void on_error(png_structp png, png_const_charp text)
{
    png_row *const image = png_get_error_ptr(png);

    (void)snprintf(image->reason, sizeof image->reason, "%s", text);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep dst, size_t nbytes)
{
    png_row *const image = png_get_io_ptr(png);

    image->status = input_read(&image->rows->in, dst, nbytes, "the image", image->err);
    if (image->status != MDLA_OK)
        longjmp(png_jmpbuf(png), 1);
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t nbytes)
{
    png_row *const image = png_get_mem_ptr(png);
    void *const memory = alloc_array(image->rows->al, nbytes, 1);

    image->out_of_memory = image->out_of_memory || memory == NULL;
    return memory;
}

static void on_free(png_structp png, png_voidp memory)
{
    const png_row *const image = png_get_mem_ptr(png);

    alloc_free(image->rows->al, memory);
}

/* What a jump out of libpng means. */
static mdla_status jumped(png_row *image, mdla_error *err)
{
    if (image->status != MDLA_OK)
        return image->status;
    if (image->out_of_memory)
        return error_memory(err, image->rows->in.name);
    return error_set(err, MDLA_ERR_CORRUPT, "%s: PNG: %s", image->rows->in.name, image->reason);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static mdla_status read_pixels(png_row *image, mdla_error *err)
{
    mdla_rows *const rows = image->rows;
    uint32_t y, height;
    size_t stride;
    int passes;

    image->pixels = alloc_zeroed(rows->al, rows->dims, 1);
    if (image->pixels == NULL)
        return error_memory(err, rows->in.name);
    image->err = err;
    image->status = MDLA_OK;
    if (setjmp(png_jmpbuf(image->png)) != 0)
        return jumped(image, err);
    height = png_get_image_height(image->png, image->info);
    passes = png_set_interlace_handling(image->png);
    png_read_update_info(image->png, image->info);
    stride = rows->dims / height;
    while (passes-- > 0) {
        for (y = 0; y < height; y++)
            png_read_row(image->png, image->pixels + y * stride, NULL);
    }
    png_read_end(image->png, NULL);
    return input_expect_end(&rows->in, err);
}

static mdla_status png_rows_read(mdla_rows *rows, void *dst, size_t count, size_t *got,
                                 mdla_error *err)
{
    png_row *const image = rows->state;

    (void)count; /* 1: there is no other row */
    if (image->png != NULL) {
        const mdla_status status = read_pixels(image, err);

        png_destroy_read_struct(&image->png, &image->info, NULL);
        image->decoded = status == MDLA_OK;
        MDLA_TRY(status);
    }
    if (!image->decoded)
        return error_set(err, MDLA_ERR_CORRUPT, "%s: the image couldn't be read", rows->in.name);
    (void)convert_to_f32(MDLA_U8, false, image->pixels, rows->dims, dst);
    *got = 1;
    return MDLA_OK;
}

static void png_rows_close(mdla_rows *rows)
{
    png_row *const image = rows->state;

    if (image->png != NULL)
        png_destroy_read_struct(&image->png, &image->info, NULL);
    alloc_free(rows->al, image->pixels);
    alloc_free(rows->al, image);
}

static const rows_ops png_ops = {png_rows_read, NULL, NULL, png_rows_close};

/* ---- Opening ----------------------------------------------------------------------------------
 */

static mdla_status check_head(png_row *image, mdla_error *err)
{
    mdla_rows *const rows = image->rows;
    const unsigned depth = png_get_bit_depth(image->png, image->info);
    const unsigned colour = png_get_color_type(image->png, image->info);
    const uint64_t width = png_get_image_width(image->png, image->info);
    const uint64_t height = png_get_image_height(image->png, image->info);

    if (depth != 8 || (colour != PNG_COLOR_TYPE_GRAY && colour != PNG_COLOR_TYPE_RGB))
        return error_set(err, MDLA_ERR_UNSUPPORTED,
                         "%s: PNG with %u bits, %s; 8-bit grey and RGB images are read",
                         rows->in.name, depth,
                         colour == PNG_COLOR_TYPE_PALETTE       ? "a palette"
                         : (colour & PNG_COLOR_MASK_ALPHA) != 0 ? "transparency"
                         : colour == PNG_COLOR_TYPE_RGB         ? "RGB"
                                                                : "grey");
    /* Both below 2^31 by the format: no overflow. */
    return rows_set_shape(rows, 1, width * height * (colour == PNG_COLOR_TYPE_RGB ? 3 : 1), err);
}

static mdla_status read_info(png_row *image, mdla_error *err)
{
    image->err = err;
    if (setjmp(png_jmpbuf(image->png)) != 0)
        return jumped(image, err);
    png_set_user_limits(image->png, 0x7fffffff, 0x7fffffff); /* ours is rows_set_shape's */
    png_read_info(image->png, image->info);
    return MDLA_OK;
}

mdla_status rows_open_png(mdla_rows *rows, mdla_error *err)
{
    png_row *const image = alloc_zeroed(rows->al, 1, sizeof *image);

    if (image == NULL)
        return error_memory(err, rows->in.name);
    image->rows = rows;
    rows->state = image;
    rows->ops = &png_ops;
    rows->dtype = MDLA_U8;
    rows->can_rewind = true; /* the pixels stay */
    image->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, image, on_error, on_warning, image,
                                          on_alloc, on_free);
    if (image->png != NULL)
        image->info = png_create_info_struct(image->png);
    if (image->info == NULL)
        return error_memory(err, rows->in.name);
    png_set_read_fn(image->png, image, on_read);
    MDLA_TRY(read_info(image, err));
    return check_head(image, err);
}

#endif
