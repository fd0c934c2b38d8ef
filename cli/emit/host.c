/* Text, not code, as in includes.c: what the VMM of an emitted program does. */
/*% */
/* IA32_APIC_BASE. */
#define APICBASE_ADDRESS 0xfee00000ull /* after reset */
#define APICBASE_BSP (1u << 8)
#define APICBASE_EXTD (1u << 10) /* x2APIC mode */
#define APICBASE_EN (1u << 11)
/* Bits of the local APIC's registers. */
#define XAPIC_ID(id) ((uint32_t)(id) << 24) /* in ID, LDR and ICR_HIGH */
#define SVR_ENABLE (1u << 8)
#define SVR_SUPPRESS_EOI_BROADCAST (1u << 12)
#define LVT_MASKED (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define LVT_EXTINT (7u << 8)
#define ICR_DEST(id) ((uint64_t)(id) << 32)
#define ICR_FIXED (0u << 8)
#define ICR_LOWEST (1u << 8)
#define ICR_SMI (2u << 8)
#define ICR_RESERVED_MODE (3u << 8)
#define ICR_NMI (4u << 8)
#define ICR_INIT (5u << 8)
#define ICR_SIPI (6u << 8)
#define ICR_EXTINT (7u << 8)
#define ICR_LOGICAL (1u << 11)
#define ICR_BUSY (1u << 12)
#define ICR_ASSERT (1u << 14)
#define ICR_LEVEL (1u << 15)
#define ICR_TO_SELF (1u << 18)
#define ICR_TO_ALL (2u << 18)
#define ICR_TO_ALL_BUT_SELF (3u << 18)
/* Vector N is a bit of the N/32-th of the IRR, ISR and TMR registers. */
#define VECTOR_BIT(vector) (1u << (vector) % 32)
/* Message signalled interrupts: the address, then the data. */
#define MSI_ADDRESS 0xfee00000ull
#define MSI_DEST(id) ((uint64_t)(id) << 12)
#define MSI_DEST_HIGH(bits) ((uint64_t)(bits) << 32) /* bits 31:8 of an ID */
#define MSI_LOGICAL (1u << 2)
#define MSI_REDIRECTION_HINT (1u << 3)
#define MSI_FIXED (0u << 8)
#define MSI_LOWEST (1u << 8)
#define MSI_SMI (2u << 8)
#define MSI_RESERVED_MODE (3u << 8)
#define MSI_NMI (4u << 8)
#define MSI_INIT (5u << 8)
#define MSI_SIPI (6u << 8)
#define MSI_EXTINT (7u << 8)
#define MSI_ASSERT (1u << 14)
#define MSI_LEVEL (1u << 15)
/* MSRs. */
#define MSR_IA32_APIC_BASE 0x1b
#define X2APIC_MSR(apic_register) (0x800 + (apic_register) / 16)
#define MSR_EFER 0xc0000080
/* Control registers. */
#define X86_CR0_PE (1ull << 0)
#define X86_CR0_MP (1ull << 1)
#define X86_CR0_EM (1ull << 2)
#define X86_CR0_TS (1ull << 3)
#define X86_CR0_ET (1ull << 4)
#define X86_CR0_NE (1ull << 5)
#define X86_CR0_WP (1ull << 16)
#define X86_CR0_AM (1ull << 18)
#define X86_CR0_NW (1ull << 29)
#define X86_CR0_CD (1ull << 30)
#define X86_CR0_PG (1ull << 31)
#define X86_CR4_VME (1ull << 0)
#define X86_CR4_PVI (1ull << 1)
#define X86_CR4_TSD (1ull << 2)
#define X86_CR4_DE (1ull << 3)
#define X86_CR4_PSE (1ull << 4)
#define X86_CR4_PAE (1ull << 5)
#define X86_CR4_MCE (1ull << 6)
#define X86_CR4_PGE (1ull << 7)
#define X86_CR4_PCE (1ull << 8)
#define X86_CR4_OSFXSR (1ull << 9)
#define X86_CR4_OSXMMEXCPT (1ull << 10)
#define X86_CR4_UMIP (1ull << 11)
#define X86_CR4_LA57 (1ull << 12)
#define X86_CR4_VMXE (1ull << 13)
#define X86_CR4_FSGSBASE (1ull << 16)
#define X86_CR4_PCIDE (1ull << 17)
#define X86_CR4_OSXSAVE (1ull << 18)
#define X86_CR4_SMEP (1ull << 20)
#define X86_CR4_SMAP (1ull << 21)
#define X86_CR4_PKE (1ull << 22)
#define X86_CR4_CET (1ull << 23)
#define X86_EFER_SCE (1ull << 0)
#define X86_EFER_LME (1ull << 8)
#define X86_EFER_LMA (1ull << 10)
#define X86_EFER_NXE (1ull << 11)
#define X86_EFER_SVME (1ull << 12)
/* Where a CPU starts after a reset, and types of segments. */
#define CS_RESET 0xf000
#define RIP_RESET 0xfff0
#define RFLAGS_RESET 2
#define SEGMENT_DATA 3
#define SEGMENT_CODE 11
/* Exceptions. */
#define DE_VECTOR 0
#define NMI_VECTOR 2
#define UD_VECTOR 6
#define DF_VECTOR 8
#define GP_VECTOR 13
#define PF_VECTOR 14

