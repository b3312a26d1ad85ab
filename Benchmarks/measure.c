// Measures programs from outside: wall time from before the start of the process to its end, and the memory of one that
// runs. Prints JSON.
//
//     measure time [--samples K] [--warmup W] [--limit SECONDS] [--status N] [--first-byte]
//         NAME COMMAND [ARGUMENT]... [-- NAME COMMAND [ARGUMENT]...]...
//
// Runs the commands in turn, A B A B, K times each (20), after W rounds that do not count (2), so that whatever else the
// machine does falls on all alike. The clock is CLOCK_MONOTONIC, read before posix_spawn (a vfork inside: the parent's
// size does not count) and after wait. Input and output are /dev/null; with --first-byte the output is
// a pipe, and the time of the first byte in it is measured too: most of the end of a KVM process is the kernel's, which
// waits for grace periods when a machine goes. A command that ends otherwise than with status N
// (0) or not within the limit (60 s) ends the measurement with status 1: a failed run is never a quick one.
//
//     [{"name": ..., "wall_ns": {"min", "median", "p90", "samples": [...]}, "first_byte_ns": {...}, "cpu_ns": {...},
//       "peak_rss_kib": ...}, ...]
//
//     measure memory [--for SECONDS] --guest MIB PID
//
// Reads /proc/PID/smaps every 10 ms for so long (1 s) and prints the most that was seen of the process's anonymous
// private memory ("Anonymous": pages that are nobody's file) without the guest's RAM. Guest RAM is every mapping whose
// name holds "guest" (a memfd or a named anonymous mapping), every one of at least the guest's size, and every one that
// lies between two of the former (pieces of files mapped over guest RAM).
//
//     {"pid": ..., "anonymous_kib": ..., "guest_kib": ..., "rss_kib": ..., "threads": ..., "descriptors": ...}

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define COMMANDS_MAX 16
#define MAPPINGS_MAX 4096

static void usage(void) {
    errx(2, "usage: measure time [--samples K] [--warmup W] [--limit SECONDS] [--status N] "
            "[--first-byte] NAME COMMAND... [-- NAME COMMAND...]...\n"
            "       measure memory [--for SECONDS] --guest MIB PID");
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static long number(const char *text) {
    char *end;
    errno = 0;
    long value = text ? strtol(text, &end, 10) : -1;
    if (!text || errno || *end || end == text || value < 0) usage();
    return value;
}

// Time.

struct command {
    char **arguments;                 // the name, then what is executed
    int64_t *wall, *first_byte, *cpu;
    long peak_rss;
};

struct run {
    int64_t wall, first_byte, cpu;
    long peak_rss;
};

static long samples = 20, warmup = 2, limit = 60, expected;
static int wants_first_byte;

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

// When the first byte came; then everything else, so that no writer waits for room. 0 if there was none.
static int64_t drain(int input) {
    char bytes[4096];
    int64_t first = 0;
    for (ssize_t count; (count = read(input, bytes, sizeof bytes)) != 0;) {
        if (count < 0 && errno != EINTR) err(1, "read");
        if (!first && count > 0) first = nanoseconds();
    }
    close(input);
    return first;
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
    if (wants_first_byte && pipe2(output, O_CLOEXEC)) err(1, "pipe");
    int64_t begin = nanoseconds();
    running = start(command, output[1]);
    alarm(limit);
    if (wants_first_byte) {
        close(output[1]);
        result.first_byte = drain(output[0]) - begin;
    }
    while (wait4(running, &status, 0, &usage) < 0)
        if (errno != EINTR) err(1, "wait");
    result.wall = nanoseconds() - begin;
    running = 0;
    alarm(0);
    check_end(command->arguments[0], status);
    if (result.first_byte < 0) errx(1, "%s: wrote nothing", command->arguments[0]);
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
    if (wants_first_byte) printf(", "), print_samples("first_byte_ns", command->first_byte, samples);
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
        else if (!strcmp(*arguments, "--first-byte")) wants_first_byte = 1;
        else usage();
    }
    if (samples < 1 || samples > 1000000 || limit < 1) usage();
    return arguments;
}

static void keep(struct command *command, long round, struct run run) {
    if (round < 0) return;
    command->wall[round] = run.wall;
    command->first_byte[round] = run.first_byte;
    command->cpu[round] = run.cpu;
    if (run.peak_rss > command->peak_rss) command->peak_rss = run.peak_rss;
}

