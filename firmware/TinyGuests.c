#include "TinyGuests.h"

#include <string.h>

// Every guest, in the order in which they are listed to users.
#define GUESTS(each) \
    each(halt) each(poweroff) each(portloop) each(mmioloop) each(serial)

#define DECLARE(name) extern const char tiny_guest_##name[], tiny_guest_##name##_end[];
#define COUNT(name) +1
#define AT_INDEX(name) \
    if (index-- == 0) return (struct tiny_guest){#name, tiny_guest_##name, tiny_guest_##name##_end - tiny_guest_##name};

GUESTS(DECLARE)

size_t tiny_guest_count(void) { return 0 GUESTS(COUNT); }

struct tiny_guest tiny_guest_at(size_t index) {
    GUESTS(AT_INDEX)
    __builtin_trap();
}

// The 64-bit word of an image at an offset that its layout in guest.h fixes.
static uint64_t word_at(struct tiny_guest guest, size_t offset) {
    uint64_t word;
    memcpy(&word, (const char *)guest.bytes + offset, sizeof word);
    return word;
}

uint64_t tiny_guest_entry(struct tiny_guest guest) { return word_at(guest, 24); }
