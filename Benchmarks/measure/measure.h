// What the parts of `measure` share.

#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

/// Says how the program is called and ends it with status 2.
_Noreturn void usage(void);

/// CLOCK_MONOTONIC.
int64_t nanoseconds(void);

/// The number, 0 or larger, that the text says in full; otherwise `usage`.
long number(const char *text);

/// The two measurements, with the arguments behind their names.
void time_commands(char **arguments);
void measure_memory(char **arguments);

#endif
