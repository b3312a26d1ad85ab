# What the project changes in the kernel's sources, as edits of its own: of the kernel's text they hold no more than the
# word by which a place is found. Sourced by build-kernel.sh, which runs edit_sources in the sources' directory.

# edit FILE ADDED REMOVED SCRIPT: changes FILE by a sed script, and stops unless so many lines came and so many went:
# one of another version's, in which the place is not there, or there twice, has to be looked at.
edit() {
    local file=$1 added removed
    sed "$4" "$file" >"$file.edited"
    added=$(diff "$file" "$file.edited" | grep -c '^>') || true
    removed=$(diff "$file" "$file.edited" | grep -c '^<') || true
    [[ "$added $removed" == "$2 $3" ]] ||
        fail "$file is not as guest/edits.sh knows it: an edit adds $added lines and removes $removed, not $2 and $3"
    mv "$file.edited" "$file"
}

edit_sources() {
    # ACPI without PCI finds no device: the list of address spaces that get a handler by default names PCI's configuration
    # space even if CONFIG_PCI is off, there is no handler for it then, and the interpreter gives up with
    # "AE_BAD_PARAMETER, During Region initialization" before it has loaded a table. Leave the entry out with what it is
    # for.
    edit drivers/acpi/acpica/evhandler.c 2 0 '/PCI_CONFIG,$/ {
        i #ifdef ACPI_PCI_CONFIGURED
        a #endif
    }'
    edit include/acpi/acconfig.h 4 0 '/ACPI_NUM_DEFAULT_SPACES/ {
        i #ifdef ACPI_PCI_CONFIGURED
        a #else\n#define ACPI_NUM_DEFAULT_SPACES         3\n#endif
    }'

    # The section of data shared with the host of an encrypted guest is empty without CONFIG_AMD_MEM_ENCRYPT, but its
    # alignment still stretches .bss to the next 2 MB. The kernel clears all of it before anything else, one page fault
    # for every 4 KB. Here the section is three names for one place.
    edit arch/x86/kernel/vmlinux.lds.S 9 0 '
        /^#define BSS_DECRYPTED.*\\$/ i #ifdef CONFIG_AMD_MEM_ENCRYPT
        /__end_bss_decrypted/ {
            n
            a #else\
#define BSS_DECRYPTED						\\\
	__start_bss_decrypted = .;				\\\
	__start_bss_decrypted_unused = .;			\\\
	__end_bss_decrypted = .;				\\\
\
#endif\

        }'

    # The memory of the initramfs, of the kernel's own start and of the gaps in its image is filled with a pattern when
    # it is given back, to find code that still uses it. In a guest each page of it is a page fault, a page of the host's
    # memory, or a copy of a page that was mapped from a file. Do it only where such debugging is asked for.
    edit arch/x86/mm/init.c 2 1 '
        s/POISON_FREE_INITMEM,/IS_ENABLED(CONFIG_PAGE_POISONING) ?\n\t\t\t\t   POISON_FREE_INITMEM : -1,/'

    # /sys/module has the parameters of code that is built in, too, and each one makes its directory anew: some 2,000 files
    # made and removed at every start. Without modules leave it out; the parameters are on the kernel's command line.
    edit kernel/params.c 4 0 '
        /^\tversion_sysfs_builtin/ i \
	/* Each parameter makes its module'\''s directory anew. */\
	if (!IS_ENABLED(CONFIG_MODULES))\
		return 0;\

    '

    # The PVH entry looks for Xen in 256 leaves of CPUID, each of which leaves the guest, even where Xen is not built in.
    edit arch/x86/platform/pvh/enlighten.c 1 1 's/= xen_cpuid_base()/= IS_ENABLED(CONFIG_XEN_PVH) ? xen_cpuid_base() : 0/'

    # /sys/kernel/slab has some 50 files for each of about 100 caches, made at every start. They are a developer's tool:
    # make them only where the debugging of caches is asked for.
    edit mm/slab.h 1 1 '/CONFIG_SYSFS/ s/!defined(CONFIG_SLUB_TINY)/defined(CONFIG_SLUB_DEBUG)/'

    # Overlayfs with xino=on gives all files of the root one st_dev, and puts the file system's number into the highest bits
    # of st_ino. Bit 63 makes a negative number of it, which archivers take for none, and cpio has room for 32 bits only. With
    # one lower file system on a device of up to 32 GiB the number goes into bit 31, on a larger one into bit 41: an inode of
    # EROFS is numbered by its place on the device in units of 32 bytes.
    edit fs/overlayfs/super.c 5 1 '
        /^#include <linux\/fs.h>/ a #include <linux/blkdev.h>
        /ofs->xino_mode = ilog2(ofs->numfs - 1) + 2;/ c \
		if (ofs->numfs == 2 \&\& ofs->fs[1].sb->s_bdev)\
			ofs->xino_mode = bdev_nr_sectors(ofs->fs[1].sb->s_bdev) >> 26 ? 24 : 34;\
		else\
			ofs->xino_mode = ilog2(ofs->numfs - 1) + 2;
    '

    limit_devices
}

