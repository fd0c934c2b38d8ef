/* Text, not code, as in includes.c: one instruction of a guest; control registers. */
/*% guest_wrmsr */
static int guest_wrmsr(int vcpu, uint32_t msr, uint64_t value)
{
	extern const char code_wrmsr[];

	return guest_do(vcpu, code_wrmsr,
			(struct mailbox){ .ecx = msr,
					  .eax = (uint32_t)value,
					  .edx = (uint32_t)(value >> 32) });
}

/*% guest_rdmsr */
static int guest_rdmsr(int vcpu, uint32_t msr, uint64_t *out)
{
	extern const char code_rdmsr[];
	int result = guest_do(vcpu, code_rdmsr, (struct mailbox){ .ecx = msr });

	*out = (uint64_t)mailbox->edx << 32 | mailbox->eax;
	return result;
}

/*% guest_cpuid */
static int guest_cpuid(int vcpu, uint32_t leaf, uint32_t subleaf)
{
	extern const char code_cpuid[];

	return guest_do(vcpu, code_cpuid,
			(struct mailbox){ .eax = leaf, .ecx = subleaf });
}

/*% guest_read_cr0 */
static int guest_read_cr0(int vcpu, uint64_t *out)
{
	extern const char code_read_cr0[];
	int result = guest_do(vcpu, code_read_cr0, (struct mailbox){ 0 });

	*out = mailbox->wide;
	return result;
}

/*% guest_read_cr4 */
static int guest_read_cr4(int vcpu, uint64_t *out)
{
	extern const char code_read_cr4[];
	int result = guest_do(vcpu, code_read_cr4, (struct mailbox){ 0 });

	*out = mailbox->wide;
	return result;
}

/*% guest_write_cr0 */
static int guest_write_cr0(int vcpu, uint64_t value)
{
	extern const char code_write_cr0[];

	return guest_do(vcpu, code_write_cr0,
			(struct mailbox){ .wide = value });
}

/*% guest_write_cr4 */
static int guest_write_cr4(int vcpu, uint64_t value)
{
	extern const char code_write_cr4[];

	return guest_do(vcpu, code_write_cr4,
			(struct mailbox){ .wide = value });
}

/*%long guest_read_cr8 */
static int guest_read_cr8(int vcpu, uint64_t *out)
{
	extern const char code_read_cr8[];
	int result = guest_do(vcpu, code_read_cr8, (struct mailbox){ 0 });

	*out = mailbox->wide;
	return result;
}

/*%long guest_write_cr8 */
static int guest_write_cr8(int vcpu, uint64_t value)
{
	extern const char code_write_cr8[];

	return guest_do(vcpu, code_write_cr8,
			(struct mailbox){ .wide = value });
}

/*%protected guest_read_cr8 guest_write_cr8 guest_no_cr8 */
/* There is no MOV of it but in long mode. */
static int guest_no_cr8(int vcpu)
{
	extern const char code_nothing[];
	int result = guest_do(vcpu, code_nothing, (struct mailbox){ 0 });

	return result == GUEST_DONE ? GUEST_NO_ACCESS : result;
}

/*%protected guest_read_cr8 */
static int guest_read_cr8(int vcpu, uint64_t *out)
{
	*out = 0;
	return guest_no_cr8(vcpu);
}

/*%protected guest_write_cr8 */
static int guest_write_cr8(int vcpu, uint64_t value)
{
	(void)value;
	return guest_no_cr8(vcpu);
}

/*% get_apic_base */
static uint64_t get_apic_base(int vcpu)
{
	struct kvm_sregs sregs;

	must(ioctl(vcpu_fds[vcpu], KVM_GET_SREGS, &sregs));
	return sregs.apic_base;
}

/*% guest_access */
/* Where the guest can get at it. */
static bool is_accessible(uint64_t page)
{
	/*%protected guest_access */
	if (page > UINT32_MAX)
		return false;
	/*% guest_access */
	return page >= GUEST_MEMORY_END && page != GUEST_RESET_PAGE;
}

/*
 * A MOV to or from the APIC page, wherever APICBASE has it. Where the guest
 * cannot get at it, it does nothing, but it runs.
 */
static int guest_access(int vcpu, const char *label, int offset, uint32_t value)
{
	extern const char code_nothing[];
	uint64_t page = get_apic_base(vcpu) & ~(PAGE_SIZE - 1ull);
	struct mailbox registers = { .eax = value, .wide = page + offset };
	int result;

	if (is_accessible(page))
		return guest_do(vcpu, label, registers);
	result = guest_do(vcpu, code_nothing, registers);
	return result == GUEST_DONE ? GUEST_NO_ACCESS : result;
}

