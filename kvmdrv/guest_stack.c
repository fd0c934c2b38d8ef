/* Commands of the guest program, on the stack of a vCPU. */
#include "kvmdrv/guest_stack.h"

#include <string.h>

#include "scenario/check.h"
#include "scenario/x86.h"

enum {
	PAGE = 0x1000,
	/* On the stack, of one command: a mark, both halves of ICR. */
	ENTRIES_MAX = 3,
};

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP and two more push an error code. */
#define HAVE_ERROR_CODE 0x60227d00u

/* What a command pops, and which it is. */
struct entry {
	enum guest_code code;
	uint32_t di, cx;
	uint64_t dx, ax;
};

uint32_t stack_address(const struct run *run)
{
	return run->page_address + (uint32_t)offsetof(struct guest_page, stack);
}

static uint32_t result_address(const struct run *run, uint32_t i)
{
	return run->page_address +
	       (uint32_t)(offsetof(struct guest_page, results) +
			  i * sizeof(struct guest_result));
}

uint32_t stack_entry_size(const struct run *run)
{
	return run->vm->long_mode ? sizeof(struct guest_entry64) :
				    sizeof(struct guest_entry32);
}

static void put_entry(struct run *run, uint32_t i, const struct entry *entry)
{
	uint8_t *at = run->page->stack + i * stack_entry_size(run);
	uint32_t code = guest_address(entry->code, run->vm->long_mode);
	struct guest_entry32 entry32 = {
		.code = code,
		.edi = entry->di,
		.edx = (uint32_t)entry->dx,
		.ecx = entry->cx,
		.eax = (uint32_t)entry->ax,
	};
	struct guest_entry64 entry64 = {
		.code = code,
		.rdi = entry->di,
		.rdx = entry->dx,
		.rcx = entry->cx,
		.rax = entry->ax,
	};

	if (run->vm->long_mode)
		memcpy(at, &entry64, sizeof(entry64));
	else
		memcpy(at, &entry32, sizeof(entry32));
}

void stack_put_exit(struct run *run, uint32_t i)
{
	put_entry(run, i,
		  &(struct entry){ .code = GUEST_EXIT,
				   .di = stack_address(run),
				   .dx = GUEST_PORT });
}

static void put_command(struct run *run, const struct guest_command *command,
			struct entry *entry)
{
	struct guest_result *result = &run->page->results[run->nr];

	CHECK(run->nr < GUEST_COMMANDS_MAX);
	memset(result, 0, sizeof(*result));
	result->resume =
		stack_address(run) + (run->nr + 1) * stack_entry_size(run);
	entry->di = result_address(run, run->nr);
	put_entry(run, run->nr, entry);
	run->commands[run->nr++] = (struct guest_command *)command;
}

static void put_msr(struct run *run, const struct guest_command *command,
		    uint32_t msr, uint64_t value)
{
	struct entry entry = { .code = command->code,
			       .cx = msr,
			       .ax = (uint32_t)value,
			       .dx = (uint32_t)(value >> 32) };

	if (command->code == GUEST_EOI || command->code == GUEST_ICR)
		entry.code = GUEST_WRMSR;
	put_command(run, command, &entry);
}

/* IA32_APIC_BASE, which nothing changes unseen. */
static uint64_t apicbase_of(struct vm *vm, uint32_t i)
{
	struct vcpu *vcpu = vm->vcpus[i];
	struct kvm_sregs sregs;

	if (!vcpu->apicbase_known) {
		vcpu_ioctl(vm, i, KVM_GET_SREGS, &sregs);
		vcpu->apicbase = sregs.apic_base;
		vcpu->apicbase_known = true;
	}
	return vcpu->apicbase;
}

/* False: the APIC page is where the program cannot get at it. */
static bool find_page(struct run *run, uint64_t *out)
{
	*out = apicbase_of(run->vm, run->vcpu) & ~(PAGE - 1ull);
	return *out >= GUEST_MEMORY_END && *out != GUEST_RESET_PAGE &&
	       (run->vm->long_mode || *out <= UINT32_MAX);
}

/*
 * A write to the page of an APIC that has none now: KVM may have memory there,
 * which nothing puts back.
 */
static void note_write(struct run *run, uint64_t address)
{
	uint64_t apicbase = apicbase_of(run->vm, run->vcpu);

	run->vm->grown |= ((address ^ apicbase) & ~(PAGE - 1ull)) == 0 &&
			  apic_mode(apicbase) != APIC_MODE_XAPIC;
}

