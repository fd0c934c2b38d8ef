/* Text, not code, as in includes.c: letting the guest of a program run. */
/*% guest_start guest_do */

static uint8_t *guest_memory;
static struct mailbox *mailbox;
static int run_size;
static struct kvm_run *runs[NR_VCPUS];
/*% guest_run */
/* By something that a guest does not come back from; and by a HLT. */
static bool guest_ended[NR_VCPUS], guest_halted[NR_VCPUS];
/*% guest_start guest_do */

static uint32_t guest_address(const char *label)
{
	return GUEST_CODE + (uint32_t)(label - guest_code);
}

/* An interrupt gate; a long one has the rest of the offset, 0, as well. */
static uint64_t gate(uint64_t offset, uint64_t selector)
{
	return (offset & 0xffff) | selector << 16 | 0x8e00ull << 32 |
	       offset >> 16 << 48;
}

/* Segments without limits, but for the one of 16 bits. */
static void write_descriptors(void)
{
	static const uint64_t gdt[] = {
		[GUEST_CS32 / 8] = 0x00cf9b000000ffff,
		[GUEST_DS / 8] = 0x00cf93000000ffff,
		[GUEST_CS64 / 8] = 0x00af9b000000ffff,
		[GUEST_CS16 / 8] = 0x00009b000000ffff | GUEST_CODE * 0x10000ull,
	};
	uint64_t *idt = (uint64_t *)(guest_memory + GUEST_IDT);
	uint64_t *idt64 = (uint64_t *)(guest_memory + GUEST_IDT64);

	memcpy(guest_memory + GUEST_GDT, gdt, sizeof(gdt));
	for (int vector = 0; vector < 256; vector++)
		idt[vector * GATE_SIZE / 8] =
			gate(guest_address(guest_stubs + vector * STUB_SIZE),
			     GUEST_CS);
	idt64[NMI_VECTOR * 2] = gate(guest_address(guest_nmi64), GUEST_CS64);
	idt[NMI_VECTOR * GATE_SIZE / 8] =
		gate(guest_address(guest_nmi), GUEST_CS);
}

/*% write_page_tables */
/* Linear addresses are physical ones. */
static void write_page_tables(void)
{
	uint64_t *pml4 = (uint64_t *)(guest_memory + GUEST_PML4);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;

	pml4[0] = (GUEST_PML4 + PAGE_SIZE) | PTE_TABLE;
	for (uint64_t i = 0; i < GUEST_MAPPED / LARGE_PAGE; i++) {
		pdpt[i / 512] = (GUEST_PML4 + (2 + i / 512) * PAGE_SIZE) |
				PTE_TABLE;
		pd[i] = i * LARGE_PAGE | PTE_LARGE;
	}
}

/*% write_legacy_page_tables */
/*
 * For paging without long mode, for as long as it takes to turn it off again;
 * one CR3 is good for PAE paging and for the one of 32 bits.
 */
static void write_legacy_page_tables(void)
{
	uint32_t *pd = (uint32_t *)(guest_memory + GUEST_PD32);
	uint64_t *pdpt = (uint64_t *)(guest_memory + GUEST_PDPT_PAE);
	uint32_t *table = pd + 1024;

	pd[0] = (GUEST_PD32 + PAGE_SIZE) | PTE_TABLE;
	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i * PAGE_SIZE | PTE_PAGE;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (GUEST_PML4 + (2 + i) * PAGE_SIZE) | PTE_PRESENT;
}

/*% guest_start guest_do */
static void add_memory(uint32_t slot, uint64_t at, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uintptr_t)guest_memory,
	};

	must(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region));
}

/* Only for the signal to end a KVM_RUN. */
static void on_alarm(int number)
{
	(void)number;
}

static void give_guest_memory(void)
{
	/* SMM has an address space of its own, where there is SMM. */
	int spaces =
		ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE);

	for (int i = 0; i == 0 || i < spaces; i++) {
		add_memory(i << 16, 0, GUEST_MEMORY_END);
		add_memory(i << 16 | 1, GUEST_RESET_PAGE, PAGE_SIZE);
	}
}

