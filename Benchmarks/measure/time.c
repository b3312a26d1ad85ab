//     measure time [--samples K] [--warmup W] [--limit SECONDS] [--status N] [--pause MS] [--mark]
//         NAME COMMAND [ARGUMENT]... [-- NAME COMMAND [ARGUMENT]...]...
//
// Runs the commands in turn, A B A B, K times each (20), after W rounds that do not count (2), so that whatever else the
// machine does falls on all alike. The clock is CLOCK_MONOTONIC, read before posix_spawn (a vfork inside: the parent's
// size does not count) and after wait. Input and output are /dev/null. With --mark the output is a pipe, on which the
// command says when its guest reached its mark: JSON with "process_start" and "userland" in nanoseconds, whose sum is a
// time of CLOCK_MONOTONIC (as vmm's --timings and the floor write it). So the end of a KVM process, most of which is the
// kernel waiting for grace periods, is not in the figure, and the start is taken from outside. A command that ends
// otherwise than with status N (0) or not within the limit (60 s) ends the measurement with status 1: a failed run is
// never a quick one. With --pause each run begins so many milliseconds after the one before has ended (0): what that left
// to the kernel, such as a machine of KVM's or a container's namespaces, is taken down in nobody's time. On a machine that
// does other work too, run it under `chrt -f 10`: the commands inherit that.
//
//     [{"name": ..., "wall_ns": {"min", "median", "p90", "samples": [...]}, "mark_ns": {...}, "cpu_ns": {...},
//       "peak_rss_kib": ...}, ...]

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

extern char **environ;

#define COMMANDS_MAX 16

struct command {
    char **arguments;                 // the name, then what is executed
    int64_t *wall, *mark, *cpu;
    long peak_rss;
};

struct run {
    int64_t wall, mark, cpu;
    long peak_rss;
};

static long samples = 20, warmup = 2, limit = 60, pause_length, expected;
static int wants_mark;

static volatile pid_t running;
static volatile sig_atomic_t out_of_time;

static void stop_running(int signal) {
    (void)signal;
    out_of_time = 1;
    if (running > 0) kill(running, SIGKILL);
}