static void put_mmio(struct run *run, const struct guest_command *command,
		     enum guest_code code, uint64_t address, uint32_t value)
{
	if (code == GUEST_MMIO_WRITE)
		note_write(run, address);
	put_command(
		run, command,
		&(struct entry){ .code = code, .dx = address, .ax = value });
}

/* EOI and ICR, with whichever registers the mode has for them. */
static bool put_by_mode(struct run *run, const struct guest_command *command)
{
	enum apic_reg reg = command->code == GUEST_EOI ? APIC_REG_eoi :
							 APIC_REG_icr;
	uint64_t value = command->code == GUEST_EOI ? 0 : command->value;
	uint64_t page;

	if (apic_mode(apicbase_of(run->vm, run->vcpu)) == APIC_MODE_X2APIC) {
		put_msr(run, command, MSR_X2APIC_BASE + reg, value);
		return true;
	}
	if (!find_page(run, &page))
		return false;
	if (command->code == GUEST_ICR)
		put_mmio(run, NULL, GUEST_MMIO_WRITE,
			 page + APIC_REG_icr_high * 16,
			 (uint32_t)(value >> 32) << XAPIC_ID_SHIFT);
	put_mmio(run, command, GUEST_MMIO_WRITE, page + reg * 16,
		 (uint32_t)value);
	return true;
}

/* Which register, then its value. False: the APIC page is in the way. */
static bool put_ioapic(struct run *run, const struct guest_command *command)
{
	bool write = command->code == GUEST_IOAPIC_WRITE;
	uint64_t page = apicbase_of(run->vm, run->vcpu) & ~(PAGE - 1ull);

	if (page == IOAPIC_ADDRESS)
		return false;
	run->vm->chipset.touched = true;
	run->vm->chipset.written |= write;
	put_mmio(run, NULL, GUEST_MMIO_WRITE, IOAPIC_ADDRESS + IOAPIC_SELECT,
		 command->reg);
	put_mmio(run, command, write ? GUEST_MMIO_WRITE : GUEST_MMIO_READ,
		 IOAPIC_ADDRESS + IOAPIC_WINDOW, (uint32_t)command->value);
	return true;
}

/* False: impossible, so it is left out. */
static bool put(struct run *run, const struct guest_command *command)
{
	struct entry entry = { .code = command->code };
	uint64_t page;

	if (command->code == GUEST_EOI || command->code == GUEST_ICR)
		return put_by_mode(run, command);
	if (command->code == GUEST_IOAPIC_READ ||
	    command->code == GUEST_IOAPIC_WRITE)
		return put_ioapic(run, command);
	if (!guest_address(command->code, run->vm->long_mode))
		return false;
	switch (command->code) {
	case GUEST_MMIO_READ:
	case GUEST_MMIO_WRITE:
		if (!find_page(run, &page))
			return false;
		put_mmio(run, command, command->code, page + command->reg,
			 (uint32_t)command->value);
		return true;
	case GUEST_WRMSR:
		if (command->reg == MSR_IA32_APIC_BASE)
			run->vm->vcpus[run->vcpu]->apicbase_known = false;
		vcpu_expect_wrmsr(run->vm, run->vcpu, command->reg);
		put_msr(run, command, command->reg, command->value);
		return true;
	case GUEST_RDMSR:
		put_msr(run, command, command->reg, 0);
		return true;
	case GUEST_CPUID:
		entry.ax = command->reg;
		entry.cx = (uint32_t)command->value;
		break;
	case GUEST_CR0_WRITE:
		entry.ax = command->value;
		if (run->vm->long_mode)
			break;
		entry.cx = MSR_EFER;
		entry.dx = GUEST_PORT;
		break;
	case GUEST_CR0_READ:
	case GUEST_CR4_READ:
	case GUEST_CR4_WRITE:
	case GUEST_CR8_READ:
	case GUEST_CR8_WRITE:
		entry.ax = command->value;
		break;
	case GUEST_INTERRUPTS:
	case GUEST_STI_HLT:
		entry.dx = GUEST_PORT_NOTHING;
		break;
	case GUEST_HLT:
	case GUEST_EXIT:
	case GUEST_EOI:
	case GUEST_ICR:
	case GUEST_IOAPIC_READ:
	case GUEST_IOAPIC_WRITE:
		break;
	}
	put_command(run, command, &entry);
	return true;
}