static void guest_start(void)
{
	struct sigaction action = { .sa_handler = on_alarm };

	must(sigaction(SIGALRM, &action, NULL));
	run_size = must(ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));
	guest_memory = mmap(NULL, GUEST_MEMORY_END, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guest_memory == MAP_FAILED)
		cannot_test("mmap: %s", strerror(errno));
	for (int at = 0; at < GUEST_BOOT_PAGES; at += PAGE_SIZE)
		memcpy(guest_memory + at, guest_boot, PAGE_SIZE);
	memcpy(guest_memory + GUEST_CODE, guest_code,
	       guest_code_end - guest_code);
	mailbox = (struct mailbox *)(guest_memory + GUEST_MAILBOX);
	write_descriptors();
	/*%long guest_start */
	write_page_tables();
	/*%protected set_control guest_write_cr0 */
	write_page_tables();
	/*% set_control guest_write_cr0 */
	write_legacy_page_tables();
	/*% guest_start */
	give_guest_memory();
}

/*% GUEST_DONE guest_run guest_results */
/* What became of an instruction: this, or the vector of its exception. */
enum {
	GUEST_DONE = NO_VECTOR,
	GUEST_NOT_RUN,	 /* the vCPU waits, for instance for INIT or SIPI */
	GUEST_NO_ACCESS, /* its APIC page is where the guest itself is */
	GUEST_HALTED,	 /* done, and then the vCPU waits for an event */
	GUEST_RESET,	 /* done, and then the vCPU took an INIT */
	GUEST_SHUTDOWN,	 /* and reasons of KVM_RUN to exit: */
	GUEST_INTERNAL_ERROR,
	GUEST_FAIL_ENTRY,
	GUEST_OTHER_EXIT,
	GUEST_HANGS,
	GUEST_EXCEPTION_WAITS, /* not run: KVM has one that it did not cause */
};
/*% guest_results */
static const char *const guest_results[] = {
	"done",
	"not run",
	"no access",
	"done, halted",
	"done, reset",
	"shutdown",
	"internal error",
	"entry failed",
	"an unknown exit",
	"hangs",
	"not run, as an exception waits",
};

/*% guest_run get_mp_state */
static uint32_t get_mp_state(int vcpu)
{
	struct kvm_mp_state mp_state;

	must(ioctl(vcpu_fds[vcpu], KVM_GET_MP_STATE, &mp_state));
	return mp_state.mp_state;
}

/* SIGALRM after some milliseconds, and again and again; or no more. */
static void set_alarm(int milliseconds)
{
	struct itimerval when = {
		.it_value.tv_usec = milliseconds * 1000,
		.it_interval.tv_usec = milliseconds * 1000,
	};

	must(setitimer(ITIMER_REAL, &when, NULL));
}

/* Why KVM_RUN came back; -1: it is to be called again. */
static int handle_exit(struct kvm_run *run, bool *was_reset)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (run->io.port == PORT_DONE && *was_reset)
			return GUEST_RESET;
		if (run->io.port == PORT_DONE)
			return mailbox->vector;
		/* It has begun, so this is not the first start. */
		if (run->io.port == PORT_STARTED &&
		    mailbox->next == guest_address(guest_done))
			*was_reset = true;
		return -1;
	case KVM_EXIT_MMIO:
		/* Nobody is there. */
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return -1;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IOAPIC_EOI: /* of a level-triggered message */
		return -1;
	case KVM_EXIT_SHUTDOWN:
		return GUEST_SHUTDOWN;
	case KVM_EXIT_INTERNAL_ERROR:
		return GUEST_INTERNAL_ERROR;
	case KVM_EXIT_FAIL_ENTRY:
		return GUEST_FAIL_ENTRY;
	}
	return GUEST_OTHER_EXIT;
}

/*
 * KVM_RUN was ended by the alarm: because the vCPU waits? Whether a HLT is to
 * last KVM looks at first thing in the next KVM_RUN.
 */
