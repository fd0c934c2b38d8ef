/*
 * The guest program on the real /dev/kvm, in both modes: each command gives
 * its value or its exception, and whatever ends a guest is an outcome, not the
 * end of the process. What is looked for is what any CPU does.
 */
#include "tests/test.h"

#include <sys/ioctl.h>

#include "kvmdrv/guest.h"
#include "kvmdrv/vm.h"
#include "scenario/x86.h"

enum {
	VECTOR_GP = 13,
	MSR_NONE = 0x12345,
	COMMANDS_MAX = 200,
};

static bool long_mode; /* in which the guests run */
static struct kvmdrv *drv;
static struct kvmdrv_reason reason;
static struct vm *vm;
static struct guest_command commands[COMMANDS_MAX];
static size_t nr_commands;

/* A VM with two vCPUs, of which the first is runnable. */
static void make_vm(void)
{
	struct config config = { .irqchip = IRQCHIP_SPLIT,
				 .guest = long_mode ? GUEST_LONG :
						      GUEST_PROTECTED };

	if (!drv && kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
	vm = vm_create(drv, &config);
	vm_add_vcpu(vm, 0);
	vm_add_vcpu(vm, 1);
	nr_commands = 0;
}

static void add(enum guest_code code, uint32_t reg, uint64_t value)
{
	commands[nr_commands++] = (struct guest_command){ .code = code,
							  .reg = reg,
							  .value = value };
}

static void run(uint32_t vcpu)
{
	guest_run(vm, vcpu, commands, nr_commands);
	nr_commands = 0;
}

static void expect(size_t i, enum outcome outcome, uint32_t value)
{
	if (commands[i].outcome != outcome || commands[i].result[0] != value)
		fail_msg("command %zu: want outcome %d and 0x%x, got %d and "
			 "0x%x (exception %u)",
			 i, outcome, value, commands[i].outcome,
			 commands[i].result[0], commands[i].exception);
}

static void expect_gp(size_t i)
{
	expect(i, OUTCOME_EXCEPTION, 0);
	assert_int_equal(commands[i].exception, VECTOR_GP);
	assert_int_equal(commands[i].error_code, 0);
}

static void msi(uint32_t data)
{
	struct kvm_msi one = { .address_lo = APICBASE_ADDRESS_DEFAULT,
			       .data = data };

	vm_ioctl(vm, KVM_SIGNAL_MSI, &one);
}

static uint32_t mmio(enum apic_reg reg)
{
	return (uint32_t)reg << 4;
}

static void reads_and_writes(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_svr), 0x1ff);
	add(GUEST_MMIO_READ, mmio(APIC_REG_svr), 0);
	add(GUEST_WRMSR, MSR_IA32_APIC_BASE, 0xfee00d00);
	add(GUEST_RDMSR, MSR_X2APIC_BASE + APIC_REG_svr, 0);
	add(GUEST_CR0_READ, 0, 0);
	add(GUEST_CR4_WRITE, 0, CR4_OSFXSR | (long_mode ? 1 << 5 : 0));
	add(GUEST_CR4_READ, 0, 0);
	add(GUEST_CPUID, 0x80000000, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0xfee00900);
	expect(2, OUTCOME_DONE, 0x1ff);
	expect(4, OUTCOME_DONE, 0x1ff);
	assert_int_equal(commands[5].result[0] & CR0_PE, CR0_PE);
	assert_int_equal(commands[7].result[0] & CR4_OSFXSR, CR4_OSFXSR);
	assert_true(commands[8].result[0] >= 0x80000001);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(commands[i].outcome, OUTCOME_DONE);
	vm_destroy(vm, drv);
}

static void msr_values_have_64_bits(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_WRMSR, MSR_IA32_APIC_BASE, 0xafee00900);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(0);
	expect(1, OUTCOME_DONE, 0xfee00900);
	assert_int_equal(commands[1].result[1], 0xa);
	vm_destroy(vm, drv);
}

static void cr8_is_there_in_long_mode_only(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_CR8_WRITE, 0, 5);
	add(GUEST_CR8_READ, 0, 0);
	add(GUEST_MMIO_READ, mmio(APIC_REG_tpr), 0);
	run(0);
	expect(0, long_mode ? OUTCOME_DONE : OUTCOME_IMPOSSIBLE, 0);
	expect(1, long_mode ? OUTCOME_DONE : OUTCOME_IMPOSSIBLE,
	       long_mode ? 5 : 0);
	expect(2, OUTCOME_DONE, long_mode ? 0x50 : 0);
	vm_destroy(vm, drv);
}

