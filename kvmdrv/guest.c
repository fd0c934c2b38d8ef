/* Letting vCPUs run the guest program. */
#include "kvmdrv/guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvmdrv/vm.h"
#include "scenario/check.h"
#include "scenario/x86.h"

enum {
	PAGE = 0x1000,
	/* Longer than commands usually take; then again and again. */
	KICK_FIRST_NS = 200000,
	KICK_NS = 5000000,
	/* More exits than commands need: each may be an MMIO exit. */
	EXITS_MAX = 4 * GUEST_COMMANDS_MAX,
};

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP and two more push an error code. */
#define HAVE_ERROR_CODE 0x60227d00u

/* That it comes is all: KVM_RUN ends with EINTR. */
static void on_signal(int number)
{
	(void)number;
}

int guest_start(struct guest_host *out)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN + GUEST_SIGNAL_OFFSET,
		._sigev_un._tid = (pid_t)syscall(SYS_gettid),
	};

	out->memory = guest_memory_make();
	if (out->memory < 0)
		return out->memory;
	if (sigaction(event.sigev_signo, &action, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &out->timer) != 0) {
		close(out->memory);
		return -errno;
	}
	return 0;
}

void guest_end(struct guest_host *host)
{
	timer_delete(host->timer);
	close(host->memory);
}

