/* mdla-report: a page to look at: what .mdla files hold, where their bits are, what is expensive;
 * and maps of one. Needs the decoder library alone, libpng for pictures and cairo for maps. */
#include "report/maps.h"
#include "report/page.h"
#include "report/pictures.h"
#include "report/sweep_page.h"

#include "common/files.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
    "Usage: mdla-report FILE.mdla... | SWEEP -o PAGE.html  [OPTIONS]\n"
    "       mdla-report FILE.mdla --maps FOLDER            [OPTIONS]\n"
    "Writes one HTML page about .mdla files that needs nothing beside it: bits by\n"
    "class, how often features are active, the features and rows that cost most, and\n"
    "an atlas of the atoms of images. Several files are compared. SWEEP is a folder\n"
    "that mdla-sweep made: curves, optimum, explanations. --maps draws where one\n"
    "file's bits are: by row and feature, by pair of features, by pixel.\n"
    "  mdla-report acts.mdla -o acts.html\n"
    "  mdla-report acts.mdla --maps acts-maps\n"
    "  mdla-report fvu-*.mdla --codebook my.codebook -o rates.html\n"
    "  mdla-report sweep -o sweep.html\n";

enum { KEY_CODEBOOK = OPTION_FIRST, KEY_IMAGE, KEY_MAPS, KEY_TITLE };

static const tool_option table[] = {
    {"codebook", KEY_CODEBOOK, "CB", .files = FILES_CODEBOOK,
     .brief = "the codebook that the files only name"},
    {"image", KEY_IMAGE, "WxH[x3]", .brief = "rows are images, W wide and H high",
     .more = "WxHx3 for colours. By default they are where the rows were bytes and the codebook "
             "knows how long the images' rows are."},
    {"maps", KEY_MAPS, "FOLDER", .files = FILES_FOLDER, .brief = "draw maps of one file as PNG",
     .more = "The folder is made where it doesn't exist. Needs a build with cairo."},
    {"title", KEY_TITLE, "TEXT", .brief = "the page's title"},
    OPTIONS_OUTPUT("PAGE", "*.html"),
    OPTIONS_FORCE,
    OPTIONS_THREADS,
    OPTIONS_QUIET,
    OPTIONS_END,
};

static const tool_program program = {head, NULL, FILES_MDLA " " FILES_FOLDER, table};

typedef struct report_options {
    tool_options common;
    const char *codebook, *title, *maps;
    image_shape image;
    char **paths;
    size_t count;
} report_options;

static int set_image(report_options *o, const char *text)
{
    image_shape *image = &o->image;
    int end = -1;

    sscanf(text, "%5ux%5u%n", &image->width, &image->height, &end);
    image->channels = end > 0 && strcmp(text + end, "x3") == 0 ? 3 : 1;
    if (end <= 0 || (image->channels == 1 && text[end] != '\0') || !image->width || !image->height)
        return tool_usage("--image %s: give WIDTHxHEIGHT, such as 28x28, or WIDTHxHEIGHTx3", text);
    return 0;
}

static int set_option(void *ctx, int key)
{
    report_options *o = ctx;
    switch (key) {
    case KEY_CODEBOOK: o->codebook = optarg; break;
    case KEY_IMAGE: return set_image(o, optarg);
    case KEY_MAPS: o->maps = optarg; break;
    case KEY_TITLE: o->title = optarg; break;
    default: break;
    }
    return 0;
}

static int parse(int argc, char **argv, report_options *o)
{
    int result;

    memset(o, 0, sizeof *o);
    result = options_read(argc, argv, &program, set_option, o, &o->common);
    if (result >= 0)
        return result;
    o->paths = argv + optind;
    o->count = (size_t)(argc - optind);
    if (o->count == 0)
        return tool_usage("no input; name a .mdla file");
    if (!o->common.output && !o->maps)
        return tool_usage("give -o PAGE.html, -o - for standard output, or --maps FOLDER");
    for (size_t i = 0; i < o->count; i++)
        if (sweep_results_meant(o->paths[i]) && (o->count > 1 || o->codebook || o->maps))
            return tool_usage("%s: a folder, which is a sweep's and stands alone, without "
                              "--codebook and --maps",
                              o->paths[i]);
    if (o->maps && o->count > 1)
        return tool_usage("--maps %s: maps are of one file; name one", o->maps);
    if (o->maps && !maps_available())
        return tool_usage("--maps %s: this build of mdla-report lacks cairo, so it can't draw maps "
                          "(Debian: libcairo2-dev)",
                          o->maps);
    if (o->image.width && !pictures_available())
        return tool_usage("--image: this build has no libpng, so it can't draw images");
    return -1;
}

static int put_page(const report_options *o, const report_file *files, const sweep_report *swept,
                    text_sink *out)
{
    return swept ? sweep_page_put(out, swept, o->title) : page_put(out, files, o->count, o->title);
}

/* About files, or about a sweep where swept isn't NULL. */
static int write_page(const report_options *o, const report_file *files, const sweep_report *swept)
{
    mdla_error err = {MDLA_OK, ""};
    text_sink *out = malloc(sizeof *out);
    mdla_status status;
    mdla_sink sink;
    int result;

    if (!out)
        return tool_fail("out of memory");
    if (files_sink(o->common.output, o->common.force, 0, &sink) != 0) {
        free(out);
        return TOOL_FAILED;
    }
    text_sink_start(out, sink);
    result = put_page(o, files, swept, out);
    status = text_sink_close(out, result == 0);
    free(out);
    if (result != 0)
        return TOOL_FAILED;
    return status == MDLA_OK ? TOOL_DONE : tool_fail_status(status, &err);
}

static int run_sweep(const report_options *o)
{
    sweep_report swept;
    int result = TOOL_FAILED;

    if (sweep_report_open(&o->common.config, o->paths[0], &o->image, &swept) == 0)
        result = write_page(o, NULL, &swept);
    sweep_report_close(&swept);
    return result;
}

static int run_files(const report_options *o)
{
    report_file *files = calloc(o->count, sizeof *files);
    mdla_codebook *codebook = NULL;
    size_t opened = 0;
    int result = TOOL_FAILED;

    if (!files)
        return tool_fail("out of memory");
    if (!o->codebook || files_codebook(&o->common.config, o->codebook, &codebook) == 0) {
        while (opened < o->count && report_open(&o->common.config, o->paths[opened], codebook,
                                                &o->image, &files[opened]) == 0)
            opened++;
        if (opened == o->count)
            result = o->common.output ? write_page(o, files, NULL) : TOOL_DONE;
        if (result == TOOL_DONE && o->maps)
            result = maps_write(files, o->maps, o->common.force) == 0 ? TOOL_DONE : TOOL_FAILED;
    }
    for (size_t i = 0; i < o->count; i++)
        report_close(&files[i]);
    mdla_codebook_free(codebook);
    free(files);
    return result;
}

static int run(const report_options *o)
{
    return sweep_results_meant(o->paths[0]) ? run_sweep(o) : run_files(o);
}

int main(int argc, char **argv)
{
    report_options options;
    int result;

    tool_start("mdla-report");
    result = parse(argc, argv, &options);
    return tool_end(result < 0 ? run(&options) : result);
}
