#include "chart/drawing.h"

#include <math.h>
#include <string.h>

enum { TEXT_MAX = 250 }; /* bytes of a line */

cairo_t *drawing_start(int height)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, DRAWING_WIDTH, height);
    cairo_t *cr = cairo_create(surface);

    cairo_surface_destroy(surface); /* cr holds it */
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_width(cr, 1);
    drawing_ink(cr);
    return cr;
}

static cairo_status_t write_bytes(void *ctx, const unsigned char *bytes, unsigned int nbytes)
{
    mdla_sink *sink = ctx;

    return sink->write(sink->ctx, bytes, nbytes) == MDLA_OK ? CAIRO_STATUS_SUCCESS
                                                            : CAIRO_STATUS_WRITE_ERROR;
}

int drawing_end(cairo_t *cr, mdla_sink *sink)
{
    const int drawn = cairo_status(cr) == CAIRO_STATUS_SUCCESS;
    const int written =
        !sink || (drawn && cairo_surface_write_to_png_stream(cairo_get_target(cr), write_bytes,
                                                             sink) == CAIRO_STATUS_SUCCESS);

    cairo_destroy(cr);
    return written ? 0 : -1;
}

void drawing_ink(cairo_t *cr)
{
    cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
}

void drawing_faint(cairo_t *cr)
{
    cairo_set_source_rgb(cr, 0.88, 0.88, 0.88);
}

void drawing_line(cairo_t *cr, double x, double y, double to_x, double to_y)
{
    cairo_move_to(cr, x, y);
    cairo_line_to(cr, to_x, to_y);
    cairo_stroke(cr);
}

/* Names come from outside: cairo draws nothing at all once it met what is no UTF-8. */
static void copy_text(const char *text, char out[TEXT_MAX + 1])
{
    size_t filled = 0, length;

    for (; *text; text += length ? length : 1) {
        length = mdla_utf8_length(text);
        if (filled + (length ? length : 1) > TEXT_MAX)
            break;
        memcpy(out + filled, length ? text : "?", length ? length : 1);
        filled += length ? length : 1;
    }
    out[filled] = '\0';
}

double drawing_text_width(cairo_t *cr, const char *text, double size)
{
    cairo_text_extents_t extents;
    char shown[TEXT_MAX + 1];

    copy_text(text, shown);
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, shown, &extents);
    return extents.x_advance;
}

void drawing_text(cairo_t *cr, const char *text, double x, double y, double size, double align)
{
    char shown[TEXT_MAX + 1];

    copy_text(text, shown);
    cairo_move_to(cr, x - align * drawing_text_width(cr, shown, size), y);
    cairo_show_text(cr, shown);
}

void drawing_text_up(cairo_t *cr, const char *text, double x, double y, double size, double align)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, -acos(0));
    drawing_text(cr, text, 0, 0, size, align);
    cairo_restore(cr);
}
