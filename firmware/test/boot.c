// The content of a guest's memory and control registers at its entry.

#include <stdio.h>
#include <string.h>

#include "../acpi_layout.h"
#include "try.h"

static struct kvm_segment segment(uint16_t selector, uint8_t type, int is_long) {
    return (struct kvm_segment){.limit = 0xFFFFFFFF, .selector = selector, .type = type, .present = 1,
                                .db = !is_long, .s = 1, .l = is_long, .g = 1};
}

// The flat descriptors that both protocols demand, at selectors 0x10 and 0x18.
static void flat_segments(struct kvm_sregs *sregs, int is_long) {
    put64(GDT_ADDRESS + BOOT_CS, is_long ? 0x00AF9B000000FFFF : 0x00CF9B000000FFFF);
    put64(GDT_ADDRESS + BOOT_DS, 0x00CF93000000FFFF);
    sregs->gdt = (struct kvm_dtable){.base = GDT_ADDRESS, .limit = 0x1F};
    sregs->cs = segment(BOOT_CS, 11, is_long);
    sregs->ds = sregs->es = sregs->ss = sregs->fs = sregs->gs = segment(BOOT_DS, 3, 0);
}

void enter_long_mode(struct kvm_sregs *sregs) {
    put64(BOOT_TABLES, BOOT_TABLES + 0x1003);
    put64(BOOT_TABLES + 0x1000, DIRECTORY + 3);
    for (int i = 0; i < 512; i++) put64(DIRECTORY + i * 8, i * 0x200000ull + 0x83);
    flat_segments(sregs, 1);
    sregs->cr3 = BOOT_TABLES;
    sregs->cr4 = CR4_PAE;
    sregs->cr0 = CR0_PG | CR0_PE;
    sregs->efer = EFER_LMA | EFER_LME;
}

void enter_pvh(struct kvm_sregs *sregs) {
    flat_segments(sregs, 0);
    sregs->cr0 = CR0_PE;
    sregs->tr = (struct kvm_segment){.limit = 0x67, .type = 11, .present = 1};
}

static void write_boot_params(void) {
    put64(BOOT_PARAMS + BOOT_ACPI_RSDP, RSDP);
    memory[BOOT_PARAMS + BOOT_E820_ENTRIES] = 1;
    put64(BOOT_PARAMS + BOOT_E820_TABLE + 8, MEMORY_SIZE);
    put32(BOOT_PARAMS + BOOT_E820_TABLE + 16, 1);
    put32(BOOT_PARAMS + BOOT_FLAG, 0xAA55);
    memcpy(memory + BOOT_PARAMS + BOOT_HEADER, "HdrS", 4);
    memory[BOOT_PARAMS + BOOT_TYPE_OF_LOADER] = 0xFF;
    put32(BOOT_PARAMS + BOOT_CMD_LINE_PTR, COMMAND_LINE);
    put32(BOOT_PARAMS + BOOT_CMDLINE_SIZE, 2048);
}

// struct hvm_start_info, version 1, and one entry of its memory map (Xen, arch-x86/hvm/start_info.h).
static void write_start_info(void) {
    put32(START_INFO, 0x336EC578);
    put32(START_INFO + 4, 1);
    put64(START_INFO + 24, COMMAND_LINE);
    put64(START_INFO + 32, RSDP);
    put64(START_INFO + 40, MEMORY_MAP);
    put32(START_INFO + 48, 1);
    put64(MEMORY_MAP + 8, MEMORY_SIZE);
    put32(MEMORY_MAP + 16, 1);
}

void write_boot_data(const char *count) {
    snprintf((char *)memory + COMMAND_LINE, 2048, "console=ttyS0 count=%s", count);
    write_boot_params();
    write_start_info();
}

// Sets the byte at `offset` so that `length` bytes add up to 0.
static void seal(uint64_t address, unsigned length, unsigned offset) {
    uint8_t sum = 0;
    memory[address + offset] = 0;
    for (unsigned i = 0; i < length; i++) sum += memory[address + i];
    memory[address + offset] = -sum;
}

static void put_header(uint64_t address, const char *signature, unsigned length) {
    memcpy(memory + address, signature, 4);
    put32(address + TABLE_LENGTH, length);
}

// A generic address in the I/O space, 8 bits wide.
static void put_port(uint64_t address, uint16_t port) {
    put32(address, 0x01000801);
    put64(address + 4, port);
}

static void write_fadt(void) {
    put32(FADT + FADT_FLAGS, 1 << 20 | 1 << 10);
    put_port(FADT + FADT_RESET_REGISTER, RESET_REGISTER);
    memory[FADT + FADT_RESET_VALUE] = RESET_VALUE;
    put64(FADT + FADT_X_DSDT, DSDT);
    put_port(FADT + FADT_SLEEP_CONTROL, SLEEP_CONTROL);
    put_port(FADT + FADT_SLEEP_STATUS, SLEEP_CONTROL + 1);
    put_header(FADT, "FACP", 276);
}

static void write_madt(unsigned cpus) {
    uint64_t entry = MADT + MADT_ENTRIES;
    put32(MADT + MADT_LAPIC, LAPIC);
    put32(entry, 0x0C01);             // IOAPIC, 12 bytes
    put32(entry + 4, IOAPIC);
    entry += 12;
    for (unsigned i = 0; i < cpus; i++, entry += 8) {
        put32(entry, i << 24 | i << 16 | 0x0800);
        put32(entry + 4, 1);
    }
    put_header(MADT, "APIC", entry - MADT);
}

void write_acpi(unsigned cpus) {
    write_fadt();
    write_madt(cpus);
    put_header(DSDT, "DSDT", TABLE_HEADER);
    put64(XSDT + TABLE_HEADER, FADT);
    put64(XSDT + TABLE_HEADER + 8, MADT);
    put_header(XSDT, "XSDT", TABLE_HEADER + 16);
    memcpy(memory + RSDP, "RSD PTR ", 8);
    memory[RSDP + RSDP_REVISION] = 2;
    put32(RSDP + RSDP_LENGTH, 36);
    put64(RSDP + RSDP_XSDT, XSDT);
    seal_acpi();
}

void seal_acpi(void) {
    static const uint64_t tables[] = {FADT, MADT, DSDT, XSDT};
    for (unsigned i = 0; i < 4; i++) seal(tables[i], (uint32_t)word_at(tables[i] + TABLE_LENGTH) & 0xFFF, 9);
    seal(RSDP, 20, 8);
    seal(RSDP, 36, 32);
}