static void time_commands(char **arguments) {
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

// Memory.

struct mapping {
    uint64_t start, end;
    long rss, anonymous;              // KiB
    int is_guest;
};

struct memory {
    long anonymous, guest, rss;       // KiB
};

static struct mapping mappings[MAPPINGS_MAX];

// Whether the line begins a mapping: "start-end permissions offset device inode name".
static int parse_mapping(const char *line, uint64_t guest_size, struct mapping *mapping) {
    char name[256] = "";
    unsigned long long start, end;
    if (sscanf(line, "%llx-%llx %*4s %*x %*x:%*x %*u %255[^\n]", &start, &end, name) < 2) return 0;
    *mapping = (struct mapping){.start = start, .end = end};
    mapping->is_guest = end - start >= guest_size || (strstr(name, "guest") && (strstr(name, "memfd:") || name[0] == '['));
    return 1;
}

static int read_mappings(long pid, uint64_t guest_size) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%ld/smaps", pid);
    FILE *file = fopen(path, "re");
    if (!file) err(1, "%s", path);
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        struct mapping mapping;
        if (parse_mapping(line, guest_size, &mapping)) {
            if (count == MAPPINGS_MAX) errx(1, "%s: more than %d mappings", path, MAPPINGS_MAX);
            mappings[count++] = mapping;
        } else if (count > 0) {
            sscanf(line, "Rss: %ld", &mappings[count - 1].rss);
            sscanf(line, "Anonymous: %ld", &mappings[count - 1].anonymous);
        }
    }
    fclose(file);
    return count;
}

// A piece that touches guest RAM on both sides, through pieces like it, is guest RAM with a file mapped over it.
static void close_gaps(int count) {
    int last = -1;
    for (int i = 0; i < count; i++) {
        if (i > 0 && mappings[i].start != mappings[i - 1].end) last = -1;
        if (!mappings[i].is_guest) continue;
        for (int between = last + 1; last >= 0 && between < i; between++) mappings[between].is_guest = 1;
        last = i;
    }
}

static struct memory read_memory(long pid, uint64_t guest_size) {
    struct memory memory = {0};
    int count = read_mappings(pid, guest_size);
    close_gaps(count);
    for (int i = 0; i < count; i++) {
        memory.rss += mappings[i].rss;
        if (mappings[i].is_guest) memory.guest += mappings[i].rss;
        else memory.anonymous += mappings[i].anonymous;
    }
    return memory;
}

static int count_entries(long pid, const char *directory) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, directory);
    DIR *stream = opendir(path);
    if (!stream) err(1, "%s", path);
    int count = -2;                   // "." and ".."
    while (readdir(stream)) count++;
    closedir(stream);
    return count;
}

static long larger(long a, long b) { return a > b ? a : b; }

static void measure_memory(char **arguments) {
    long seconds = 1, guest_mib = 0;
    for (; *arguments && !strncmp(*arguments, "--", 2); arguments += 2) {
        if (!strcmp(*arguments, "--for")) seconds = number(arguments[1]);
        else if (!strcmp(*arguments, "--guest")) guest_mib = number(arguments[1]);
        else usage();
    }
    long pid = number(*arguments);
    if (guest_mib < 1) usage();
    struct memory most = {0};
    int64_t end = nanoseconds() + seconds * 1000000000ll;
    do {
        struct memory now = read_memory(pid, (uint64_t)guest_mib << 20);
        most.anonymous = larger(most.anonymous, now.anonymous);
        most.guest = larger(most.guest, now.guest);
        most.rss = larger(most.rss, now.rss);
        usleep(10000);
    } while (nanoseconds() < end);
    printf("{\"pid\": %ld, \"anonymous_kib\": %ld, \"guest_kib\": %ld, \"rss_kib\": %ld, \"threads\": %d, "
           "\"descriptors\": %d}\n",
           pid, most.anonymous, most.guest, most.rss, count_entries(pid, "task"), count_entries(pid, "fd"));
}

int main(int argc, char **argv) {
    if (argc < 3) usage();
    if (!strcmp(argv[1], "time")) time_commands(argv + 2);
    else if (!strcmp(argv[1], "memory")) measure_memory(argv + 2);
    else usage();
    return 0;
}
