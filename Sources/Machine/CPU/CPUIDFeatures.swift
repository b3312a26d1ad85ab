/// The feature words that `CPUIDMask.allowed` lists, one feature a line, by the manuals' names.

private func bit(_ number: UInt32) -> UInt32 { 1 &<< number }

/// Leaf 1, ECX. `normalize` sets HYPERVISOR and TSC_DEADLINE.
let features1C: UInt32 =
    bit(0)  // SSE3
    | bit(1)  // PCLMULQDQ
    | bit(9)  // SSSE3
    | bit(12)  // FMA
    | bit(13)  // CMPXCHG16B
    | bit(17)  // PCID
    | bit(19)  // SSE4_1
    | bit(20)  // SSE4_2
    | bit(21)  // X2APIC
    | bit(22)  // MOVBE
    | bit(23)  // POPCNT
    | bit(24)  // TSC_DEADLINE
    | bit(25)  // AES
    | bit(26)  // XSAVE
    | bit(27)  // OSXSAVE: KVM shows CR4's bit
    | bit(28)  // AVX
    | bit(29)  // F16C
    | bit(30)  // RDRAND
    | bit(31)  // HYPERVISOR

/// Leaf 1, EDX, and the equal bits of leaf 0x8000_0001 on AMD's CPUs.
private let featuresOfOld: UInt32 =
    bit(0)  // FPU
    | bit(1)  // VME
    | bit(2)  // DE
    | bit(3)  // PSE
    | bit(4)  // TSC
    | bit(5)  // MSR
    | bit(6)  // PAE
    | bit(7)  // MCE
    | bit(8)  // CMPXCHG8B
    | bit(9)  // APIC
    | bit(12)  // MTRR
    | bit(13)  // PGE
    | bit(14)  // MCA
    | bit(15)  // CMOV
    | bit(16)  // PAT
    | bit(17)  // PSE36
    | bit(23)  // MMX
    | bit(24)  // FXSR

/// Leaf 1, EDX. `normalize` sets HTT.
let features1D: UInt32 =
    featuresOfOld
    | bit(11)  // SEP
    | bit(19)  // CLFLUSH
    | bit(25)  // SSE
    | bit(26)  // SSE2
    | bit(27)  // SELFSNOOP

/// Leaf 7, EBX.
let features7B: UInt32 =
    bit(0)  // FSGSBASE
    | bit(1)  // TSC_ADJUST
    | bit(3)  // BMI1
    | bit(5)  // AVX2
    | bit(6)  // FDP_EXCPTN_ONLY
    | bit(7)  // SMEP
    | bit(8)  // BMI2
    | bit(9)  // ERMS
    | bit(10)  // INVPCID
    | bit(13)  // ZERO_FCS_FDS
    | bit(16)  // AVX512F
    | bit(17)  // AVX512DQ
    | bit(18)  // RDSEED
    | bit(19)  // ADX
    | bit(20)  // SMAP
    | bit(21)  // AVX512IFMA
    | bit(23)  // CLFLUSHOPT
    | bit(24)  // CLWB
    | bit(28)  // AVX512CD
    | bit(29)  // SHA_NI
    | bit(30)  // AVX512BW
    | bit(31)  // AVX512VL

/// Leaf 7, ECX.
let features7C: UInt32 =
    bit(1)  // AVX512VBMI
    | bit(2)  // UMIP
    | bit(3)  // PKU
    | bit(4)  // OSPKE: KVM shows CR4's bit
    | bit(6)  // AVX512_VBMI2
    | bit(8)  // GFNI
    | bit(9)  // VAES
    | bit(10)  // VPCLMULQDQ
    | bit(11)  // AVX512_VNNI
    | bit(12)  // AVX512_BITALG
    | bit(14)  // AVX512_VPOPCNTDQ
    | bit(16)  // LA57
    | bit(22)  // RDPID
    | bit(25)  // CLDEMOTE
    | bit(27)  // MOVDIRI
    | bit(28)  // MOVDIR64B

/// Leaf 7, EDX. Guests mitigate speculative execution with these controls.
let features7D: UInt32 =
    bit(4)  // FSRM
    | bit(8)  // AVX512_VP2INTERSECT
    | bit(10)  // MD_CLEAR
    | bit(14)  // SERIALIZE
    | bit(23)  // AVX512_FP16
    | bit(26)  // SPEC_CTRL: IBRS and IBPB
    | bit(27)  // STIBP
    | bit(28)  // FLUSH_L1D
    | bit(29)  // ARCH_CAPABILITIES
    | bit(31)  // SSBD

/// Leaf 7, subleaf 1, EAX.
let features71A: UInt32 =
    bit(0)  // SHA512
    | bit(1)  // SM3
    | bit(2)  // SM4
    | bit(4)  // AVX_VNNI
    | bit(5)  // AVX512_BF16
    | bit(7)  // CMPCCXADD
    | bit(10)  // FZRM
    | bit(11)  // FSRS
    | bit(12)  // FSRC
    | bit(23)  // AVX_IFMA