/*% main */
static int kvm_fd, vm_fd;

/*% vcpu_fds */
static int vcpu_fds[NR_VCPUS];

/*% save_restore */
static uint32_t vcpu_ids[NR_VCPUS];
static int nr_vcpus; /* so far */

/*% must */
/* A call that must succeed, or nothing can be tested. */
#define must(call) must_succeed(call, #call)
static int must_succeed(int result, const char *call)
{
	if (result < 0)
		cannot_test("%s: %s", call, strerror(errno));
	return result;
}

/*% or_errno */
/* A call whose answer is what is tested. */
static int or_errno(int result)
{
	return result < 0 ? -errno : result;
}

/*% main */
static void open_kvm(void)
{
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		cannot_test("/dev/kvm: %s", strerror(errno));
}

/*% need */
#define need(capability, least) need_at_least(#capability, capability, least)
static void need_at_least(const char *name, int capability, int least)
{
	int has = ioctl(kvm_fd, KVM_CHECK_EXTENSION, capability);

	if (has < least)
		cannot_test("%s is %d here; %d is needed", name, has, least);
}

/*% enable_cap set_cap disable_quirks */
/* KVM_ENABLE_CAP of the VM. */
static int enable_cap(int capability, uint64_t argument)
{
	struct kvm_enable_cap enable = {
		.cap = capability,
		.args = { argument },
	};

	return or_errno(ioctl(vm_fd, KVM_ENABLE_CAP, &enable));
}

/*% KVM_X86_QUIRK_STUFF_FEATURE_MSRS */
#ifndef KVM_X86_QUIRK_STUFF_FEATURE_MSRS /* since Linux 6.14 */
#define KVM_X86_QUIRK_STUFF_FEATURE_MSRS (1 << 8)
#endif
/*% KVM_X86_QUIRK_IGNORE_GUEST_PAT */
#ifndef KVM_X86_QUIRK_IGNORE_GUEST_PAT /* since Linux 6.16 */
#define KVM_X86_QUIRK_IGNORE_GUEST_PAT (1 << 9)
#endif
/*% disable_quirks */
/* KVM_CAP_DISABLE_QUIRKS, the older one, does not say which it knows. */
static void disable_quirks(int quirks)
{
	int capability = KVM_CAP_DISABLE_QUIRKS2;
	int known = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2);

	if (known <= 0) {
		capability = KVM_CAP_DISABLE_QUIRKS;
		known = KVM_X86_QUIRK_LINT0_REENABLED |
			KVM_X86_QUIRK_CD_NW_CLEARED |
			KVM_X86_QUIRK_LAPIC_MMIO_HOLE;
	}
	if (quirks & ~known)
		cannot_test("not all of the quirks 0x%x can be disabled",
			    quirks);
	must_succeed(enable_cap(capability, quirks), "KVM_CAP_DISABLE_QUIRKS");
}

