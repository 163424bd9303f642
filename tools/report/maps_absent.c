/* A build without cairo: nothing is drawn. */
#include "report/maps.h"

int maps_available(void)
{
    return 0;
}

int maps_write(const report_file *f, const char *folder, int force)
{
    (void)f;
    (void)folder;
    (void)force;
    return -1;
}
