/* mnist_pictures: what the atoms of an SAE of digits look like, in pictures and in numbers.
 *
 *   mnist_pictures atlas CODED.mdla CODEBOOK TRAIN TITLE OUT.png    its atoms, most used first
 *   mnist_pictures digits CODED.mdla CODEBOOK DATA TITLE OUT.png [COUNT]    digits and their
 *                                                                   explanation, the first six
 *   mnist_pictures families CODED.mdla CODEBOOK EDGES TITLE OUT.png  parents and their children,
 *                                                      EDGES from mdla-info --hierarchy --csv
 *   mnist_pictures measure CODED.mdla CODEBOOK TRAIN NAME           a line of a Markdown table
 *
 * Two numbers tell a stroke from a memorised digit. Extent: the pixels that an atom covers,
 * (sum a^2)^2 / sum a^4. Match: the largest cosine between the atom and a train digit, each digit
 * less the mean digit. A memorised digit has the extent of a digit and a match near 1; a stroke is
 * smaller and like no digit.
 *
 * Stands on the public header and cairo.
 */
#include "mdla/mdla.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, DIMS = SIDE * SIDE };
enum { MEASURED_MAX = 240 }; /* atoms that are measured: evenly from the most to the least used */
enum { DIGITS = 6, DIGITS_MAX = 100, ATOMS_A_DIGIT = 8 };
static const double memorised_match = 0.7;

/* What the pictures show: a coded file, its codebook, and rows beside it. */
typedef struct subject {
    mdla_codebook *codebook;
    mdla_decoder *decoder;
    mdla_rows *rows;
    uint32_t width;
    uint64_t coded_rows;
    uint64_t *uses;  /* [width] */
    uint32_t *order; /* [used] features, most used first */
    uint32_t used;
} subject;

static int fail(const char *what, const mdla_error *err)
{
    fprintf(stderr, "mnist_pictures: %s\n", err && err->text[0] ? err->text : what);
    return -1;
}

/* ---- The subject ------------------------------------------------------------------------------
 */

static int count_uses(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                      const mdla_symbol_bits *bits)
{
    subject *s = ctx;

    (void)row;
    (void)bits;
    for (size_t i = 0; i < count; i++)
        s->uses[code[i].feature]++;
    return 0;
}

static const subject *sorted; /* qsort takes no context */

static int compare_uses(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    if (sorted->uses[x] != sorted->uses[y])
        return sorted->uses[x] > sorted->uses[y] ? -1 : 1;
    return (x > y) - (x < y);
}

static int order_features(subject *s)
{
    mdla_error err = {MDLA_OK, ""};

    s->uses = calloc(s->width, sizeof *s->uses);
    s->order = calloc(s->width, sizeof *s->order);
    if (!s->uses || !s->order)
        return fail("out of memory", NULL);
    if (mdla_decoder_visit_rows(s->decoder, 0, MDLA_UNKNOWN, count_uses, s, &err) != MDLA_OK)
        return fail("codes", &err);
    for (uint32_t f = 0; f < s->width; f++)
        if (s->uses[f] > 0)
            s->order[s->used++] = f;
    sorted = s;
    qsort(s->order, s->used, sizeof *s->order, compare_uses);
    return s->used > 0 ? 0 : fail("no feature is used", NULL);
}

/* rows: NULL where none are looked at. */
static int subject_open(subject *s, const char *coded, const char *codebook, const char *rows)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_file_info info;
    mdla_source source;

    *s = (subject){0};
    if (mdla_source_file(codebook, &source, &err) != MDLA_OK ||
        mdla_codebook_read(NULL, source, codebook, &s->codebook, &err) != MDLA_OK)
        return fail(codebook, &err);
    if (mdla_source_file(coded, &source, &err) != MDLA_OK ||
        mdla_decoder_open(NULL, source, coded, s->codebook, &s->decoder, &err) != MDLA_OK)
        return fail(coded, &err);
    if (rows && (mdla_source_file(rows, &source, &err) != MDLA_OK ||
                 mdla_rows_open(NULL, source, rows, NULL, &s->rows, &err) != MDLA_OK))
        return fail(rows, &err);
    mdla_decoder_query(s->decoder, &info);
    s->width = info.width;
    s->coded_rows = info.rows;
    if (info.dims != DIMS || (rows && mdla_rows_dims(s->rows) != DIMS))
        return fail("rows aren't digits of 28 x 28", NULL);
    return order_features(s);
}