/*% set_cap */
#define set_cap(capability, argument) \
	must_succeed(enable_cap(capability, argument), #capability)

/*% create_vcpu */
static int create_vcpu(int vcpu, uint32_t vcpu_id)
{
	int fd = or_errno(ioctl(vm_fd, KVM_CREATE_VCPU, (long)vcpu_id));

	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		cannot_test("KVM_CREATE_VCPU: %s", strerror(-fd));
	vcpu_fds[vcpu] = fd;
	/*% save_restore */
	vcpu_ids[vcpu] = vcpu_id;
	nr_vcpus = vcpu + 1;
	/*% create_vcpu */
	return fd < 0 ? fd : 0;
}

/*% set_cpuid */
/* APIC, x2APIC mode, MTRRs, PAT, 36 bits of physical address, and long mode. */
#define CPUID_1_EBX_APIC_ID(id) ((id) << 24)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_EDX_MSR (1u << 5)
#define CPUID_1_EDX_PAE (1u << 6)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_1_EDX_MTRR (1u << 12)
#define CPUID_1_EDX_PAT (1u << 16)
#define CPUID_B_ECX_SMT (1u << 8)
#define CPUID_80000001_EDX_LM (1u << 29)
#define CPUID_80000008_EAX (48 << 8 | 36) /* linear, physical */

static void set_cpuid(int vcpu, uint32_t vcpu_id)
{
	const struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0, .eax = 0xb },
		{
			.function = 1,
			.ebx = CPUID_1_EBX_APIC_ID(vcpu_id),
			.ecx = CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE,
			.edx = CPUID_1_EDX_MSR | CPUID_1_EDX_PAE |
			       CPUID_1_EDX_APIC | CPUID_1_EDX_MTRR |
			       CPUID_1_EDX_PAT,
		},
		{
			.function = 0xb,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.ebx = 1,
			.ecx = CPUID_B_ECX_SMT,
			.edx = vcpu_id,
		},
		{
			.function = 0xb,
			.index = 1,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.ecx = 1,
			.edx = vcpu_id,
		},
		{ .function = 0x80000000, .eax = 0x80000008 },
		{ .function = 0x80000001, .edx = CPUID_80000001_EDX_LM },
		{ .function = 0x80000008, .eax = CPUID_80000008_EAX },
	};
	union {
		struct kvm_cpuid2 cpuid;
		char room[sizeof(struct kvm_cpuid2) + sizeof(entries)];
	} all = { .cpuid.nent = sizeof(entries) / sizeof(entries[0]) };

	memcpy(all.cpuid.entries, entries, sizeof(entries));
	must(ioctl(vcpu_fds[vcpu], KVM_SET_CPUID2, &all));
}

/*% REFUSED ACCEPTED */
/* How many MSRs KVM_SET_MSRS and KVM_GET_MSRS took of one. */
enum { REFUSED = 0, ACCEPTED = 1 };

/*% set_msr get_msr */
union one_msr {
	struct kvm_msrs msrs;
	char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

/*% set_msr */
static int set_msr(int vcpu, uint32_t msr, uint64_t value)
{
	union one_msr one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0].index = msr;
	one.msrs.entries[0].data = value;
	return or_errno(ioctl(vcpu_fds[vcpu], KVM_SET_MSRS, &one));
}

/*% get_msr */
static int get_msr(int vcpu, uint32_t msr, uint64_t *out)
{
	union one_msr one = { .msrs.nmsrs = 1 };
	int result;

	one.msrs.entries[0].index = msr;
	result = or_errno(ioctl(vcpu_fds[vcpu], KVM_GET_MSRS, &one));
	*out = result == ACCEPTED ? one.msrs.entries[0].data : 0;
	return result;
}

/*% set_apic_base */
/* As a VMM does that restores a vCPU. */
static int set_apic_base(int vcpu, uint64_t value)
{
	struct kvm_sregs sregs;

	must(ioctl(vcpu_fds[vcpu], KVM_GET_SREGS, &sregs));
	sregs.apic_base = value;
	return or_errno(ioctl(vcpu_fds[vcpu], KVM_SET_SREGS, &sregs));
}

/*% set_apic_register */
static int set_apic_register(int vcpu, int offset, uint32_t value)
{
	struct kvm_lapic_state page;
	int result = or_errno(ioctl(vcpu_fds[vcpu], KVM_GET_LAPIC, &page));

	if (result < 0)
		return result;
	memcpy(page.regs + offset, &value, sizeof(value));
	return or_errno(ioctl(vcpu_fds[vcpu], KVM_SET_LAPIC, &page));
}

/*% get_apic_register */
static int get_apic_register(int vcpu, int offset, uint64_t *out)
{
	struct kvm_lapic_state page = { 0 };
	int result = or_errno(ioctl(vcpu_fds[vcpu], KVM_GET_LAPIC, &page));
	uint32_t value;

	memcpy(&value, page.regs + offset, sizeof(value));
	*out = value;
	return result;
}

/*% DELIVERED BLOCKED */
enum { BLOCKED = 0, DELIVERED = 1 };

/*% signal_msi */
/* KVM_SIGNAL_MSI may say how many took it. */
static int signal_msi(uint64_t address, uint32_t data)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)address,
		.address_hi = (uint32_t)(address >> 32),
		.data = data,
	};
	int result = or_errno(ioctl(vm_fd, KVM_SIGNAL_MSI, &msi));

	return result > 0 ? DELIVERED : result;
}

/*% set_mp_state */
static int set_mp_state(int vcpu, uint32_t value)
{
	struct kvm_mp_state mp_state = { .mp_state = value };

	return or_errno(ioctl(vcpu_fds[vcpu], KVM_SET_MP_STATE, &mp_state));
}

