/* Images have few shades, so that they take few bytes. */
#include "report/pictures.h"

#include "report/html.h"

#include "common/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ATLAS_MAX = 144,
    ATLAS_VALUES = 1 << 18, /* more make the page heavy */
    ATLAS_COLUMNS = 16,
    GAP = 2,
    SHADES = 15 /* on either side of zero */
};

uint32_t picture_atlas_count(const report_file *f)
{
    const uint32_t fit = f->info.dims < ATLAS_VALUES ? ATLAS_VALUES / f->info.dims : 1;
    const uint32_t most = fit < ATLAS_MAX ? fit : ATLAS_MAX;

    return f->used < most ? f->used : most;
}

#ifdef MDLA_HAVE_PNG
#include <png.h>

int pictures_available(void)
{
    return 1;
}

/* Pixels of one byte that stand for palette entries, or of three. */
typedef struct canvas {
    uint32_t width, height, channels;
    uint8_t *pixels;
} canvas;

static int canvas_start(canvas *c, uint32_t width, uint32_t height, uint32_t channels, int fill)
{
    const size_t nbytes = (size_t)width * height * channels;

    *c = (canvas){width, height, channels, malloc(nbytes)};
    if (!c->pixels) {
        tool_fail("out of memory for an image of %u x %u", width, height);
        return -1;
    }
    memset(c->pixels, fill, nbytes);
    return 0;
}

/* From strong below zero over transparent to strong above. */
static void signed_palette(png_byte palette[2 * SHADES + 1][4])
{
    for (int i = -SHADES; i <= SHADES; i++) {
        png_byte *entry = palette[i + SHADES];

        memcpy(entry, i < 0 ? "\x2b\x6c\xc4" : "\xdd\x6b\x20", 3);
        entry[3] = (png_byte)lrint(255 * pow(abs(i) / (double)SHADES, 0.7));
    }
}

/* `data:` of the canvas. palette NULL: grey or RGB. */
static int put_data(text_sink *out, const canvas *c, const void *palette, uint32_t entries)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = c->width,
                       .height = c->height,
                       .format = palette            ? PNG_FORMAT_RGBA_COLORMAP
                                 : c->channels == 3 ? PNG_FORMAT_RGB
                                                    : PNG_FORMAT_GRAY,
                       .colormap_entries = entries};
    png_alloc_size_t nbytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *png = malloc(nbytes);
    int result = -1;

    if (png && png_image_write_to_memory(&image, png, &nbytes, 0, c->pixels, 0, palette)) {
        html_put(out, "data:image/png;base64,");
        html_base64(out, png, nbytes);
        result = 0;
    } else {
        tool_fail("an image of %u x %u can't be made: %s", c->width, c->height,
                  png ? image.message : "out of memory");
    }
    free(png);
    return result;
}

static float peak_of(const float *values, size_t count)
{
    float peak = 0;

    for (size_t i = 0; i < count; i++)
        peak = fabsf(values[i]) > peak ? fabsf(values[i]) : peak;
    return peak > 0 ? peak : 1;
}

/* An atom by its own peak, its corner at x, y. */
static void draw_atom(canvas *c, const image_shape *shape, const float *atom, uint32_t x,
                      uint32_t y)
{
    const size_t line = (size_t)shape->width * shape->channels;
    const float scale = (float)SHADES / peak_of(atom, line * shape->height);

    for (uint32_t i = 0; i < shape->height; i++)
        for (size_t j = 0; j < line; j++) {
            const int shade = (int)lrintf(atom[i * line + j] * scale) + SHADES;
            uint8_t *pixel = c->pixels + ((size_t)(y + i) * c->width + x) * c->channels + j;

            *pixel = (uint8_t)(c->channels == 1 ? shade : shade * 255 / (2 * SHADES));
        }
}

static int put_atoms(text_sink *out, const canvas *c)
{
    png_byte palette[2 * SHADES + 1][4];

    signed_palette(palette);
    return put_data(out, c, c->channels == 1 ? palette : NULL, 2 * SHADES + 1);
}

/* Draws the atoms of `count` features, from the first of f's order on or one alone. */
static int draw_atoms(canvas *c, const report_file *f, const uint32_t *one, uint32_t count)
{
    float *atom = malloc(f->info.dims * sizeof *atom);
    int result = atom ? 0 : -1;

    for (uint32_t i = 0; result == 0 && i < count; i++) {
        const uint32_t feature = one ? *one : f->features[i].feature;

        if (mdla_codebook_atom(mdla_decoder_codebook(f->decoder), feature, atom) != MDLA_OK)
            result = -1;
        else
            draw_atom(c, &f->image, atom, i % ATLAS_COLUMNS * (f->image.width + GAP),
                      i / ATLAS_COLUMNS * (f->image.height + GAP));
    }
    if (result != 0)
        tool_fail("%s: %s", f->name, atom ? "its codebook has no such atom" : "out of memory");
    free(atom);
    return result;
}