static int handle_alarm(int vcpu, time_t until, bool *was_halted)
{
	if (errno != EINTR && errno != EAGAIN)
		return GUEST_OTHER_EXIT;
	switch (get_mp_state(vcpu)) {
	case KVM_MP_STATE_RUNNABLE:
		return time(NULL) > until ? GUEST_HANGS : -1;
	case KVM_MP_STATE_HALTED:
		if (*was_halted)
			return GUEST_HALTED;
		*was_halted = true;
		return -1;
	}
	return GUEST_RESET;
}

static int guest_run(int vcpu)
{
	struct kvm_run *run = runs[vcpu];
	time_t until = time(NULL) + 2;
	bool was_reset = false, was_halted = false;
	int result = -1;

	run->immediate_exit = 0;
	set_alarm(5);
	while (result < 0) {
		if (ioctl(vcpu_fds[vcpu], KVM_RUN, 0) < 0)
			result = handle_alarm(vcpu, until, &was_halted);
		else
			result = handle_exit(run, &was_reset);
	}
	set_alarm(0);
	guest_ended[vcpu] = result >= GUEST_SHUTDOWN;
	guest_halted[vcpu] = result == GUEST_HALTED;
	return result;
}

/*% exception_may_wait exception_waits */
/* Some kernels tell the guest, too, what they refuse its VMM. */
static bool exception_may_wait[NR_VCPUS];

static bool exception_waits(int vcpu)
{
	struct kvm_vcpu_events events;

	must(ioctl(vcpu_fds[vcpu], KVM_GET_VCPU_EVENTS, &events));
	return events.exception.injected || events.exception.pending;
}

/*% guest_do */
/* A halted vCPU may have got what wakes it up: GUEST_DONE. */
static int guest_wake_up(int vcpu)
{
	extern const char code_nothing[];
	int result;

	*mailbox = (struct mailbox){ .next = guest_address(code_nothing),
				     .vector = NO_VECTOR };
	result = guest_run(vcpu);
	guest_halted[vcpu] = result > GUEST_DONE;
	if (result <= GUEST_DONE)
		return GUEST_DONE;
	return guest_ended[vcpu] ? result : GUEST_NOT_RUN;
}

/* GUEST_DONE, or why it cannot run. */
static int guest_prepare(int vcpu)
{
	uint32_t mp_state = get_mp_state(vcpu);

	if (guest_ended[vcpu] || (mp_state != KVM_MP_STATE_RUNNABLE &&
				  mp_state != KVM_MP_STATE_HALTED))
		return GUEST_NOT_RUN;
	/*% set_memory_msr */
	if (exception_may_wait[vcpu] && exception_waits(vcpu))
		return GUEST_EXCEPTION_WAITS;
	/*% guest_do */
	if (!runs[vcpu])
		runs[vcpu] = mmap(NULL, run_size, PROT_READ | PROT_WRITE,
				  MAP_SHARED, vcpu_fds[vcpu], 0);
	if (runs[vcpu] == MAP_FAILED)
		cannot_test("mmap: %s", strerror(errno));
	if (mp_state == KVM_MP_STATE_HALTED || guest_halted[vcpu])
		return guest_wake_up(vcpu);
	return GUEST_DONE;
}

/* Has the vCPU execute the code at @label, with these in the mailbox. */
static int guest_do(int vcpu, const char *label, struct mailbox registers)
{
	int result = guest_prepare(vcpu);

	if (result != GUEST_DONE)
		return result;
	/*%long guest_do */
	if (!HAS_LONG_MODE)
		return GUEST_NO_ACCESS;
	/*% guest_do */
	*mailbox = registers;
	mailbox->next = guest_address(label);
	mailbox->vector = NO_VECTOR;
	return guest_run(vcpu);
}

/*% guest_takes_events */
/*
 * INIT, SIPI, NMI and SMI that the instruction before sent to its own vCPU:
 * where KVM emulates, it looks for them only as it enters the guest again.
 */
static int guest_takes_events(int vcpu, int result)
{
	uint32_t mp_state;

	if (result != GUEST_DONE)
		return result;
	mp_state = get_mp_state(vcpu);
	if (mp_state == KVM_MP_STATE_RUNNABLE)
		return guest_run(vcpu);
	return mp_state == KVM_MP_STATE_HALTED ? GUEST_HALTED : GUEST_RESET;
}

/*% */
