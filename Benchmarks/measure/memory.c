//     measure memory [--for SECONDS] --guest MIB PID
//
// Reads /proc/PID/smaps every 10 ms for so long (1 s) and prints the most that was seen of the process's anonymous
// private memory ("Anonymous": pages that are nobody's file) without the guest's RAM. Guest RAM is every mapping whose
// name holds "guest" (a memfd or a named anonymous mapping); every one of at least the guest's size; every row of
// mappings without a gap that is of just the guest's size (files mapped over parts of it cut it into pieces); and every
// one that lies between two of the former.
//
//     {"pid": ..., "anonymous_kib": ..., "guest_kib": ..., "rss_kib": ..., "threads": ..., "descriptors": ...}

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

#define MAPPINGS_MAX 4096

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

// The pieces of guest RAM that no name gives away.
static void find_pieces(int count, uint64_t guest_size) {
    for (int first = 0; first < count; first++) {
        int last = first;
        while (last + 1 < count && mappings[last].end < mappings[first].start + guest_size &&
               mappings[last + 1].start == mappings[last].end)
            last++;
        if (mappings[last].end != mappings[first].start + guest_size) continue;
        for (int i = first; i <= last; i++) mappings[i].is_guest = 1;
    }
}

static struct memory read_memory(long pid, uint64_t guest_size) {
    struct memory memory = {0};
    int count = read_mappings(pid, guest_size);
    find_pieces(count, guest_size);
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

void measure_memory(char **arguments) {
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
