// Offsets into ACPI's tables (ACPI 6.5, 5.2). The file holds only macros, like machine.h, so that assembly
// and C share it.

#ifndef TINY_GUEST_ACPI_LAYOUT_H
#define TINY_GUEST_ACPI_LAYOUT_H

#define RSDP_REVISION 15
#define RSDP_LENGTH 20
#define RSDP_XSDT 24
#define TABLE_LENGTH 4
#define TABLE_HEADER 36
#define FADT_FLAGS 112
#define FADT_RESET_REGISTER 116       // a generic address: space, width, offset, access size, u64 address
#define FADT_RESET_VALUE 128
#define FADT_X_DSDT 140
#define FADT_SLEEP_CONTROL 244
#define FADT_SLEEP_STATUS 256
#define MADT_LAPIC 36
#define MADT_ENTRIES 44

#endif