/*% set_route */
/* The VM's routes: each GSI has one message or, at first, the chips' pins. */
union routes {
	struct kvm_irq_routing table;
	char room[sizeof(struct kvm_irq_routing) +
		  (256 + PIC_PINS) * sizeof(struct kvm_irq_routing_entry)];
};
static bool routes_are_new = true;

static void add_route(union routes *routes, struct kvm_irq_routing_entry route)
{
	routes->table.entries[routes->table.nr++] = route;
}

static void add_pin(union routes *routes, uint32_t gsi, uint32_t chip,
		    uint32_t pin)
{
	struct kvm_irq_routing_entry route = {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};

	add_route(routes, route);
}

/* Those that KVM gives a new VM: of PICs and IOAPIC, where it has them. */
static void default_routes(union routes *out)
{
	memset(out, 0, sizeof(*out));
	for (uint32_t gsi = 0; IRQCHIP_IS_FULL && gsi < IOAPIC_PINS; gsi++) {
		add_pin(out, gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < PIC_PINS)
			add_pin(out, gsi,
				gsi < 8 ? KVM_IRQCHIP_PIC_MASTER :
					  KVM_IRQCHIP_PIC_SLAVE,
				gsi % 8);
	}
}

static union routes routes;

/* All routes as they are, but that of @gsi, which is this message. */
static int set_route(uint32_t gsi, uint64_t address, uint32_t data)
{
	union routes changed = { 0 };
	struct kvm_irq_routing_entry route = {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)address,
			   .address_hi = (uint32_t)(address >> 32),
			   .data = data },
	};
	int result;

	if (routes_are_new)
		default_routes(&routes);
	routes_are_new = false;
	for (uint32_t i = 0; i < routes.table.nr; i++)
		if (routes.table.entries[i].gsi != gsi)
			add_route(&changed, routes.table.entries[i]);
	add_route(&changed, route);
	result = or_errno(ioctl(vm_fd, KVM_SET_GSI_ROUTING, &changed));
	if (result == 0)
		routes = changed;
	return result;
}

/*% set_line */
/* The status is how many took it, or less where nobody did. */
static int set_line(uint32_t gsi, uint32_t level, uint64_t *out_status)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	must(ioctl(vm_fd, KVM_IRQ_LINE_STATUS, &line));
	*out_status = (uint32_t)line.status;
	return line.status > 0 ? DELIVERED : BLOCKED;
}

/*% get_ioapic_register set_ioapic_register IOAPIC_ID IOAPIC_ENTRIES */
#define IOAPIC_ID 0
#define IOAPIC_ENTRIES 0x10 /* of two registers each */
#define IOAPIC_ID_SHIFT 24
#define IOAPIC_ID_MASK 0xf

/*% set_ioapic_register */
/* Part of the chip's state; REFUSED: that has no such register. */
static int set_ioapic_register(int reg, uint32_t value)
{
	struct kvm_irqchip state = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_ioapic_state *ioapic = &state.chip.ioapic;
	int result = or_errno(ioctl(vm_fd, KVM_GET_IRQCHIP, &state));
	int entry = (reg - IOAPIC_ENTRIES) / 2, shift = reg % 2 * 32;

	if (result < 0)
		return result;
	if (reg == IOAPIC_ID) {
		ioapic->id = value >> IOAPIC_ID_SHIFT & IOAPIC_ID_MASK;
	} else if (reg < IOAPIC_ENTRIES) {
		return REFUSED;
	} else {
		ioapic->redirtbl[entry].bits &= ~(0xffffffffull << shift);
		ioapic->redirtbl[entry].bits |= (uint64_t)value << shift;
	}
	result = or_errno(ioctl(vm_fd, KVM_SET_IRQCHIP, &state));
	return result < 0 ? result : ACCEPTED;
}

/*% get_ioapic_register */
/* Part of the chip's state; REFUSED: that has no such register. */
static int get_ioapic_register(int reg, uint64_t *out)
{
	struct kvm_irqchip state = { .chip_id = KVM_IRQCHIP_IOAPIC };
	int result = or_errno(ioctl(vm_fd, KVM_GET_IRQCHIP, &state));
	int entry = (reg - IOAPIC_ENTRIES) / 2, shift = reg % 2 * 32;

	*out = 0;
	if (result < 0)
		return result;
	if (reg == IOAPIC_ID)
		*out = (state.chip.ioapic.id & IOAPIC_ID_MASK)
		       << IOAPIC_ID_SHIFT;
	else if (reg < IOAPIC_ENTRIES)
		return REFUSED;
	else
		*out = (uint32_t)(state.chip.ioapic.redirtbl[entry].bits >>
				  shift);
	return ACCEPTED;
}

/*% */