/*% guest_write_apic */
static int guest_write_apic(int vcpu, int offset, uint32_t value)
{
	extern const char code_write[];

	return guest_access(vcpu, code_write, offset, value);
}

/*% guest_read_apic */
static int guest_read_apic(int vcpu, int offset, uint64_t *out)
{
	extern const char code_read[];
	int result = guest_access(vcpu, code_read, offset, 0);

	*out = result == GUEST_NO_ACCESS ? 0 : mailbox->eax;
	return result;
}

/*% guest_write_ioapic guest_read_ioapic guest_ioapic */
#define IOAPIC_SELECT 0xfec00000ull /* which register, */
#define IOAPIC_WINDOW 0xfec00010ull /* and its value */

/* Two MOVs, where the APIC page does not cover the IOAPIC. */
static int guest_ioapic(int vcpu, const char *label, int reg, uint32_t value)
{
	extern const char code_nothing[], code_write[];
	struct mailbox select = { .eax = reg, .wide = IOAPIC_SELECT };
	struct mailbox window = { .eax = value, .wide = IOAPIC_WINDOW };
	int result;

	if ((get_apic_base(vcpu) & ~(PAGE_SIZE - 1ull)) == IOAPIC_SELECT) {
		result = guest_do(vcpu, code_nothing, window);
		return result == GUEST_DONE ? GUEST_NO_ACCESS : result;
	}
	result = guest_do(vcpu, code_write, select);
	if (result != GUEST_DONE)
		return result;
	return guest_do(vcpu, label, window);
}

/*% guest_write_ioapic */
static int guest_write_ioapic(int vcpu, int reg, uint32_t value)
{
	extern const char code_write[];

	return guest_ioapic(vcpu, code_write, reg, value);
}

/*% guest_read_ioapic */
static int guest_read_ioapic(int vcpu, int reg, uint64_t *out)
{
	extern const char code_read[];
	int result = guest_ioapic(vcpu, code_read, reg, 0);

	*out = result == GUEST_NO_ACCESS ? 0 : mailbox->eax;
	return result;
}

/*% guest_send */
/* ICR, as the mode of the APIC has it: one MSR, or two registers. */
static int guest_send(int vcpu, uint32_t dest, uint32_t low)
{
	if ((get_apic_base(vcpu) & (APICBASE_EN | APICBASE_EXTD)) ==
	    (APICBASE_EN | APICBASE_EXTD))
		return guest_wrmsr(vcpu, X2APIC_MSR(APIC_ICR),
				   (uint64_t)dest << 32 | low);
	guest_write_apic(vcpu, APIC_ICR_HIGH, dest << 24);
	return guest_write_apic(vcpu, APIC_ICR, low);
}

/*% guest_take_interrupt */
/* Enables interrupts for a moment: the vector of the one that came, or 0. */
static int guest_take_interrupt(int vcpu, uint64_t *out)
{
	extern const char code_interrupt[];
	int result = guest_do(vcpu, code_interrupt, (struct mailbox){ 0 });

	*out = result < NO_VECTOR ? result : 0;
	return result < NO_VECTOR ? GUEST_DONE : result;
}

/*% guest_halt */
/* HLT with interrupts enabled: the vector of one that waited, or 0. */
static int guest_halt(int vcpu, uint64_t *out)
{
	extern const char code_halt[];
	int result = guest_do(vcpu, code_halt, (struct mailbox){ 0 });

	*out = result < NO_VECTOR ? result : 0;
	return result < NO_VECTOR ? GUEST_DONE : result;
}

/*% check_guest */
static const char *describe_guest(char out[32], int result)
{
	if (result >= NO_VECTOR)
		return guest_results[result - NO_VECTOR];
	if (result == GP_VECTOR)
		return "#GP";
	snprintf(out, 32, "exception %d", result);
	return out;
}

static void check_guest(const char *what, int expected, int got)
{
	char want[32], seen[32];

	report(got == expected, what, describe_guest(want, expected),
	       describe_guest(seen, got));
}

/*% check_guest_executed */
/* Perhaps the vCPU waits then, or is reset. */
static void check_guest_executed(const char *what, bool expected, int got)
{
	bool executed = got == GUEST_DONE || got == GUEST_HALTED ||
			got == GUEST_RESET;

	report(executed == expected, what, expected ? "executed" : "refused",
	       executed ? "executed" : "refused");
}

/*% set_control */
/* Segments as after a reset, or flat. */
static struct kvm_segment segment(uint16_t selector, uint8_t type, bool flat)
{
	return (struct kvm_segment){
		.limit = flat ? UINT32_MAX : 0xffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.db = flat,
		.g = flat,
	};
}

