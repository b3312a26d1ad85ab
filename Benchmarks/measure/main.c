// Measures programs from outside: `measure time` (time.c) and `measure memory` (memory.c). Prints JSON.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

_Noreturn void usage(void) {
    errx(2, "usage: measure time [--samples K] [--warmup W] [--limit SECONDS] [--status N] "
            "[--pause MS] [--mark] NAME COMMAND... [-- NAME COMMAND...]...\n"
            "       measure memory [--for SECONDS] --guest MIB PID");
}

int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

long number(const char *text) {
    char *end;
    errno = 0;
    long value = text ? strtol(text, &end, 10) : -1;
    if (!text || errno || *end || end == text || value < 0) usage();
    return value;
}

int main(int argc, char **argv) {
    if (argc < 3) usage();
    if (!strcmp(argv[1], "time")) time_commands(argv + 2);
    else if (!strcmp(argv[1], "memory")) measure_memory(argv + 2);
    else usage();
    return 0;
}
