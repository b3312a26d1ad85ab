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
}
