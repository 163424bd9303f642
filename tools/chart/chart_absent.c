/* A build without cairo: nothing is drawn. */
#include "chart/chart.h"

int chart_available(void)
{
    return 0;
}

int chart_write(const chart *c, const char *path)
{
    (void)c;
    (void)path;
    return 0;
}