static void open_image(text_sink *out, const report_file *f)
{
    text_sink_format(out, "<img class=\"px\" width=\"%u\" height=\"%u\" ", f->image.width,
                     f->image.height);
}

int picture_atom(text_sink *out, const report_file *f, uint32_t feature)
{
    canvas c;
    int result;

    if (canvas_start(&c, f->image.width, f->image.height, f->image.channels, SHADES) != 0)
        return -1;
    result = draw_atoms(&c, f, &feature, 1);
    open_image(out, f);
    text_sink_format(out, "alt=\"atom of feature %u\" src=\"", feature);
    if (result == 0)
        result = put_atoms(out, &c);
    html_put(out, "\">");
    free(c.pixels);
    return result;
}

/* Bytes are shown as they are, other values from the row's least to its most. */
static void draw_row(canvas *c, const report_file *f, const float *values)
{
    float low = 0, high = 255;

    if (f->info.dtype != MDLA_U8) {
        low = high = values[0];
        for (uint32_t d = 0; d < f->info.dims; d++) {
            low = fminf(low, values[d]);
            high = fmaxf(high, values[d]);
        }
    }
    for (uint32_t d = 0; d < f->info.dims; d++) {
        const float shade = high > low ? (values[d] - low) / (high - low) : 0;
        const long coarse = lrintf(fminf(fmaxf(shade, 0), 1) * 2 * SHADES);

        c->pixels[d] = (uint8_t)(coarse * 255 / (2 * SHADES));
    }
}

int picture_row(text_sink *out, const report_file *f, uint64_t row)
{
    mdla_error err = {MDLA_OK, ""};
    float *values = malloc(f->info.dims * sizeof *values);
    size_t got = 0;
    mdla_status status = values ? mdla_decoder_seek(f->decoder, row, &err) : MDLA_ERR_MEMORY;
    canvas c = {0};
    int result = -1;

    if (status == MDLA_OK)
        status = mdla_decoder_read_rows(f->decoder, values, 1, &got, &err);
    if (status != MDLA_OK || got != 1) {
        tool_fail_status(status, &err);
    } else if (canvas_start(&c, f->image.width, f->image.height, f->image.channels, 0) == 0) {
        draw_row(&c, f, values);
        open_image(out, f);
        text_sink_format(out, "alt=\"row %llu, decoded\" src=\"", (unsigned long long)row);
        result = put_data(out, &c, NULL, 0);
        html_put(out, "\">");
    }
    free(c.pixels);
    free(values);
    return result;
}

int picture_atlas(text_sink *out, const report_file *f)
{
    const uint32_t count = picture_atlas_count(f);
    const uint32_t columns = count < ATLAS_COLUMNS ? count : ATLAS_COLUMNS;
    const uint32_t across = f->image.width + GAP, down = f->image.height + GAP;
    const uint32_t width = columns * across - GAP;
    const uint32_t height = (count + ATLAS_COLUMNS - 1) / ATLAS_COLUMNS * down - GAP;
    canvas c;
    int result;

    /* Between atoms nothing is drawn: transparent, or white for colours. */
    if (canvas_start(&c, width, height, f->image.channels, f->image.channels == 1 ? SHADES : 255) !=
        0)
        return -1;
    result = draw_atoms(&c, f, NULL, count);
    text_sink_format(
        out,
        "<svg class=\"atlas\" viewBox=\"0 0 %u %u\" role=\"img\" aria-label=\"atoms of "
        "%u features\"><image class=\"px\" width=\"%u\" height=\"%u\" href=\"",
        width, height, count, width, height);
    if (result == 0)
        result = put_atoms(out, &c);
    html_put(out, "\"/>");
    for (uint32_t i = 0; i < count; i++)
        text_sink_format(out,
                         "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"><title>feature %u: "
                         "%llu rows, %.0f bits</title></rect>",
                         i % ATLAS_COLUMNS * across, i / ATLAS_COLUMNS * down, f->image.width,
                         f->image.height, f->features[i].feature,
                         (unsigned long long)f->features[i].rows,
                         report_feature_bits(&f->features[i]));
    html_put(out, "</svg>");
    free(c.pixels);
    return result;
}

#else

int pictures_available(void)
{
    return 0;
}

static int no_pictures(void)
{
    tool_fail("images need libpng, which this build hasn't got");
    return -1;
}

int picture_atom(text_sink *out, const report_file *f, uint32_t feature)
{
    (void)out;
    (void)f;
    (void)feature;
    return no_pictures();
}

int picture_row(text_sink *out, const report_file *f, uint64_t row)
{
    (void)out;
    (void)f;
    (void)row;
    return no_pictures();
}

int picture_atlas(text_sink *out, const report_file *f)
{
    (void)out;
    (void)f;
    return no_pictures();
}

#endif