static void faults_are_skipped(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_RDMSR, MSR_NONE, 0);
	add(GUEST_WRMSR, MSR_NONE, 0);
	add(GUEST_CR0_WRITE, 0, CR0_PE | CR0_NW);
	add(GUEST_WRMSR, MSR_IA32_APIC_BASE, 0xfee00901);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(0);
	for (size_t i = 0; i < 4; i++)
		expect_gp(i);
	expect(4, OUTCOME_DONE, 0xfee00900);
	vm_destroy(vm, drv);
}

static void interrupts_are_taken_by_priority(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_INTERRUPTS, 0, 0);
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_svr), 0x1ff);
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_icr), 0x40011);
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_icr), 0x40091);
	add(GUEST_INTERRUPTS, 0, 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_INTERRUPTS, 0, 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_INTERRUPTS, 0, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0);
	expect(4, OUTCOME_DONE, 0x91);
	/* As an exception this one would have an error code. */
	expect(6, OUTCOME_DONE, 0x11);
	expect(8, OUTCOME_DONE, 0);
	vm_destroy(vm, drv);
}

/* What is in service is put there, as not every KVM does that by itself. */
static void in_service(uint32_t vector)
{
	struct kvm_lapic_state page;
	uint32_t bit = 1u << vector % 32;

	vcpu_ioctl(vm, 0, KVM_GET_LAPIC, &page);
	memcpy(page.regs + mmio(APIC_REG_isr0 + vector / 32), &bit,
	       sizeof(bit));
	vcpu_ioctl(vm, 0, KVM_SET_LAPIC, &page);
}

static void eoi_is_in_the_way_of_the_mode(void **state)
{
	(void)state;
	make_vm();
	in_service(0x51);
	in_service(0x31);
	add(GUEST_MMIO_READ, mmio(APIC_REG_isr2), 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_MMIO_READ, mmio(APIC_REG_isr2), 0);
	add(GUEST_WRMSR, MSR_IA32_APIC_BASE, 0xfee00d00);
	add(GUEST_RDMSR, MSR_X2APIC_BASE + APIC_REG_isr1, 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_RDMSR, MSR_X2APIC_BASE + APIC_REG_isr1, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0x20000);
	expect(2, OUTCOME_DONE, 0);
	expect(4, OUTCOME_DONE, 0x20000);
	expect(6, OUTCOME_DONE, 0);
	vm_destroy(vm, drv);
}

static void a_halted_vcpu_is_woken_up(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_svr), 0x1ff);
	add(GUEST_STI_HLT, 0, 0);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(0);
	expect(1, OUTCOME_HALTED, 0);
	expect(2, OUTCOME_NOT_RUN, 0);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(0);
	expect(0, OUTCOME_NOT_RUN, 0);
	msi(0x41);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_STI_HLT, 0, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0xfee00900);
	expect(2, OUTCOME_HALTED, 0);
	msi(0x42);
	msi(0x71);
	add(GUEST_MMIO_READ, mmio(APIC_REG_irr3), 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_STI_HLT, 0, 0);
	add(GUEST_EOI, 0, 0);
	add(GUEST_HLT, 0, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0);
	expect(2, OUTCOME_DONE, 0x42);
	expect(4, OUTCOME_HALTED, 0);
	/* Interrupts are not enabled: only an NMI counts. */
	msi(0x81);
	add(GUEST_CR0_READ, 0, 0);
	run(0);
	expect(0, OUTCOME_NOT_RUN, 0);
	msi(DELIVERY_NMI << MSI_DELIVERY_SHIFT);
	add(GUEST_STI_HLT, 0, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0x81);
	vm_destroy(vm, drv);
}

/*
 * To each page of the low megabyte, and with registers as they were: no INIT
 * came, so the vCPU is in protected mode.
 */
static void a_sipi_without_init_is_survived(void **state)
{
	(void)state;
	make_vm();
	/* Long mode has no code at such addresses. */
	for (uint32_t vector = 0; vector < 256 && !long_mode; vector++) {
		struct kvm_mp_state wait = { KVM_MP_STATE_INIT_RECEIVED };

		add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
		run(0);
		expect(0, OUTCOME_DONE, 0xfee00900);
		vcpu_ioctl(vm, 0, KVM_SET_MP_STATE, &wait);
		msi(DELIVERY_SIPI << MSI_DELIVERY_SHIFT | vector);
		add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
		run(0);
		expect(0, OUTCOME_DONE, 0xfee00900);
	}
	vm_destroy(vm, drv);
}

