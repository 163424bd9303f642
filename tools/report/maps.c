#include "report/maps.h"

#include "report/html.h"
#include "report/map_kinds.h"

#include "chart/drawing.h"
#include "common/files.h"
#include "common/progress.h"
#include "common/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum map_kind { MAP_ROWS, MAP_PAIRS, MAP_PIXELS, MAP_KINDS } map_kind;

static const char *const names[] = {"rows-features.png", "pairs.png", "pixels.png"};

typedef struct map_file {
    char *path; /* NULL: isn't open */
    mdla_sink sink;
} map_file;

typedef struct map_set {
    const report_file *f;
    row_map rows;
    feature_pairs pairs;
    map_file files[MAP_KINDS];
} map_set;

int maps_available(void)
{
    return 1;
}

/* A line from the left edge, smaller where it would leave the page. */
static void put_line(cairo_t *cr, const char *text, double y, double size)
{
    const double room = DRAWING_WIDTH - MAP_LEFT - 16, width = drawing_text_width(cr, text, size);

    drawing_text(cr, text, MAP_LEFT, y, width > room ? size * room / width : size, 0);
}

void map_put_title(cairo_t *cr, const report_file *f, const char *title, const char *below)
{
    char text[256];

    snprintf(text, sizeof text, "%s: %s", html_base_name(f->name), title);
    drawing_ink(cr);
    put_line(cr, text, 38, 21);
    put_line(cr, below, 64, 15);
}

static int has_map(const map_set *set, map_kind kind)
{
    return kind == MAP_ROWS || (kind == MAP_PAIRS && set->pairs.count > 0) ||
           (kind == MAP_PIXELS && set->f->image.width > 0);
}

static void say_missing(const map_set *set)
{
    if (!has_map(set, MAP_PAIRS))
        tool_say("%s: its codebook has no joint model, so there is no pairs.png", set->f->name);
    if (!has_map(set, MAP_PIXELS) && !set->f->info.cache)
        tool_explain(
            "%s: its rows aren't known to be images, so there is no pixels.png; --image says "
            "that they are",
            set->f->name);
}

/* ---- Gathering --------------------------------------------------------------------------------
 */

static int add_row(void *ctx, uint64_t row, const mdla_coded_feature *code, size_t count,
                   const mdla_symbol_bits *bits)
{
    map_set *set = ctx;

    row_map_add(&set->rows, row, code, count, bits);
    feature_pairs_add(&set->pairs, code, count);
    return progress_show(NULL, "map", row + 1, set->f->account.rows);
}

static int gather(map_set *set)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status =
        mdla_decoder_visit_rows(set->f->decoder, 0, MDLA_UNKNOWN, add_row, set, &err);

    if (status == MDLA_OK && tool_stopped())
        status = MDLA_ERR_INTERRUPTED;
    if (status != MDLA_OK) {
        tool_fail_status(status, &err);
        return -1;
    }
    feature_pairs_rank(&set->pairs);
    return 0;
}

static int start(map_set *set)
{
    mdla_error err = {MDLA_OK, ""};
    mdla_status status;

    if (set->f->used == 0) {
        tool_fail("%s: no feature is active in any row, so there is nothing to map", set->f->name);
        return -1;
    }
    status = feature_pairs_open(set->f->decoder, &set->pairs, &err);
    if (status == MDLA_OK)
        return row_map_start(&set->rows, set->f);
    tool_fail_status(status, &err);
    return -1;
}

/* ---- The files --------------------------------------------------------------------------------
 */

/* *made: the folder wasn't there. */
static int make_folder(const char *folder, int *made)
{
    struct stat st;

    *made = mkdir(folder, 0777) == 0;
    if (*made || (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    if (errno == EEXIST)
        tool_fail("%s: is a file; name a folder", folder);
    else
        tool_fail("%s: can't be made: %s", folder, strerror(errno));
    return -1;
}

static int open_files(map_set *set, const char *folder, int force)
{
    for (map_kind kind = MAP_ROWS; kind < MAP_KINDS; kind++) {
        const size_t room = strlen(folder) + strlen(names[kind]) + 2;
        char *path;

        if (!has_map(set, kind))
            continue;
        path = malloc(room);
        if (!path) {
            tool_fail("out of memory");
            return -1;
        }
        snprintf(path, room, "%s/%s", folder, names[kind]);
        if (files_sink(path, force, 1, &set->files[kind].sink) != 0) {
            free(path);
            return -1;
        }
        set->files[kind].path = path;
    }
    return 0;
}

static int draw_files(map_set *set)
{
    for (map_kind kind = MAP_ROWS; kind < MAP_KINDS; kind++) {
        map_file *file = &set->files[kind];
        cairo_t *cr;

        if (!file->path)
            continue;
        cr = kind == MAP_ROWS    ? row_map_draw(&set->rows)
             : kind == MAP_PAIRS ? pair_map_draw(set->f, &set->pairs)
                                 : pixel_map_draw(set->f);
        if (!cr)
            return -1;
        if (drawing_end(cr, &file->sink) != 0) {
            tool_fail_about(file->path, MDLA_ERR_IO, NULL);
            return -1;
        }
    }
    return 0;
}

static int close_files(map_set *set, int keep)
{
    int result = 0;

    for (map_kind kind = MAP_ROWS; kind < MAP_KINDS; kind++) {
        map_file *file = &set->files[kind];

        if (!file->path)
            continue;
        if (file->sink.close(file->sink.ctx, keep) != MDLA_OK && keep) {
            tool_fail_about(file->path, MDLA_ERR_IO, NULL);
            result = -1;
        }
        free(file->path);
    }
    return result;
}

int maps_write(const report_file *f, const char *folder, int force)
{
    map_set set = {.f = f};
    int made = 0;
    int result = start(&set);

    if (result == 0)
        result = make_folder(folder, &made);
    if (result == 0)
        result = open_files(&set, folder, force);
    if (result == 0)
        result = gather(&set);
    if (result == 0)
        result = draw_files(&set);
    if (close_files(&set, result == 0) != 0)
        result = -1;
    if (result == 0) {
        say_missing(&set);
        tool_explain("%s: %s shows %.1f bits", f->name, names[MAP_ROWS], set.rows.bits);
    } else if (made)
        rmdir(folder);
    row_map_free(&set.rows);
    feature_pairs_free(&set.pairs);
    return result;
}
