/* A ZIP archive from bytes: every member is read to its end, and once more from its middle. */
#include "base/alloc.h"
#include "zip_source.h"

#include "mdla/mdla.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void read_member(mdla_source *member)
{
    uint8_t buffer[1000];
    size_t got = 1, total = 0;

    while (got != 0 && total < 1u << 20 &&
           member->read(member->ctx, buffer, sizeof buffer, &got) == MDLA_OK)
        total += got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    mdla_source source, member;
    zip_archive *zip;
    size_t i;

    mdla_source_memory(data, nbytes, &source);
    if (zip_open(alloc_of(NULL), source, "fuzz", nbytes % 2 == 0, &zip, NULL) != MDLA_OK)
        return 0;
    for (i = 0; i < zip->count && i < 16; i++) {
        if (zip_member_open(zip, &zip->members[i], &member, NULL) != MDLA_OK)
            continue;
        read_member(&member);
        if (member.nbytes < 1u << 20 && member.seek(member.ctx, member.nbytes / 2) == MDLA_OK)
            read_member(&member);
        member.close(member.ctx);
    }
    zip_close(zip);
    return 0;
}