static void nmis_are_survived(void **state)
{
	struct kvm_vcpu_events events;

	(void)state;
	make_vm();
	msi(DELIVERY_NMI << MSI_DELIVERY_SHIFT);
	for (int i = 0; i < 3; i++) {
		add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
		add(GUEST_MMIO_WRITE, mmio(APIC_REG_icr_high), 0);
		add(GUEST_MMIO_WRITE, mmio(APIC_REG_icr),
		    DELIVERY_NMI << ICR_DELIVERY_SHIFT);
		add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
		run(0);
		expect(0, OUTCOME_DONE, 0xfee00900);
		expect(3, OUTCOME_DONE, 0xfee00900);
		msi(DELIVERY_NMI << MSI_DELIVERY_SHIFT);
	}
	/* Blocked since the first one: one waits. */
	vcpu_ioctl(vm, 0, KVM_GET_VCPU_EVENTS, &events);
	assert_int_equal(events.nmi.pending, 1);
	assert_int_equal(events.nmi.masked, 1);
	vm_destroy(vm, drv);
}

static void send(uint32_t dest, enum delivery delivery, uint32_t vector)
{
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_icr_high), dest << XAPIC_ID_SHIFT);
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_icr),
	    (uint32_t)delivery << ICR_DELIVERY_SHIFT | ICR_ASSERT | vector);
}

static void the_boot_vcpu_starts_again_after_init(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_tpr), 0x20);
	send(0, DELIVERY_INIT, 0);
	add(GUEST_MMIO_READ, mmio(APIC_REG_tpr), 0);
	send(0, DELIVERY_INIT, 0);
	send(0, DELIVERY_INIT, 0);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(0);
	expect(0, OUTCOME_DONE, 0);
	expect(2, OUTCOME_RESET, 0);
	expect(3, OUTCOME_DONE, 0);
	expect(5, OUTCOME_RESET, 0);
	expect(7, OUTCOME_RESET, 0);
	expect(8, OUTCOME_DONE, 0xfee00900);
	vm_destroy(vm, drv);
}

static void a_sipi_starts_a_vcpu_anywhere(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(1);
	expect(0, OUTCOME_NOT_RUN, 0);
	/* So that KVM's routing table has both. */
	add(GUEST_MMIO_WRITE, mmio(APIC_REG_svr), 0x1ff);
	run(0);
	for (uint32_t vector = 0; vector < 256; vector++) {
		send(1, DELIVERY_INIT, 0);
		send(1, DELIVERY_SIPI, vector);
		run(0);
		expect(1, OUTCOME_DONE, 0);
		expect(3, OUTCOME_DONE, 0);
		add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
		run(1);
		expect(0, OUTCOME_DONE, 0xfee00800);
	}
	/* It waits again after an INIT, also of its own. */
	send(1, DELIVERY_INIT, 0);
	add(GUEST_RDMSR, MSR_IA32_APIC_BASE, 0);
	run(1);
	expect(1, OUTCOME_RESET, 0);
	expect(2, OUTCOME_NOT_RUN, 0);
	vm_destroy(vm, drv);
}

static void an_apic_page_may_be_elsewhere(void **state)
{
	static const struct {
		uint64_t apicbase;
		enum outcome outcome;
		bool in_long_mode; /* only there it can be reached */
		uint32_t version_is_ones;
	} rows[] = {
		{ 0xfee00900, OUTCOME_DONE, false, false },
		{ 0x12345900, OUTCOME_DONE, false, false },
		{ 0xffffe900, OUTCOME_DONE, false, false },
		{ GUEST_MEMORY_END | 0x900, OUTCOME_DONE, false, false },
		{ 0x900, OUTCOME_IMPOSSIBLE, false, false },
		{ GUEST_MEMORY_END - 0x1000 + 0x900, OUTCOME_IMPOSSIBLE, false,
		  false },
		{ GUEST_RESET_PAGE | 0x900, OUTCOME_IMPOSSIBLE, false, false },
		{ 0x100000900, OUTCOME_DONE, true, false },
		{ 0xffffff900, OUTCOME_DONE, true, false },
		{ 0xfee00d00, OUTCOME_DONE, false, true },
		{ 0xfee00100, OUTCOME_DONE, false, true },
	};

	(void)state;
	make_vm();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		add(GUEST_WRMSR, MSR_IA32_APIC_BASE, rows[i].apicbase);
		add(GUEST_MMIO_READ, mmio(APIC_REG_dfr), 0);
		add(GUEST_MMIO_READ, mmio(APIC_REG_tpr), 0);
	}
	run(0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool there = rows[i].outcome == OUTCOME_DONE &&
			     (long_mode || !rows[i].in_long_mode);

		expect(3 * i, OUTCOME_DONE, 0);
		expect(3 * i + 1, there ? OUTCOME_DONE : OUTCOME_IMPOSSIBLE,
		       there ? 0xffffffff : 0);
		expect(3 * i + 2, there ? OUTCOME_DONE : OUTCOME_IMPOSSIBLE,
		       rows[i].version_is_ones ? 0xffffffff : 0);
	}
	vm_destroy(vm, drv);
}