static void subject_close(subject *s)
{
    mdla_rows_close(s->rows);
    mdla_decoder_close(s->decoder);
    mdla_codebook_free(s->codebook);
    free(s->uses);
    free(s->order);
}

/* ---- Measures ---------------------------------------------------------------------------------
 */

typedef struct atom_measure {
    uint32_t feature;
    float atom[DIMS];
    double extent, match;
} atom_measure;

static double extent_of(const float *v)
{
    double squares = 0, fourths = 0;

    for (int i = 0; i < DIMS; i++) {
        const double q = (double)v[i] * (double)v[i];

        squares += q;
        fourths += q * q;
    }
    return fourths > 0 ? squares * squares / fourths : 0;
}

enum { LANES = 8 };
_Static_assert(DIMS % LANES == 0, "rows are whole lanes");

static float product_of(const float *a, const float *b)
{
    float lanes[LANES] = {0}, sum = 0;

    for (int i = 0; i < DIMS; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += a[i + l] * b[i + l];
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

static float norm_of(const float *v)
{
    return sqrtf(product_of(v, v));
}

/* All train digits, each less the mean and at length 1: float [count][DIMS], to be freed. */
static float *centred_digits(subject *s, size_t *count)
{
    const uint64_t rows = mdla_rows_count(s->rows);
    float *digits = malloc((size_t)rows * DIMS * sizeof *digits);
    double mean[DIMS] = {0};
    mdla_error err = {MDLA_OK, ""};

    *count = 0;
    if (!digits || mdla_rows_rewind(s->rows, &err) != MDLA_OK ||
        mdla_rows_read(s->rows, digits, (size_t)rows, count, &err) != MDLA_OK) {
        fail("digits can't be read", &err);
        free(digits);
        return NULL;
    }
    for (size_t r = 0; r < *count; r++)
        for (int i = 0; i < DIMS; i++)
            mean[i] += (double)digits[r * DIMS + (size_t)i] / (double)*count;
    for (size_t r = 0; r < *count; r++) {
        float *digit = digits + r * DIMS, norm;

        for (int i = 0; i < DIMS; i++)
            digit[i] -= (float)mean[i];
        norm = norm_of(digit);
        for (int i = 0; i < DIMS && norm > 0; i++)
            digit[i] /= norm;
    }
    return digits;
}

/* The used atom at place i of count that are evenly drawn. */
static uint32_t drawn_feature(const subject *s, size_t i, size_t count)
{
    return s->order[i * s->used / count];
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

/* Measures into out[MEASURED_MAX]; returns how many, 0: reported. *digit_extent is the median of
 * the train digits' own. */
static size_t measure_atoms(subject *s, atom_measure *out, double *digit_extent)
{
    const size_t count = s->used < MEASURED_MAX ? s->used : MEASURED_MAX;
    size_t digit_count;
    float *digits = centred_digits(s, &digit_count);
    double *extents = malloc(digit_count * sizeof *extents);

    if (!digits || !extents) {
        free(digits);
        free(extents);
        return 0;
    }
    for (size_t a = 0; a < count; a++) {
        atom_measure *m = &out[a];
        float norm;

        m->feature = drawn_feature(s, a, count);
        if (mdla_codebook_atom(s->codebook, m->feature, m->atom) != MDLA_OK)
            memset(m->atom, 0, sizeof m->atom);
        m->extent = extent_of(m->atom);
        m->match = 0;
        norm = norm_of(m->atom);
        for (size_t r = 0; r < digit_count && norm > 0; r++)
            m->match = fmax(m->match, (double)(product_of(digits + r * DIMS, m->atom) / norm));
    }
    for (size_t r = 0; r < digit_count; r++)
        extents[r] = extent_of(digits + r * DIMS);
    *digit_extent = median(extents, digit_count);
    free(extents);
    free(digits);
    return count;
}

static int print_measures(subject *s, const char *name)
{
    atom_measure *atoms = malloc(MEASURED_MAX * sizeof *atoms);
    double extents[MEASURED_MAX], matches[MEASURED_MAX], digit_extent = 0;
    size_t count = atoms ? measure_atoms(s, atoms, &digit_extent) : 0, memorised = 0;

    for (size_t a = 0; a < count; a++) {
        extents[a] = atoms[a].extent;
        matches[a] = atoms[a].match;
        memorised += atoms[a].match >= memorised_match;
    }
    if (count > 0)
        printf("| %s | %u of %u | %.0f | %.0f | %.2f | %.0f %% |\n", name, s->used, s->width,
               median(extents, count), digit_extent, median(matches, count),
               100.0 * (double)memorised / (double)count);
    free(atoms);
    return count > 0 ? 0 : fail("nothing was measured", NULL);
}

/* ---- Drawing ----------------------------------------------------------------------------------
 */

typedef struct page {
    cairo_surface_t *surface;
    cairo_t *cr;
} page;

static page page_new(int width, int height)
{
    page p = {.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height)};

    p.cr = cairo_create(p.surface);
    cairo_set_source_rgb(p.cr, 1, 1, 1);
    cairo_paint(p.cr);
    cairo_select_font_face(p.cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    return p;
}

static int page_write(page *p, const char *path)
{
    const cairo_status_t status = cairo_surface_write_to_png(p->surface, path);

    cairo_destroy(p->cr);
    cairo_surface_destroy(p->surface);
    return status == CAIRO_STATUS_SUCCESS ? 0 : fail(path, NULL);
}

static void put_text(const page *p, double x, double y, double size, const char *text)
{
    cairo_set_source_rgb(p->cr, 0.1, 0.1, 0.1);
    cairo_set_font_size(p->cr, size);
    cairo_move_to(p->cr, x, y);
    cairo_show_text(p->cr, text);
}

/* Values over peak: -1 blue, 0 white, 1 red; ink: 0 white, 1 black. */
static void put_picture(const page *p, double x, double y, double scale, const float *values,
                        double peak, int ink)
{
    for (int i = 0; i < DIMS; i++) {
        const double v = peak > 0 ? fmax(-1, fmin(1, (double)values[i] / peak)) : 0;

        if (ink)
            cairo_set_source_rgb(p->cr, 1 - fmax(v, 0), 1 - fmax(v, 0), 1 - fmax(v, 0));
        else
            cairo_set_source_rgb(p->cr, v < 0 ? 1 + v : 1, 1 - fabs(v), v > 0 ? 1 - v : 1);
        cairo_rectangle(p->cr, x + i % SIDE * scale, y + i / SIDE * scale, scale, scale);
        cairo_fill(p->cr);
    }
    cairo_set_source_rgb(p->cr, 0.6, 0.6, 0.6);
    cairo_set_line_width(p->cr, 1);
    cairo_rectangle(p->cr, x - 0.5, y - 0.5, SIDE * scale + 1, SIDE * scale + 1);
    cairo_stroke(p->cr);
}

static double peak_of(const float *v)
{
    double peak = 0;

    for (int i = 0; i < DIMS; i++)
        peak = fmax(peak, fabs((double)v[i]));
    return peak;
}

static int draw_atlas(subject *s, const char *title, const char *path)
{
    enum { COLUMNS = 16, CELL = 74, LINE = 92, TOP = 84, LEFT = 10 };
    atom_measure *atoms = malloc(MEASURED_MAX * sizeof *atoms);
    double digit_extent = 0;
    const size_t measured = atoms ? measure_atoms(s, atoms, &digit_extent) : 0;
    const size_t shown = measured < 8 * COLUMNS ? measured : 8 * COLUMNS;
    const size_t lines = (shown + COLUMNS - 1) / COLUMNS;
    char text[200];
    page p;

    if (measured == 0) {
        free(atoms);
        return fail("nothing was measured", NULL);
    }
    p = page_new(1200, TOP + (int)lines * LINE + 8);
    put_text(&p, LEFT, 28, 21, title);
    snprintf(text, sizeof text,
             "%zu of %u used atoms, from most to least used; red above zero, blue below, each over "
             "its own peak.",
             shown, s->used);
    put_text(&p, LEFT, 50, 15, text);
    snprintf(
        text, sizeof text,
        "Below each: rows that use it (%%), extent (pixels; a digit's: %.0f), best match with a "
        "train digit (cosine).",
        digit_extent);
    put_text(&p, LEFT, 70, 15, text);
    for (size_t i = 0; i < shown; i++) {
        const atom_measure *m = &atoms[i * measured / shown];
        const double x = LEFT + (double)(i % COLUMNS) * CELL;
        const double y = TOP + (double)(i / COLUMNS) * LINE;

        put_picture(&p, x, y, 2.4, m->atom, peak_of(m->atom), 0);
        snprintf(text, sizeof text, "%.2g %.0f %.2f",
                 100.0 * (double)s->uses[m->feature] / (double)s->coded_rows, m->extent, m->match);
        put_text(&p, x, y + 80, 10, text);
    }
    free(atoms);
    return page_write(&p, path);
}

/* A digit's page line: what it is, what was made of it, and the atoms that weigh most. */
typedef struct digit_line {
    const subject *s;
    page *p;
    double y;
    const float *row, *decoded;
    uint64_t number;
} digit_line;

static int compare_strength(const void *a, const void *b)
{
    const double x = ((const mdla_coded_feature *)a)->strength,
                 y = ((const mdla_coded_feature *)b)->strength;

    return (x < y) - (x > y);
}

enum { DIGIT_CELL = 117, DIGIT_LINE = 170, DIGIT_TOP = 80 };

static int draw_digit(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                      const mdla_symbol_bits *bits)
{
    digit_line *d = ctx;
    mdla_coded_feature *falling = malloc((count + 1) * sizeof *falling);
    const double all = bits->passage + bits->header + bits->indices + bits->levels;
    char text[80];
    float atom[DIMS];

    if (!falling)
        return 1;
    memcpy(falling, code, count * sizeof *falling);
    qsort(falling, count, sizeof *falling, compare_strength);
    put_picture(d->p, 10, d->y, 3.8, d->row, 255, 1);
    snprintf(text, sizeof text, "test digit %llu", (unsigned long long)row);
    put_text(d->p, 10, d->y + 122, 13, text);
    put_picture(d->p, 10 + DIGIT_CELL, d->y, 3.8, d->decoded, 255, 1);
    snprintf(text, sizeof text, "%.1f bits,", all);
    put_text(d->p, 10 + DIGIT_CELL, d->y + 122, 13, text);
    snprintf(text, sizeof text, count == 1 ? "%zu atom" : "%zu atoms", count);
    put_text(d->p, 10 + DIGIT_CELL, d->y + 139, 13, text);
    for (size_t i = 0; i < count && i < ATOMS_A_DIGIT; i++) {
        const double x = 14 + (double)(i + 2) * DIGIT_CELL;

        if (mdla_codebook_atom(d->s->codebook, falling[i].feature, atom) != MDLA_OK)
            break;
        put_picture(d->p, x, d->y, 3.8, atom, peak_of(atom), 0);
        snprintf(text, sizeof text, "#%u x %.0f", falling[i].feature, falling[i].strength);
        put_text(d->p, x, d->y + 122, 13, text);
        snprintf(text, sizeof text, "%.1f + %.1f bits", falling[i].index_bits,
                 falling[i].level_bits);
        put_text(d->p, x, d->y + 139, 13, text);
    }
    free(falling);
    return 0;
}

static int draw_digits(subject *s, int count, const char *title, const char *path)
{
    mdla_error err = {MDLA_OK, ""};
    float row[DIMS], decoded[DIMS];
    page p = page_new(1200, DIGIT_TOP + count * DIGIT_LINE - 18);
    int result = 0;

    put_text(&p, 10, 28, 21, title);
    put_text(&p, 10, 50, 15,
             "The digit, what its code makes of it, and the atoms used, strongest first (eight at "
             "most): feature x strength,");
    put_text(&p, 10, 70, 15,
             "bits that say the feature is on + bits of its level. Red adds ink, blue takes it "
             "away; each atom over its own peak.");
    for (int i = 0; result == 0 && i < count; i++) {
        digit_line d = {s, &p, DIGIT_TOP + (double)i * DIGIT_LINE, row, decoded, (uint64_t)i};
        size_t got = 0, made = 0;

        if (mdla_rows_seek(s->rows, d.number, &err) != MDLA_OK ||
            mdla_rows_read(s->rows, row, 1, &got, &err) != MDLA_OK ||
            mdla_decoder_seek(s->decoder, d.number, &err) != MDLA_OK ||
            mdla_decoder_read_rows(s->decoder, decoded, 1, &made, &err) != MDLA_OK || got != 1 ||
            made != 1 ||
            mdla_decoder_visit_rows(s->decoder, d.number, 1, draw_digit, &d, &err) != MDLA_OK)
            result = fail("a digit can't be read", &err);
    }
    return page_write(&p, path) == 0 ? result : -1;
}

typedef struct family_edge {
    uint32_t parent, child;
    double parent_given_child, bits;
} family_edge;

/* The next line of what mdla-info --hierarchy --csv says; returns 0 at the end. */
static int next_edge(FILE *edges, family_edge *e)
{
    char line[400];

    while (fgets(line, sizeof line, edges))
        if (sscanf(line, "%u,%u,%*u,%*u,%*u,%lf,%*f,%*f,%lf", &e->parent, &e->child,
                   &e->parent_given_child, &e->bits) == 4)
            return 1;
    return 0;
}

enum { FAMILIES = 9, CHILDREN = 10, FAMILY_CELL = 108, FAMILY_LINE = 136, FAMILY_TOP = 84 };

static int draw_member(const subject *s, page *p, double x, double y, uint32_t feature)
{
    float atom[DIMS];
    char text[80];

    if (feature >= s->width || mdla_codebook_atom(s->codebook, feature, atom) != MDLA_OK)
        return fail("an edge names a feature that isn't there", NULL);
    put_picture(p, x, y, 3.2, atom, peak_of(atom), 0);
    snprintf(text, sizeof text, "#%u, %.2g %%", feature,
             100.0 * (double)s->uses[feature] / (double)s->coded_rows);
    put_text(p, x, y + 103, 12, text);
    return 0;
}

/* Families come together, those that save most first; in them the children that save most. */
static int draw_families(const subject *s, FILE *edges, const char *title, const char *path)
{
    page p = page_new(1200, FAMILY_TOP + FAMILIES * FAMILY_LINE);
    family_edge e;
    uint32_t parent = 0;
    int families = 0, children = 0, result = 0;

    put_text(&p, 10, 28, 21, title);
    put_text(&p, 10, 50, 15,
             "On the left a parent, then the children for which knowing it saves most bits (ten at "
             "most): feature, rows that use it;");
    put_text(
        &p, 10, 70, 15,
        "of a child in how many of its rows the parent is on, and bits saved over all rows. Red "
        "above zero, blue below, each over its own peak.");
    while (result == 0 && next_edge(edges, &e)) {
        double x, y;
        char text[80];

        if (families == 0 || e.parent != parent) {
            if (families == FAMILIES)
                break;
            parent = e.parent;
            children = 0;
            y = FAMILY_TOP + (double)families++ * FAMILY_LINE;
            result = draw_member(s, &p, 10, y, parent);
        }
        if (result != 0 || children == CHILDREN)
            continue;
        x = 24 + (double)++children * (FAMILY_CELL - 2);
        y = FAMILY_TOP + (double)(families - 1) * FAMILY_LINE;
        result = draw_member(s, &p, x, y, e.child);
        snprintf(text, sizeof text, "%.0f %%, %.0f bits", 100 * e.parent_given_child, e.bits);
        put_text(&p, x, y + 118, 12, text);
    }
    if (families == 0 && result == 0)
        result = fail("there are no edges", NULL);
    return page_write(&p, path) == 0 ? result : -1;
}

static int open_and_draw_families(subject *s, char **argv)
{
    FILE *edges = fopen(argv[4], "r");
    int result = -1;

    if (!edges)
        return fail(argv[4], NULL);
    if (subject_open(s, argv[2], argv[3], NULL) == 0)
        result = draw_families(s, edges, argv[5], argv[6]);
    fclose(edges);
    return result;
}

int main(int argc, char **argv)
{
    const int atlas = argc == 7 && strcmp(argv[1], "atlas") == 0;
    const int digits = (argc == 7 || argc == 8) && strcmp(argv[1], "digits") == 0;
    const int families = argc == 7 && strcmp(argv[1], "families") == 0;
    const int measure = argc == 6 && strcmp(argv[1], "measure") == 0;
    const int count = argc == 8 ? atoi(argv[7]) : DIGITS;
    subject s = {0};
    int result = -1;

    if (!(atlas || digits || families || measure) || count < 1 || count > DIGITS_MAX) {
        fprintf(stderr,
                "usage: mnist_pictures atlas CODED.mdla CODEBOOK TRAIN TITLE OUT.png\n"
                "       mnist_pictures digits CODED.mdla CODEBOOK DATA TITLE OUT.png [COUNT]\n"
                "       mnist_pictures families CODED.mdla CODEBOOK EDGES TITLE OUT.png\n"
                "       mnist_pictures measure CODED.mdla CODEBOOK TRAIN NAME\n");
        return 2;
    }
    if (families)
        result = open_and_draw_families(&s, argv);
    else if (subject_open(&s, argv[2], argv[3], argv[4]) == 0)
        result = atlas    ? draw_atlas(&s, argv[5], argv[6])
                 : digits ? draw_digits(&s, count, argv[5], argv[6])
                          : print_measures(&s, argv[5]);
    subject_close(&s);
    return result == 0 ? 0 : 1;
}
