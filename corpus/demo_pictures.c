/* demo_pictures: grids of pictures as grey PNG files, from rows of an array or atoms of a codebook.
 *
 *   demo_pictures rows DATA OUT.png [FIRST [COUNT]]     values 0 .. 255 as they are, clamped
 *   demo_pictures pairs DATA DECODED OUT.png            digits above their reconstructions
 *   demo_pictures atoms FILE OUT.png [FIRST [COUNT]]    FILE: codebook or .mdla; zero is mid grey
 *
 * Pictures are square: 784 dims are 28 x 28. Stands on the public header and libpng.
 */
#include "mdla/mdla.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCALE = 3, GAP = 3, COLUMNS = 20, PICTURES = 200, SEPARATOR = 96 };

/* A grid of square pictures, COLUMNS wide, each pixel SCALE x SCALE, with lines between. */
typedef struct grid {
    uint32_t side;       /* pixels of a picture */
    size_t width, height; /* of the whole, in pixels of the file */
    unsigned char *pixels; /* [height][width] */
} grid;

static int fail(const char *what, const mdla_error *err)
{
    fprintf(stderr, "demo_pictures: %s\n", err && err->text[0] ? err->text : what);
    return -1;
}

static int grid_start(grid *g, uint32_t dims, size_t count)
{
    const size_t lines = (count + COLUMNS - 1) / COLUMNS;

    g->side = (uint32_t)(sqrt((double)dims) + 0.5);
    if (g->side * g->side != dims || count == 0)
        return fail("rows aren't square pictures, or there are none", NULL);
    g->width = (size_t)COLUMNS * (g->side * SCALE + GAP) + GAP;
    g->height = lines * (g->side * SCALE + GAP) + GAP;
    g->pixels = malloc(g->width * g->height);
    if (!g->pixels)
        return fail("out of memory", NULL);
    memset(g->pixels, SEPARATOR, g->width * g->height);
    return 0;
}

static unsigned char grey(double value)
{
    return (unsigned char)(value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5);
}

/* Draws values [side][side] at a place of the grid as scale x value + offset. */
static void grid_draw(grid *g, size_t place, const float *values, double scale, double offset)
{
    const size_t cell = g->side * SCALE + GAP;
    unsigned char *corner =
        g->pixels + (place / COLUMNS * cell + GAP) * g->width + place % COLUMNS * cell + GAP;

    for (size_t y = 0; y < g->side * SCALE; y++)
        for (size_t x = 0; x < g->side * SCALE; x++)
            corner[y * g->width + x] =
                grey(scale * (double)values[y / SCALE * g->side + x / SCALE] + offset);
}

static int grid_write(const grid *g, const char *path)
{
    png_image image;

    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)g->width;
    image.height = (png_uint_32)g->height;
    image.format = PNG_FORMAT_GRAY;
    if (png_image_write_to_file(&image, path, 0, g->pixels, (png_int_32)g->width, NULL))
        return 0;
    fprintf(stderr, "demo_pictures: %s: %s\n", path, image.message);
    return -1;
}

static mdla_rows *open_rows(const char *path, uint64_t first)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_rows *rows = NULL;

    if (mdla_source_file(path, &source, &err) != MDLA_OK ||
        mdla_rows_open(NULL, source, path, NULL, &rows, &err) != MDLA_OK ||
        mdla_rows_seek(rows, first, &err) != MDLA_OK) {
        fail(path, &err);
        mdla_rows_close(rows);
        return NULL;
    }
    return rows;
}

/* Draws the next count rows of the array to places place, place + 1 ...; with pairs != 0 every second line. */
static int draw_rows(grid *g, mdla_rows *rows, size_t count, size_t line, int pairs)
{
    mdla_error err = {MDLA_OK, ""};
    float *row = malloc((size_t)mdla_rows_dims(rows) * sizeof *row);
    size_t got = 1;
    int result = row ? 0 : fail("out of memory", NULL);

    for (size_t i = 0; result == 0 && i < count; i++) {
        const size_t place =
            pairs ? (2 * (i / COLUMNS) + line) * COLUMNS + i % COLUMNS : i;

        if (mdla_rows_read(rows, row, 1, &got, &err) != MDLA_OK)
            result = fail("read error", &err);
        else if (got == 1)
            grid_draw(g, place, row, 1, 0);
    }
    free(row);
    return result;
}