# With container_devices=[KIND MAJOR:MINOR,...] on the command line, a process in a process namespace of its own opens null,
# zero, full, random, urandom, tty, ptmx, pseudoterminals and what is listed (c10:229,b254:0); it can make nodes for the
# others, and not open them. That is what docker has a device cgroup for. The controller of cgroup v2 is a BPF program,
# which would need the system call, and that of v1 a hierarchy, made at each start, which who has CAP_SYS_ADMIN can
# mount and change. The kernel then also starts no programs by itself: core_pattern would run them outside of the container.
limit_devices() {
    edit include/linux/device_cgroup.h 2 1 '
        /^#if defined(CONFIG_CGROUP_DEVICE)/ {
            s/$/ || defined(CONFIG_PID_NS)/
            a extern bool container_devices_limited;
        }'
    edit kernel/umh.c 5 0 '
        /^#include <linux\/kmod.h>/ a #include <linux/device_cgroup.h>
        /if (usermodehelper_disabled) {/ i \
	if (container_devices_limited) {\
		retval = -EPERM;\
		goto out;\
	}
    '
    edit kernel/pid_namespace.c 53 0 '
        /^#include <linux\/pid_namespace.h>/ a #include <linux/device_cgroup.h>
        $ a \
\
bool container_devices_limited __ro_after_init;\
static struct {\
	char kind;\
	unsigned int major, minor;\
} container_devices[16] __ro_after_init;\
static unsigned int container_device_count __ro_after_init;\
\
static int __init container_devices_setup(char *list)\
{\
	char *item;\
\
	container_devices_limited = true;\
	while (container_device_count < ARRAY_SIZE(container_devices) \&\& (item = strsep(\&list, ","))) {\
		typeof(*container_devices) *device = \&container_devices[container_device_count];\
\
		if (sscanf(item, "%c%u:%u", \&device->kind, \&device->major, \&device->minor) == 3)\
			container_device_count++;\
	}\
	return 1;\
}\
__setup("container_devices=", container_devices_setup);\
\
static bool is_usual_device(u32 major, u32 minor)\
{\
	switch (major) {\
	case 1: /* null, zero, full, random, urandom */\
		return minor == 3 || minor == 5 || (minor >= 7 \&\& minor <= 9);\
	case 5: /* tty, ptmx */\
		return minor == 0 || minor == 2;\
	default: /* Pseudoterminals. */\
		return major >= 136 \&\& major <= 143;\
	}\
}\
\
int devcgroup_check_permission(short type, u32 major, u32 minor, short access)\
{\
	char kind = type == DEVCG_DEV_BLOCK ? 0x62 : 0x63; /* b, c */\
	unsigned int i;\
\
	if (!container_devices_limited || access == DEVCG_ACC_MKNOD)\
		return 0;\
	if (task_active_pid_ns(current) == \&init_pid_ns)\
		return 0;\
	if (type == DEVCG_DEV_CHAR \&\& is_usual_device(major, minor))\
		return 0;\
	for (i = 0; i < container_device_count; i++)\
		if (container_devices[i].kind == kind \&\& container_devices[i].major == major \&\&\
		    container_devices[i].minor == minor)\
			return 0;\
	return -EPERM;\
}'
}