static void start_in_real_mode(struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	sregs->cs = segment(CS_RESET, SEGMENT_CODE, false);
	sregs->cs.base = 0xffff0000;
	sregs->ds = segment(0, SEGMENT_DATA, false);
	sregs->idt = (struct kvm_dtable){ .limit = 0xffff };
	regs->rip = RIP_RESET;
}

static void start_in_its_mode(struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	extern const char guest_again32[], guest_again64[];
	bool is_long = sregs->efer & X86_EFER_LMA;

	sregs->cs =
		segment(is_long ? GUEST_CS64 : GUEST_CS32, SEGMENT_CODE, true);
	sregs->cs.l = is_long;
	sregs->cs.db = !is_long;
	sregs->ds = segment(GUEST_DS, SEGMENT_DATA, true);
	sregs->gdt =
		(struct kvm_dtable){ .base = GUEST_GDT, .limit = 5 * 8 - 1 };
	sregs->idt.base = is_long ? GUEST_IDT64 : GUEST_IDT32;
	sregs->idt.limit = 256 * (is_long ? 16 : 8) - 1;
	regs->rsp = GUEST_STACK_TOP;
	regs->rip = guest_address(is_long ? guest_again64 : guest_again32);
}

/*
 * What the guest needs to start again in the mode that @sregs has. False: it is
 * in real mode and never ran, so it is as it should be.
 */
static bool start_again(struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	uint16_t cs = sregs->cs.selector;

	sregs->cr3 = sregs->efer & X86_EFER_LME ? GUEST_PML4 : GUEST_PDPT_PAE;
	if (sregs->cr0 & X86_CR0_PE)
		start_in_its_mode(sregs, regs);
	else if (cs == GUEST_CS32 || cs == GUEST_CS64 || cs == GUEST_CS16 ||
		 cs == 0)
		start_in_real_mode(sregs, regs);
	else
		return false;
	regs->rflags = RFLAGS_RESET;
	sregs->es = sregs->ds;
	sregs->ss = sregs->ds;
	return true;
}

/* A control register by KVM_SET_SREGS; @offset is its place in there. */
static int set_control(int vcpu, size_t offset, uint64_t value)
{
	int fd = vcpu_fds[vcpu], result;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	bool starts;

	/* What an exit began is complete after the next KVM_RUN only. */
	if (runs[vcpu]) {
		runs[vcpu]->immediate_exit = 1;
		if (ioctl(fd, KVM_RUN, 0) == 0)
			cannot_test("KVM_RUN ignores immediate_exit");
	}
	must(ioctl(fd, KVM_GET_SREGS, &sregs));
	must(ioctl(fd, KVM_GET_REGS, &regs));
	memcpy((char *)&sregs + offset, &value, sizeof(value));
	starts = start_again(&sregs, &regs);
	result = or_errno(ioctl(fd, KVM_SET_SREGS, &sregs));
	if (result == 0 && starts)
		must(ioctl(fd, KVM_SET_REGS, &regs));
	return result;
}

/*% get_control */
static int get_control(int vcpu, size_t offset, uint64_t *out)
{
	struct kvm_sregs sregs;

	must(ioctl(vcpu_fds[vcpu], KVM_GET_SREGS, &sregs));
	memcpy(out, (char *)&sregs + offset, sizeof(*out));
	return 0;
}

/*% set_memory_msr */
/* Of MTRRs and PAT. */
static int set_memory_msr(int vcpu, uint32_t msr, uint64_t value)
{
	int result = set_msr(vcpu, msr, value);

	/*% guest_start */
	if (result != ACCEPTED && exception_waits(vcpu))
		exception_may_wait[vcpu] = true;
	/*% set_memory_msr */
	return result;
}

/*% get_cpuid */
enum { EAX, EBX, ECX, EDX };

/* KVM_GET_CPUID2: whether there is such a leaf, and one of its registers. */
static int get_cpuid(int vcpu, uint32_t leaf, uint32_t subleaf, int reg,
		     uint64_t *out)
{
	union {
		struct kvm_cpuid2 cpuid;
		char room[sizeof(struct kvm_cpuid2) +
			  64 * sizeof(struct kvm_cpuid_entry2)];
	} table = { .cpuid.nent = 64 };

	*out = 0;
	must(ioctl(vcpu_fds[vcpu], KVM_GET_CPUID2, &table));
	for (uint32_t i = 0; i < table.cpuid.nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &table.cpuid.entries[i];
		uint32_t regs[] = { entry->eax, entry->ebx, entry->ecx,
				    entry->edx };

		if (entry->function != leaf ||
		    (entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX &&
		     entry->index != subleaf))
			continue;
		*out = regs[reg];
		return ACCEPTED;
	}
	return REFUSED;
}

/*% */