static int64_t cpu_time(const struct rusage *usage) {
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000ll +
           (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000ll;
}

// Starts the command with its output to `output`, or to /dev/null.
static pid_t start(const struct command *command, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (output < 0) posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    else posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    char **arguments = command->arguments + 1;
    pid_t child;
    errno = posix_spawnp(&child, arguments[0], &actions, 0, arguments, environ);
    if (errno) err(1, "%s: cannot start %s", command->arguments[0], arguments[0]);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

// The number behind `"name": `, or -1.
static int64_t field(const char *text, const char *name) {
    const char *at = strstr(text, name);
    long long value;
    return at && sscanf(at + strlen(name), "\": %lld", &value) == 1 ? value : -1;
}

// When the guest reached its mark, by what the command says; -1 if it says nothing.
static int64_t read_mark(int input) {
    char text[4096];
    size_t size = 0;
    for (ssize_t count; size < sizeof text - 1 && (count = read(input, text + size, sizeof text - 1 - size)) != 0;) {
        if (count < 0 && errno != EINTR) err(1, "read");
        if (count > 0) size += count;
    }
    close(input);
    text[size] = 0;
    int64_t start = field(text, "process_start"), userland = field(text, "userland");
    return start < 0 || userland < 0 ? -1 : start + userland;
}

static void check_end(const char *name, int status) {
    if (out_of_time) errx(1, "%s: did not end within %ld s", name, limit);
    if (WIFSIGNALED(status)) errx(1, "%s: ended by signal %d", name, WTERMSIG(status));
    if (WEXITSTATUS(status) != expected)
        errx(1, "%s: ended with status %d, not %ld", name, WEXITSTATUS(status), expected);
}

static struct run run(const struct command *command) {
    int status, output[2] = {-1, -1};
    struct rusage usage;
    struct run result = {0};
    usleep(pause_length * 1000);
    if (wants_mark && pipe2(output, O_CLOEXEC)) err(1, "pipe");
    int64_t begin = nanoseconds();
    running = start(command, output[1]);
    alarm(limit);
    if (wants_mark) {
        close(output[1]);
        result.mark = read_mark(output[0]) - begin;
    }
    while (wait4(running, &status, 0, &usage) < 0)
        if (errno != EINTR) err(1, "wait");
    result.wall = nanoseconds() - begin;
    running = 0;
    alarm(0);
    check_end(command->arguments[0], status);
    if (result.mark < 0) errx(1, "%s: told no mark", command->arguments[0]);
    result.cpu = cpu_time(&usage);
    result.peak_rss = usage.ru_maxrss;
    return result;
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

// The smallest sample that at least `percent` of all are not above.
static int64_t percentile(const int64_t *sorted, long count, int percent) {
    return sorted[(count * percent + 99) / 100 - 1];
}

// Samples in the order in which they were taken: a drift can be seen.
static void print_samples(const char *name, const int64_t *samples, long count) {
    int64_t *sorted = malloc(count * sizeof *sorted);
    if (!sorted) err(1, "malloc");
    memcpy(sorted, samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    printf("\"%s\": {\"min\": %lld, \"median\": %lld, \"p90\": %lld, \"samples\": [", name, (long long)sorted[0],
           (long long)percentile(sorted, count, 50), (long long)percentile(sorted, count, 90));
    for (long i = 0; i < count; i++) printf("%s%lld", i ? ", " : "", (long long)samples[i]);
    printf("]}");
    free(sorted);
}

static void print_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        if ((unsigned char)*text >= ' ') putchar(*text);
    }
    putchar('"');
}

static void print_command(const struct command *command) {
    printf("  {\"name\": ");
    print_string(command->arguments[0]);
    printf(", ");
    print_samples("wall_ns", command->wall, samples);
    if (wants_mark) printf(", "), print_samples("mark_ns", command->mark, samples);
    printf(", ");
    print_samples("cpu_ns", command->cpu, samples);
    printf(", \"peak_rss_kib\": %ld}", command->peak_rss);
}

static int64_t *make_samples(void) {
    int64_t *array = calloc(samples, sizeof *array);
    if (!array) err(1, "calloc");
    return array;
}

static int split_commands(char **arguments, struct command *commands) {
    int count = 0;
    while (*arguments) {
        if (count == COMMANDS_MAX) errx(2, "at most %d commands", COMMANDS_MAX);
        struct command *command = &commands[count++];
        *command = (struct command){arguments, make_samples(), make_samples(), make_samples(), 0};
        while (*arguments && strcmp(*arguments, "--")) arguments++;
        if (arguments - command->arguments < 2) usage();
        if (*arguments) *arguments++ = 0;
    }
    if (count == 0) usage();
    return count;
}

static char **parse_time_options(char **arguments) {
    for (; *arguments && !strncmp(*arguments, "--", 2); arguments++) {
        if (!strcmp(*arguments, "--samples")) samples = number(*++arguments);
        else if (!strcmp(*arguments, "--warmup")) warmup = number(*++arguments);
        else if (!strcmp(*arguments, "--limit")) limit = number(*++arguments);
        else if (!strcmp(*arguments, "--status")) expected = number(*++arguments);
        else if (!strcmp(*arguments, "--pause")) pause_length = number(*++arguments);
        else if (!strcmp(*arguments, "--mark")) wants_mark = 1;
        else usage();
    }
    if (samples < 1 || samples > 1000000 || limit < 1) usage();
    return arguments;
}

static void keep(struct command *command, long round, struct run run) {
    if (round < 0) return;
    command->wall[round] = run.wall;
    command->mark[round] = run.mark;
    command->cpu[round] = run.cpu;
    if (run.peak_rss > command->peak_rss) command->peak_rss = run.peak_rss;
}

void time_commands(char **arguments) {
    struct command commands[COMMANDS_MAX];
    int count = split_commands(parse_time_options(arguments), commands);
    signal(SIGALRM, stop_running);
    for (long round = -warmup; round < samples; round++)
        for (int i = 0; i < count; i++) keep(&commands[i], round, run(&commands[i]));
    printf("[\n");
    for (int i = 0; i < count; i++) {
        print_command(&commands[i]);
        printf(i + 1 < count ? ",\n" : "\n]\n");
    }
}