static void add_slot(struct vm *vm, uint32_t slot, uint64_t at, void *memory,
		     uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* What no guest writes to is shared by all VMs. */
static void give_memory(struct vm *vm)
{
	if (vm->memory)
		return;
	vm->memory = mmap(NULL, GUEST_MEMORY_END, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE, vm->drv->guest.memory, 0);
	if (vm->memory == MAP_FAILED)
		must_succeed(-1, "mmap of guest memory");
	add_slot(vm, 0, 0, vm->memory, GUEST_MEMORY_END);
	add_slot(vm, 1, GUEST_RESET_PAGE, vm->memory, PAGE);
}

void guest_free(struct vm *vm)
{
	if (vm->memory)
		munmap(vm->memory, GUEST_MEMORY_END);
}

/* Commands of a vCPU that are on its stack, to run in one KVM_RUN. */
struct run {
	struct vm *vm;
	uint32_t vcpu;
	struct guest_page *page;
	uint32_t page_address; /* in the guest */
	uint32_t nr;
	struct guest_command *commands[GUEST_COMMANDS_MAX]; /* NULL: a mark */
	uint32_t mp_state;
	enum outcome end; /* OUTCOME_DONE: the program has no more to do */
	bool waits;	  /* it does not run any more, as mp_state says */
	bool was_reset;	  /* by the last command */
	uint32_t exits;
	struct timespec until;
};

/* What a command pops, and which it is. */
struct entry {
	enum guest_code code;
	uint32_t di, cx;
	uint64_t dx, ax;
};

static uint32_t stack_address(const struct run *run)
{
	return run->page_address + (uint32_t)offsetof(struct guest_page, stack);
}

static uint32_t result_address(const struct run *run, uint32_t i)
{
	return run->page_address +
	       (uint32_t)(offsetof(struct guest_page, results) +
			  i * sizeof(struct guest_result));
}

/* The size of an entry of the stack: a command's code, and what it pops. */
static uint32_t entry_size(const struct run *run)
{
	return run->vm->long_mode ? sizeof(struct guest_entry64) :
				    sizeof(struct guest_entry32);
}

static void put_entry(struct run *run, uint32_t i, const struct entry *entry)
{
	uint8_t *at = run->page->stack + i * entry_size(run);
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

static void put_exit(struct run *run, uint32_t i)
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
	result->resume = stack_address(run) + (run->nr + 1) * entry_size(run);
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

	if (command->code == GUEST_EOI)
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
static bool put_mmio(struct run *run, const struct guest_command *command,
		     uint32_t reg)
{
	uint64_t page = apicbase_of(run->vm, run->vcpu) & ~(PAGE - 1ull);
	bool reachable = run->vm->long_mode || page <= UINT32_MAX;
	struct entry entry = { .code = command->code,
			       .dx = page + reg,
			       .ax = command->value };

	if (!reachable || page < GUEST_MEMORY_END || page == GUEST_RESET_PAGE)
		return false;
	if (command->code == GUEST_EOI)
		entry.code = GUEST_MMIO_WRITE;
	put_command(run, command, &entry);
	return true;
}

/* False: impossible, so it is left out. */
static bool put(struct run *run, const struct guest_command *command)
{
	struct entry entry = { .code = command->code };
	uint64_t apicbase;

	if (command->code != GUEST_EOI &&
	    !guest_address(command->code, run->vm->long_mode))
		return false;
	switch (command->code) {
	case GUEST_MMIO_READ:
	case GUEST_MMIO_WRITE:
		return put_mmio(run, command, command->reg);
	case GUEST_EOI:
		apicbase = apicbase_of(run->vm, run->vcpu);
		if (apic_mode(apicbase) != APIC_MODE_X2APIC)
			return put_mmio(run, command, APIC_REG_eoi << 4);
		put_msr(run, command, MSR_X2APIC_BASE + APIC_REG_eoi, 0);
		return true;
	case GUEST_WRMSR:
		if (command->reg == MSR_IA32_APIC_BASE)
			run->vm->vcpus[run->vcpu]->apicbase_known = false;
		put_msr(run, command, command->reg, command->value);
		return true;
	case GUEST_RDMSR:
		put_msr(run, command, command->reg, 0);
		return true;
	case GUEST_CPUID:
		entry.ax = command->reg;
		entry.cx = (uint32_t)command->value;
		break;
	case GUEST_CR0_READ:
	case GUEST_CR0_WRITE:
	case GUEST_CR4_READ:
	case GUEST_CR4_WRITE:
	case GUEST_CR8_READ:
	case GUEST_CR8_WRITE:
		entry.ax = command->value;
		break;
	case GUEST_INTERRUPTS:
		entry.dx = GUEST_PORT_NOTHING;
		break;
	case GUEST_HLT:
	case GUEST_STI_HLT:
	case GUEST_EXIT:
		break;
	}
	put_command(run, command, &entry);
	return true;
}

/* May the vCPU take an INIT because of @command? */
static bool may_reset(const struct guest_command *command)
{
	bool icr = (command->code == GUEST_MMIO_WRITE &&
		    command->reg == APIC_REG_icr << 4) ||
		   (command->code == GUEST_WRMSR &&
		    command->reg == MSR_X2APIC_BASE + APIC_REG_icr);

	return icr && (command->value >> ICR_DELIVERY_SHIFT &
		       ICR_DELIVERY_MASK) == DELIVERY_INIT;
}

static bool may_wait(const struct guest_command *command)
{
	return command->code == GUEST_HLT || command->code == GUEST_STI_HLT ||
	       may_reset(command);
}

/* Does @command depend on what one that is on the stack may have changed? */
static bool wants_apicbase(const struct run *run,
			   const struct guest_command *command)
{
	bool known = run->vm->vcpus[run->vcpu]->apicbase_known;

	return run->nr && !known &&
	       (command->code == GUEST_MMIO_READ ||
		command->code == GUEST_MMIO_WRITE ||
		command->code == GUEST_EOI);
}

/*
 * The first of @commands, as many as can be run in one go: how many. One that
 * may leave the vCPU waiting or reset is the last, with a mark before it.
 */
static size_t load(struct run *run, struct guest_command *commands, size_t nr)
{
	size_t i = 0;

	run->nr = 0;
	run->page->mark = 0;
	while (i < nr && run->nr + 2 <= GUEST_COMMANDS_MAX &&
	       !wants_apicbase(run, &commands[i])) {
		struct guest_command *command = &commands[i++];
		struct entry mark = {
			.code = GUEST_MMIO_WRITE,
			.dx = run->page_address +
			      offsetof(struct guest_page, mark),
			.ax = 1,
		};

		if (may_reset(command))
			put_command(run, NULL, &mark);
		if (!put(run, command))
			command->outcome = OUTCOME_IMPOSSIBLE;
		else if (may_wait(command))
			break;
	}
	put_exit(run, run->nr);
	return i;
}

static void kick_after(const struct run *run, long first_ns, long again_ns)
{
	struct itimerspec when = { .it_value.tv_nsec = first_ns,
				   .it_interval.tv_nsec = again_ns };

	if (timer_settime(run->vm->drv->guest.timer, 0, &when, NULL) != 0)
		must_succeed(-1, "timer_settime");
}

static bool patience_is_over(const struct run *run)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > run->until.tv_sec ||
	       (now.tv_sec == run->until.tv_sec &&
		now.tv_nsec > run->until.tv_nsec);
}

/*
 * The program asks for its stack, as the vCPU starts: before the commands, or
 * after the last, which reset it. False: the run is over.
 */
static bool handle_port(struct run *run, struct kvm_run *exit)
{
	uint32_t *value = (uint32_t *)((uint8_t *)exit + exit->io.data_offset);

	if (exit->io.port == GUEST_PORT_NOTHING)
		return true;
	if (exit->io.port != GUEST_PORT || exit->io.size != sizeof(*value)) {
		run->end = OUTCOME_OTHER_EXIT;
		return false;
	}
	if (exit->io.direction == KVM_EXIT_IO_OUT)
		return false;
	if (run->page->mark) {
		run->was_reset = true;
		put_exit(run, 0);
	}
	*value = stack_address(run) |
		 (run->vm->long_mode ? GUEST_LONG_MODE : 0);
	return true;
}

static bool end_by(struct run *run, enum outcome outcome)
{
	run->end = outcome;
	return false;
}

/* An exit to user space; false: the run is over. */
static bool handle_exit(struct run *run, struct kvm_run *exit)
{
	if (run->exits++ >= EXITS_MAX)
		return end_by(run, OUTCOME_HANGS);
	switch (exit->exit_reason) {
	case KVM_EXIT_IO:
		return handle_port(run, exit);
	case KVM_EXIT_MMIO:
		/* Nothing is there: what is read has all bits set. */
		if (!exit->mmio.is_write)
			memset(exit->mmio.data, 0xff, sizeof(exit->mmio.data));
		return true;
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_SHUTDOWN:
		return end_by(run, OUTCOME_SHUTDOWN);
	case KVM_EXIT_INTERNAL_ERROR:
		return end_by(run, OUTCOME_INTERNAL_ERROR);
	case KVM_EXIT_FAIL_ENTRY:
		return end_by(run, OUTCOME_FAIL_ENTRY);
	}
	return end_by(run, OUTCOME_OTHER_EXIT);
}

static uint32_t read_mp_state(struct vm *vm, uint32_t vcpu)
{
	struct kvm_mp_state mp_state;

	vcpu_ioctl(vm, vcpu, KVM_GET_MP_STATE, &mp_state);
	return mp_state.mp_state;
}

/* KVM_RUN ended without an exit; false: the run is over. */
static bool handle_error(struct run *run, int error)
{
	if (error != EINTR && error != EAGAIN)
		return end_by(run, OUTCOME_OTHER_EXIT);
	run->mp_state = read_mp_state(run->vm, run->vcpu);
	run->waits = run->mp_state != KVM_MP_STATE_RUNNABLE;
	if (run->waits)
		return false;
	if (patience_is_over(run))
		return end_by(run, OUTCOME_HANGS);
	return true;
}

/* Let it run until the program has no more to do, or cannot. */
static void run_on(struct run *run)
{
	struct vcpu *vcpu = run->vm->vcpus[run->vcpu];
	struct record *record = run->vm->record;
	bool more = true;

	run->end = OUTCOME_DONE;
	run->waits = false;
	run->was_reset = false;
	run->exits = 0;
	clock_gettime(CLOCK_MONOTONIC, &run->until);
	run->until.tv_sec += GUEST_PATIENCE_S;
	vcpu->run->immediate_exit = 0;
	vcpu->run->kvm_valid_regs = 0;
	kick_after(run, KICK_FIRST_NS, KICK_NS);
	while (more) {
		int result;

		if (record)
			record_add(record, vcpu->fd, KVM_RUN, 0);
		result = ioctl(vcpu->fd, KVM_RUN, 0);
		more = result < 0 ? handle_error(run, errno) :
				    handle_exit(run, vcpu->run);
	}
	kick_after(run, 0, 0);
}

/* Is the program through with its commands, and did none reset the vCPU? */
static bool is_through(const struct run *run)
{
	return run->end == OUTCOME_DONE && !run->waits && !run->was_reset;
}

/* What the program noted of a command that it got past. */
static void take_result(struct run *run, uint32_t i)
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

/*
 * How many commands are past, where something ended the guest: the next one is
 * blamed. Where its stack is not known any more it is the first.
 */
static uint32_t commands_past(struct run *run)
{
	struct kvm_regs regs;
	uint64_t offset;

	if (run->end == OUTCOME_DONE)
		return run->was_reset || run->waits ? run->nr - 1 : run->nr;
	vcpu_ioctl(run->vm, run->vcpu, KVM_GET_REGS, &regs);
	offset = regs.rsp - stack_address(run);
	if (!offset || offset > (uint64_t)run->nr * entry_size(run))
		return 0;
	return (uint32_t)((offset - 1) / entry_size(run));
}

/* False: nothing runs after these. */
static bool take_results(struct run *run)
{
	uint32_t past = commands_past(run);

	for (uint32_t i = 0; i < past; i++)
		if (run->commands[i])
			take_result(run, i);
	if (past == run->nr)
		return true;
	if (run->end != OUTCOME_DONE && run->commands[past])
		run->commands[past]->outcome = run->end;
	else if (run->waits && run->mp_state == KVM_MP_STATE_HALTED)
		run->commands[past]->outcome = OUTCOME_HALTED;
	else if (run->end == OUTCOME_DONE)
		run->commands[past]->outcome = OUTCOME_RESET;
	return run->was_reset && run->end == OUTCOME_DONE;
}

/*
 * A command that may have reset the vCPU is past. Where KVM emulates the guest
 * it does not look for an INIT before it enters the guest again.
 */
static void take_init(struct run *run)
{
	run->mp_state = read_mp_state(run->vm, run->vcpu);
	run->waits = run->mp_state != KVM_MP_STATE_RUNNABLE;
	if (run->waits)
		return;
	put_exit(run, 0);
	run_on(run);
}

/*
 * A halted vCPU that an event wakes up is in the middle of its stack, where
 * only exits are then. False: nothing wakes it up.
 */
static bool wake_up(struct run *run)
{
	for (uint32_t i = 0; i <= GUEST_COMMANDS_MAX; i++)
		put_exit(run, i);
	run->nr = 0;
	run_on(run);
	return is_through(run);
}

static bool can_run(struct run *run)
{
	struct vcpu *vcpu = run->vm->vcpus[run->vcpu];

	run->mp_state = read_mp_state(run->vm, run->vcpu);
	if (vcpu->guest_ended || (run->mp_state != KVM_MP_STATE_RUNNABLE &&
				  run->mp_state != KVM_MP_STATE_HALTED))
		return false;
	give_memory(run->vm);
	vcpu_map_run(run->vm, run->vcpu);
	vcpu->has_run = true;
	run->page_address = GUEST_PAGES + run->vcpu * PAGE;
	run->page = (struct guest_page *)(run->vm->memory + run->page_address);
	return run->mp_state == KVM_MP_STATE_RUNNABLE || wake_up(run);
}

void guest_run(struct vm *vm, uint32_t vcpu, struct guest_command *commands,
	       size_t nr)
{
	struct run run = { .vm = vm, .vcpu = vcpu };
	bool more = can_run(&run);

	for (size_t i = 0; i < nr; i++) {
		commands[i].outcome = OUTCOME_NOT_RUN;
		commands[i].exception = 0;
		commands[i].error_code = 0;
		memset(commands[i].result, 0, sizeof(commands[i].result));
	}
	while (more && nr) {
		size_t loaded = load(&run, commands, nr);

		if (run.nr) {
			run_on(&run);
			if (run.page->mark && is_through(&run))
				take_init(&run);
			more = take_results(&run);
		}
		commands += loaded;
		nr -= loaded;
	}
	vm->vcpus[vcpu]->guest_ended |= run.end != OUTCOME_DONE;
	vm->grown |= run.end != OUTCOME_DONE;
}