static int draw_array(const char *data, const char *decoded, const char *out, uint64_t first,
                      size_t count)
{
    mdla_rows *rows = open_rows(data, first);
    mdla_rows *others = rows && decoded ? open_rows(decoded, first) : NULL;
    grid g = {0};
    int result = -1;

    if (rows && (!decoded || others)) {
        result = grid_start(&g, mdla_rows_dims(rows), decoded ? 2 * count : count);
        if (result == 0 && others && mdla_rows_dims(others) != mdla_rows_dims(rows))
            result = fail("the two arrays differ in dims", NULL);
        if (result == 0)
            result = draw_rows(&g, rows, count, 0, decoded != NULL);
        if (result == 0 && others)
            result = draw_rows(&g, others, count, 1, 1);
        if (result == 0)
            result = grid_write(&g, out);
    }
    free(g.pixels);
    mdla_rows_close(rows);
    mdla_rows_close(others);
    return result;
}

/* Each atom is scaled by its own largest value, so that zero is mid grey and signs stay apart. */
static int draw_atom(grid *g, size_t place, const mdla_codebook *codebook, uint32_t feature, float *atom)
{
    const size_t dims = (size_t)g->side * g->side;
    float peak = 0;

    if (mdla_codebook_atom(codebook, feature, atom) != MDLA_OK)
        return fail("no such atom", NULL);
    for (size_t i = 0; i < dims; i++)
        peak = fabsf(atom[i]) > peak ? fabsf(atom[i]) : peak;
    grid_draw(g, place, atom, peak > 0 ? 127.0 / (double)peak : 0, 128);
    return 0;
}

static int draw_atoms(const char *path, const char *out, uint32_t first, size_t count)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_source source;
    mdla_codebook *codebook = NULL;
    mdla_codebook_info info;
    float *atom;
    grid g = {0};
    int result;

    if (mdla_source_file(path, &source, &err) != MDLA_OK ||
        mdla_codebook_read(NULL, source, path, &codebook, &err) != MDLA_OK)
        return fail(path, &err);
    mdla_codebook_query(codebook, &info);
    if (first >= info.width)
        first = 0;
    count = count < info.width - first ? count : info.width - first;
    atom = malloc((size_t)info.dims * sizeof *atom);
    result = atom ? grid_start(&g, info.dims, count) : fail("out of memory", NULL);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = draw_atom(&g, i, codebook, first + (uint32_t)i, atom);
    if (result == 0)
        result = grid_write(&g, out);
    free(atom);
    free(g.pixels);
    mdla_codebook_free(codebook);
    return result;
}

static size_t argument(int argc, char **argv, int at, size_t otherwise)
{
    return argc > at ? (size_t)strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    int result = 2;

    if (argc >= 4 && strcmp(argv[1], "rows") == 0)
        result = draw_array(argv[2], NULL, argv[3], argument(argc, argv, 4, 0),
                            argument(argc, argv, 5, PICTURES));
    else if (argc == 5 && strcmp(argv[1], "pairs") == 0)
        result = draw_array(argv[2], argv[3], argv[4], 0, PICTURES / 2);
    else if (argc >= 4 && strcmp(argv[1], "atoms") == 0)
        result = draw_atoms(argv[2], argv[3], (uint32_t)argument(argc, argv, 4, 0),
                            argument(argc, argv, 5, PICTURES));
    else
        fprintf(stderr, "usage: demo_pictures rows DATA OUT.png [FIRST [COUNT]]\n"
                        "       demo_pictures pairs DATA DECODED OUT.png\n"
                        "       demo_pictures atoms FILE OUT.png [FIRST [COUNT]]\n");
    return result < 0 ? 1 : result;
}