static bool ends_interrupt(const struct guest_command *command)
{
	return command->code == GUEST_EOI ||
	       (command->code == GUEST_MMIO_WRITE &&
		command->reg == APIC_REG_eoi * 16) ||
	       (command->code == GUEST_WRMSR &&
		command->reg == MSR_X2APIC_BASE + APIC_REG_eoi);
}

/*
 * May the vCPU take an INIT, SIPI, NMI or SMI because of @command? By ICR, or by
 * an IOAPIC that sends what waits there. A SIPI does nothing, but where KVM has
 * not looked at it yet, it ends a HLT.
 */
static bool may_interrupt(const struct run *run,
			  const struct guest_command *command)
{
	bool full = run->vm->config.irqchip == IRQCHIP_FULL;
	uint32_t delivery = command->value >> ICR_DELIVERY_SHIFT &
			    ICR_DELIVERY_MASK;
	bool icr = command->code == GUEST_ICR ||
		   (command->code == GUEST_MMIO_WRITE &&
		    command->reg == APIC_REG_icr * 16) ||
		   (command->code == GUEST_WRMSR &&
		    command->reg == MSR_X2APIC_BASE + APIC_REG_icr);

	if (full &&
	    (command->code == GUEST_IOAPIC_WRITE || ends_interrupt(command)))
		return true;
	return icr && (delivery == DELIVERY_INIT || delivery == DELIVERY_NMI ||
		       delivery == DELIVERY_SMI || delivery == DELIVERY_SIPI);
}

static bool may_wait(const struct guest_command *command)
{
	return command->code == GUEST_HLT || command->code == GUEST_STI_HLT;
}

/*
 * Is it in a KVM_RUN of its own? After a write of CR0 the program starts again,
 * or has ended, where KVM takes what it should not; the stack is not known then.
 */
static bool is_alone(const struct guest_command *command)
{
	return command->code == GUEST_CR0_WRITE;
}

static bool is_last(const struct run *run, const struct guest_command *command)
{
	return may_interrupt(run, command) || may_wait(command) ||
	       is_alone(command);
}

/* Does @command depend on what one that is on the stack may have changed? */
static bool wants_apicbase(const struct run *run,
			   const struct guest_command *command)
{
	bool known = run->vm->vcpus[run->vcpu]->apicbase_known;

	return run->nr && !known &&
	       (command->code == GUEST_MMIO_READ ||
		command->code == GUEST_MMIO_WRITE ||
		command->code == GUEST_EOI || command->code == GUEST_ICR ||
		command->code == GUEST_IOAPIC_READ ||
		command->code == GUEST_IOAPIC_WRITE);
}

size_t stack_load(struct run *run, struct guest_command *commands, size_t nr)
{
	size_t i = 0;

	run->nr = 0;
	run->page->mark = 0;
	while (i < nr && run->nr + ENTRIES_MAX <= GUEST_COMMANDS_MAX &&
	       !wants_apicbase(run, &commands[i]) &&
	       !(run->nr && is_alone(&commands[i]))) {
		struct guest_command *command = &commands[i++];
		struct entry mark = {
			.code = GUEST_MMIO_WRITE,
			.dx = run->page_address +
			      offsetof(struct guest_page, mark),
			.ax = 1,
		};

		if (may_interrupt(run, command))
			put_command(run, NULL, &mark);
		if (!put(run, command)) {
			command->outcome = OUTCOME_IMPOSSIBLE;
			run->nr -= may_interrupt(run, command);
			/* Does the program start at all? */
			if (!run->nr)
				break;
		} else if (is_last(run, command)) {
			break;
		}
	}
	stack_put_exit(run, run->nr);
	return i;
}

void stack_take_result(struct run *run, uint32_t i)
{
	const struct guest_result *result = &run->page->results[i];
	struct guest_command *command = run->commands[i];
	bool window = command->code == GUEST_INTERRUPTS ||
		      command->code == GUEST_STI_HLT;

	memcpy(command->result, result->value, sizeof(command->result));
	command->outcome = OUTCOME_DONE;
	if (!result->trapped)
		return;
	if (window) {
		command->result[0] = result->trap[0];
		return;
	}
	command->outcome = OUTCOME_EXCEPTION;
	command->exception = result->trap[0];
	if (result->trap[0] < 32 && HAVE_ERROR_CODE >> result->trap[0] & 1)
		command->error_code = result->trap[1];
}
