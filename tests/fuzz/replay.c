/* Runs a fuzz target over files, so that a corpus is replayed by ordinary tests and compilers. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static int replay(const char *path)
{
    FILE *const file = fopen(path, "rb");
    uint8_t *data = NULL;
    long nbytes = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (nbytes = ftell(file)) >= 0) {
        rewind(file);
        data = malloc((size_t)nbytes +
                      (nbytes == 0)); /* exact, so that a sanitizer sees reads beyond */
        if (data == NULL || fread(data, 1, (size_t)nbytes, file) != (size_t)nbytes)
            nbytes = -1;
    }
    if (file != NULL)
        fclose(file);
    if (nbytes >= 0)
        (void)LLVMFuzzerTestOneInput(data, (size_t)nbytes);
    else
        fprintf(stderr, "%s: cannot read\n", path);
    free(data);
    return nbytes < 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2, i;

    for (i = 1; i < argc; i++)
        failed = replay(argv[i]) || failed;
    return failed;
}