/// Leaf 7, subleaf 1, EDX.
let features71D: UInt32 =
    bit(4)  // AVX_VNNI_INT8
    | bit(5)  // AVX_NE_CONVERT
    | bit(10)  // AVX_VNNI_INT16
    | bit(14)  // PREFETCHITI

/// Leaf 0xD, EAX: the components of XCR0 that the features above need. Each has a subleaf.
let stateComponents: UInt32 =
    bit(0)  // x87
    | bit(1)  // SSE
    | bit(2)  // AVX
    | bit(5)  // AVX-512's opmask
    | bit(6)  // AVX-512's upper halves
    | bit(7)  // AVX-512's upper registers
    | bit(9)  // PKRU

/// Leaf 0x4000_0001, EAX (KVM_FEATURE_*).
///
/// The list has the clock and the features that let guests and host share few CPUs well. A guest that knows
/// of stolen time accounts for it, and a guest need not wait for a CPU of its own that does not run.
/// Asynchronous page faults let a guest run something else while the host reads a page of the image from its
/// disk.
///
/// Left out: POLL_CONTROL, with which a guest would poll in place of the host; features for nested guests
/// (ASYNC_PF_VMEXIT) and for encrypted ones (HC_MAP_GPA_RANGE, MIGRATION_CONTROL); and the feature for more
/// CPUs than a machine has (MSI_EXT_DEST_ID).
let featuresKVM: UInt32 =
    bit(0)  // CLOCKSOURCE
    | bit(1)  // NOP_IO_DELAY
    | bit(3)  // CLOCKSOURCE2
    | bit(4)  // ASYNC_PF
    | bit(5)  // STEAL_TIME
    | bit(6)  // PV_EOI
    | bit(7)  // PV_UNHALT
    | bit(9)  // PV_TLB_FLUSH
    | bit(11)  // PV_SEND_IPI
    | bit(13)  // PV_SCHED_YIELD
    | bit(14)  // ASYNC_PF_INT
    | bit(24)  // CLOCKSOURCE_STABLE_BIT

/// The features among `featuresKVM` for asynchronous page faults: ASYNC_PF and ASYNC_PF_INT.
let asynchronousFaultsKVM: UInt32 = bit(4) | bit(14)

/// Leaf 0x8000_0001, ECX.
let featuresExtendedC: UInt32 =
    bit(0)  // LAHF_LM
    | bit(1)  // CMP_LEGACY
    | bit(4)  // CR8_LEGACY
    | bit(5)  // ABM
    | bit(6)  // SSE4A
    | bit(7)  // MISALIGNSSE
    | bit(8)  // 3DNOWPREFETCH
    | bit(9)  // OSVW
    | bit(11)  // XOP
    | bit(16)  // FMA4
    | bit(21)  // TBM

/// Leaf 0x8000_0001, EDX.
let featuresExtendedD: UInt32 =
    featuresOfOld
    | bit(11)  // SYSCALL
    | bit(20)  // NX
    | bit(22)  // MMXEXT
    | bit(25)  // FXSR_OPT
    | bit(26)  // GBPAGES
    | bit(27)  // RDTSCP
    | bit(29)  // LM

/// Leaf 0x8000_0008, EBX.
let features8B: UInt32 =
    bit(0)  // CLZERO
    | bit(2)  // XSAVEERPTR
    | bit(9)  // WBNOINVD
    | bit(12)  // IBPB
    | bit(14)  // IBRS
    | bit(15)  // STIBP
    | bit(16)  // IBRS_ALWAYS_ON
    | bit(17)  // STIBP_ALWAYS_ON
    | bit(18)  // IBRS_PREFERRED
    | bit(19)  // IBRS_SAME_MODE
    | bit(24)  // SSBD
    | bit(25)  // VIRT_SSBD
    | bit(26)  // SSB_NO
    | bit(28)  // PSFD
    | bit(29)  // BTC_NO
    | bit(30)  // IBPB_RET

/// Leaf 0x8000_0021, EAX.
let features21A: UInt32 =
    bit(0)  // NO_NESTED_DATA_BP
    | bit(1)  // WRMSR_XX_BASE_NS
    | bit(2)  // LFENCE_RDTSC
    | bit(5)  // VERW_CLEAR
    | bit(6)  // NULL_SEL_CLR_BASE
    | bit(8)  // AUTOIBRS
    | bit(9)  // NO_SMM_CTL_MSR
    | bit(10)  // FSRS
    | bit(11)  // FSRC
    | bit(20)  // PREFETCHI
    | bit(27)  // SBPB
    | bit(28)  // IBPB_BRTYPE
    | bit(29)  // SRSO_NO
    | bit(30)  // SRSO_USER_KERNEL_NO

/// Leaf 0x8000_0021, ECX.
let features21C: UInt32 =
    bit(1)  // TSA_SQ_NO
    | bit(2)  // TSA_L1_NO
