#include "TinyGuests.h"

#include <string.h>

// All guests, by kind.
#define GUESTS(each) \
    each(halt) each(portloop) each(mmioloop) \
    each(serial) each(echo) each(echopoll) each(flood) \
    each(modes) each(pvh) each(tables) each(smp) \
    each(virtioblock) each(virtiowrite) each(virtioconsole) each(virtiorng) each(virtioflood) each(virtiopmem) each(virtioport) \
    each(virtiobad) \
    each(poweroff) each(resetreg) each(reboot8042) each(resetcf9) each(pvpanic) each(triplefault) each(badinsn) \
    each(idle) each(hang) each(spin) each(talk) each(timer) each(counters) each(state)

#define DECLARE(name) extern const char tiny_image_##name[], tiny_image_##name##_end[];
#define COUNT(name) +1
#define BYTES_OF(name) \
    (struct tiny_guest){#name, tiny_image_##name, tiny_image_##name##_end - tiny_image_##name}
#define RETURN_IF_INDEX(name) if (index-- == 0) return BYTES_OF(name);

GUESTS(DECLARE)
DECLARE(reset)

size_t tiny_guest_count(void) { return 0 GUESTS(COUNT); }

struct tiny_guest tiny_guest_at(size_t index) {
    GUESTS(RETURN_IF_INDEX)
    __builtin_trap();
}

struct tiny_guest tiny_guest_reset_stub(void) { return BYTES_OF(reset); }

// Parts of an image that guest.h and pvh.S place at fixed offsets.
#define ELF_ENTRY 24
#define NOTE_OFFSET (64 + 56 + 8)     // p_offset of the second program header
#define NOTE_TYPE 8                   // the third 32-bit field
#define NOTE_DESCRIPTOR 16            // after three 32-bit fields and "Xen\0"
#define XEN_ELFNOTE_PHYS32_ENTRY 18

static uint64_t word_at(struct tiny_guest guest, size_t offset) {
    uint64_t word;
    memcpy(&word, (const char *)guest.bytes + offset, sizeof word);
    return word;
}

uint64_t tiny_guest_entry(struct tiny_guest guest) { return word_at(guest, ELF_ENTRY); }

uint64_t tiny_guest_pvh_entry(struct tiny_guest guest) {
    size_t note = word_at(guest, NOTE_OFFSET);
    int is_pvh = (uint32_t)word_at(guest, note + NOTE_TYPE) == XEN_ELFNOTE_PHYS32_ENTRY;
    return is_pvh ? word_at(guest, note + NOTE_DESCRIPTOR) : 0;
}
