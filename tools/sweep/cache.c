/* Results of earlier runs: a CSV file, a line a measurement, the key first. It is written anew for
 * each, so that a run that is stopped loses none. */
#include "sweep.h"

#include "text_file.h"

#include "common/files.h"
#include "common/json.h"
#include "common/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cache_entry {
    char key[SWEEP_KEY_MAX];
    measurement result;
} cache_entry;

struct sweep_cache {
    char *path;
    cache_entry *entries;
    size_t count, room;
};

static const char heading[] =
    "key,reached,codebook_nbytes,file_nbytes,file_rows,whole_nbytes,fvu,l0,index_bits,level_bits,"
    "additive_bits,bound,entropy,width\n";

void sweep_cache_free(sweep_cache *cache)
{
    if (!cache)
        return;
    free(cache->path);
    free(cache->entries);
    free(cache);
}

static cache_entry *find(const sweep_cache *cache, const char *key)
{
    for (size_t i = 0; i < cache->count; i++)
        if (strcmp(cache->entries[i].key, key) == 0)
            return &cache->entries[i];
    return NULL;
}

/* Room for one more. */
static cache_entry *append(sweep_cache *cache)
{
    if (cache->count == cache->room) {
        const size_t room = cache->room ? 2 * cache->room : 64;
        cache_entry *entries = realloc(cache->entries, room * sizeof *entries);

        if (!entries) {
            tool_fail("out of memory");
            return NULL;
        }
        cache->entries = entries;
        cache->room = room;
    }
    return &cache->entries[cache->count++];
}

/* Returns 0, or -1 where the line isn't one of ours. */
static int parse_line(const char *line, cache_entry *out)
{
    const size_t length = strcspn(line, ",");
    measurement *m = &out->result;
    int end = 0;

    if (length == 0 || length >= sizeof out->key || line[length] != ',')
        return -1;
    *m = (measurement){0};
    memcpy(out->key, line, length);
    out->key[length] = '\0';
    return sscanf(line + length + 1,
                  "%d,%" SCNu64 ",%" SCNu64 ",%" SCNu64 ",%" SCNu64
                  ",%lf,%lf,%lf,%lf,%lf,%lf,%lf,%" SCNu32 "%n",
                  &m->reached, &m->codebook_nbytes, &m->file_nbytes, &m->file_rows,
                  &m->whole_nbytes, &m->fvu, &m->l0, &m->index_bits, &m->level_bits,
                  &m->additive_bits, &m->bound, &m->entropy, &m->width, &end) == 13 &&
                   strcmp(line + length + 1 + end, "\n") == 0
               ? 0
               : -1;
}

static int read_all(sweep_cache *cache, FILE *stream)
{
    char line[SWEEP_KEY_MAX + 512];
    size_t number = 1;

    if (!fgets(line, sizeof line, stream) || strcmp(line, heading) != 0) {
        tool_fail("%s: isn't a sweep's; give another -o FOLDER", cache->path);
        return -1;
    }
    while (fgets(line, sizeof line, stream)) {
        cache_entry *entry = append(cache);

        number++;
        if (!entry)
            return -1;
        if (parse_line(line, entry) != 0) {
            tool_fail("%s: line %zu is damaged; remove it, and it will be measured again",
                      cache->path, number);
            return -1;
        }
    }
    return 0;
}

int sweep_cache_open(const char *folder, sweep_cache **out)
{
    sweep_cache *cache = calloc(1, sizeof *cache);
    FILE *stream;
    int result = 0;

    *out = NULL;
    if (!cache) {
        tool_fail("out of memory");
        return -1;
    }
    cache->path = files_join(folder, NULL, "measured.csv");
    stream = cache->path ? fopen(cache->path, "r") : NULL;
    if (!cache->path)
        result = -1;
    if (stream) {
        result = read_all(cache, stream);
        fclose(stream);
    }
    if (result == 0)
        *out = cache;
    else
        sweep_cache_free(cache);
    return result;
}

int sweep_cache_get(const sweep_cache *cache, const char *key, measurement *out)
{
    const cache_entry *entry = find(cache, key);

    if (entry)
        *out = entry->result;
    return entry != NULL;
}

static void put_line(FILE *stream, const cache_entry *e)
{
    const measurement *m = &e->result;
    const double numbers[] = {m->fvu,           m->l0,    m->index_bits, m->level_bits,
                              m->additive_bits, m->bound, m->entropy};
    char number[32];

    fprintf(stream, "%s,%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, e->key, m->reached,
            m->codebook_nbytes, m->file_nbytes, m->file_rows, m->whole_nbytes);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        fprintf(stream, ",%s", json_shortest(numbers[i], number));
    fprintf(stream, ",%" PRIu32 "\n", m->width);
}

int sweep_cache_put(sweep_cache *cache, const char *key, const measurement *m)
{
    cache_entry *entry = find(cache, key);
    text_file text;

    if (!entry)
        entry = append(cache);
    if (!entry || text_file_open(&text) != 0)
        return -1;
    snprintf(entry->key, sizeof entry->key, "%s", key);
    entry->result = *m;
    fputs(heading, text.stream);
    for (size_t i = 0; i < cache->count; i++)
        put_line(text.stream, &cache->entries[i]);
    return text_file_write(&text, cache->path);
}