static void more_than_one_stack_is_run(void **state)
{
	(void)state;
	make_vm();
	for (uint32_t i = 0; i < COMMANDS_MAX; i += 2) {
		add(GUEST_MMIO_WRITE, mmio(APIC_REG_tpr), i);
		add(GUEST_MMIO_READ, mmio(APIC_REG_tpr), 0);
	}
	run(0);
	for (uint32_t i = 0; i < COMMANDS_MAX; i += 2) {
		expect(i, OUTCOME_DONE, 0);
		expect(i + 1, OUTCOME_DONE, i);
	}
	vm_destroy(vm, drv);
}

/* Without the page tables and the IDT nothing can be fetched or delivered. */
static void a_guest_that_ends_is_an_outcome(void **state)
{
	(void)state;
	make_vm();
	add(GUEST_CR0_READ, 0, 0);
	run(0);
	memset(vm->memory + GUEST_CODE, 0x0f, GUEST_CODE_MAX);
	memset(vm->memory + GUEST_IDT32, 0, 2 * 0x1000);
	add(GUEST_CR0_READ, 0, 0);
	add(GUEST_CR0_READ, 0, 0);
	run(0);
	assert_true(commands[0].outcome == OUTCOME_SHUTDOWN ||
		    commands[0].outcome == OUTCOME_INTERNAL_ERROR);
	expect(1, OUTCOME_NOT_RUN, 0);
	assert_true(vm->grown);
	add(GUEST_CR0_READ, 0, 0);
	run(0);
	expect(0, OUTCOME_NOT_RUN, 0);
	vm_destroy(vm, drv);
}

static void a_guest_that_hangs_is_an_outcome(void **state)
{
	static const uint8_t jump_to_itself[] = { 0xeb, 0xfe };
	struct kvm_regs regs;

	(void)state;
	make_vm();
	add(GUEST_CR0_READ, 0, 0);
	run(0);
	vcpu_ioctl(vm, 0, KVM_GET_REGS, &regs);
	memcpy(vm->memory + GUEST_MEMORY_END - 0x1000, jump_to_itself,
	       sizeof(jump_to_itself));
	regs.rip = GUEST_MEMORY_END - 0x1000;
	vcpu_ioctl(vm, 0, KVM_SET_REGS, &regs);
	add(GUEST_CR0_READ, 0, 0);
	add(GUEST_CR0_READ, 0, 0);
	run(0);
	expect(0, OUTCOME_HANGS, 0);
	expect(1, OUTCOME_NOT_RUN, 0);
	assert_true(vm->grown);
	vm_destroy(vm, drv);
}

static int close_driver(void **state)
{
	(void)state;
	if (drv)
		kvmdrv_close(drv);
	drv = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(msr_values_have_64_bits),
		cmocka_unit_test(cr8_is_there_in_long_mode_only),
		cmocka_unit_test(faults_are_skipped),
		cmocka_unit_test(interrupts_are_taken_by_priority),
		cmocka_unit_test(eoi_is_in_the_way_of_the_mode),
		cmocka_unit_test(a_halted_vcpu_is_woken_up),
		cmocka_unit_test(a_sipi_without_init_is_survived),
		cmocka_unit_test(nmis_are_survived),
		cmocka_unit_test(the_boot_vcpu_starts_again_after_init),
		cmocka_unit_test(a_sipi_starts_a_vcpu_anywhere),
		cmocka_unit_test(an_apic_page_may_be_elsewhere),
		cmocka_unit_test(more_than_one_stack_is_run),
		cmocka_unit_test(a_guest_that_ends_is_an_outcome),
		cmocka_unit_test(a_guest_that_hangs_is_an_outcome),
	};
	int failed;

	failed = cmocka_run_group_tests_name("protected mode", tests, NULL,
					     close_driver);
	long_mode = true;
	return failed + cmocka_run_group_tests_name("long mode", tests, NULL,
						    close_driver);
}
