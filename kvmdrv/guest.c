/* Letting vCPUs run the guest program. */
#include "kvmdrv/guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvmdrv/guest_stack.h"
#include "kvmdrv/state.h"
#include "scenario/check.h"

enum {
	PAGE = 0x1000,
	/* Longer than commands usually take; then again and again. */
	KICK_FIRST_NS = 200000,
	KICK_NS = 5000000,
	/* More exits than commands need: each may be an MMIO exit. */
	EXITS_MAX = 4 * GUEST_COMMANDS_MAX,
};

/* That it comes is all: KVM_RUN ends with EINTR. */
static void on_signal(int number)
{
	(void)number;
}

int guest_host_start(struct guest_host *out)
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

void guest_host_end(struct guest_host *host)
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

/* KVM has one more address space for SMM where it has SMM. */
static void put_memory(struct vm *vm)
{
	int spaces = ioctl(vm->drv->fd, KVM_CHECK_EXTENSION,
			   KVM_CAP_MULTI_ADDRESS_SPACE);

	for (uint32_t i = 0; i == 0 || (int)i < spaces; i++) {
		add_slot(vm, i << 16, 0, vm->memory, GUEST_MEMORY_END);
		add_slot(vm, i << 16 | 1, GUEST_RESET_PAGE, vm->memory, PAGE);
	}
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
	put_memory(vm);
}

void guest_take_memory(struct vm *to, struct vm *from)
{
	to->memory = from->memory;
	from->memory = NULL;
	put_memory(to);
}

void guest_free(struct vm *vm)
{
	if (vm->memory)
		munmap(vm->memory, GUEST_MEMORY_END);
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
	run->was_reset |= run->page->mark;
	/* What was on the stack may be used up, or an NMI's frame is there. */
	if (run->page->mark || !run->nr)
		stack_put_exit(run, 0);
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
	/* Of a level-triggered message: an IOAPIC of ours might have sent it. */
	case KVM_EXIT_IOAPIC_EOI:
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

/*
 * KVM_RUN ended without an exit; false: the run is over. A signal may have come
 * just as the guest executed a HLT. Whether that is to last KVM looks at first
 * thing in the next KVM_RUN.
 */
static bool handle_error(struct run *run, int error)
{
	bool was_halted = run->mp_state == KVM_MP_STATE_HALTED;

	if (error != EINTR && error != EAGAIN)
		return end_by(run, OUTCOME_OTHER_EXIT);
	run->mp_state = read_mp_state(run->vm, run->vcpu);
	if (run->mp_state == KVM_MP_STATE_HALTED && !was_halted) {
		kick_after(run, KICK_FIRST_NS, KICK_NS);
		return true;
	}
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
	if (!offset || offset > (uint64_t)run->nr * stack_entry_size(run))
		return 0;
	return (uint32_t)((offset - 1) / stack_entry_size(run));
}

/* False: nothing runs after these. */
static bool take_results(struct run *run)
{
	uint32_t past = commands_past(run);

	for (uint32_t i = 0; i < past; i++)
		if (run->commands[i])
			stack_take_result(run, i);
	if (past == run->nr)
		return run->end == OUTCOME_DONE;
	while (!run->commands[past])
		past++;
	run->vm->vcpus[run->vcpu]->halted =
		run->waits && run->mp_state == KVM_MP_STATE_HALTED;
	if (run->end != OUTCOME_DONE)
		run->commands[past]->outcome = run->end;
	else if (run->waits && run->mp_state == KVM_MP_STATE_HALTED)
		run->commands[past]->outcome = OUTCOME_HALTED;
	else if (run->end == OUTCOME_DONE)
		run->commands[past]->outcome = OUTCOME_RESET;
	return run->was_reset && run->end == OUTCOME_DONE;
}

/*
 * The last command may have sent the vCPU an INIT, NMI or SMI. Where KVM
 * emulates the guest it looks for those only as it enters the guest again.
 */
static void take_events(struct run *run)
{
	run->mp_state = read_mp_state(run->vm, run->vcpu);
	run->waits = run->mp_state != KVM_MP_STATE_RUNNABLE;
	if (run->waits)
		return;
	stack_put_exit(run, 0);
	run_on(run);
}

/*
 * A halted vCPU that an event wakes up is in the middle of its stack, where
 * only exits are then. False: nothing wakes it up.
 */
static bool wake_up(struct run *run)
{
	for (uint32_t i = 0; i <= GUEST_COMMANDS_MAX; i++)
		stack_put_exit(run, i);
	run->nr = 0;
	run->page->mark = 0;
	run_on(run);
	run->mp_state = KVM_MP_STATE_RUNNABLE;
	return is_through(run);
}

static bool can_run(struct run *run)
{
	struct vcpu *vcpu = run->vm->vcpus[run->vcpu];

	run->mp_state = read_mp_state(run->vm, run->vcpu);
	/* In CPUID there is no long mode. */
	if (run->vm->long_mode && run->vm->config.cpuid == CPUID_NONE) {
		run->impossible = run->mp_state == KVM_MP_STATE_RUNNABLE;
		return false;
	}
	if (vcpu->guest_ended || (run->mp_state != KVM_MP_STATE_RUNNABLE &&
				  run->mp_state != KVM_MP_STATE_HALTED))
		return false;
	run->excepted = vcpu->exception_may_wait &&
			vcpu_exception_waits(run->vm, run->vcpu);
	if (run->excepted)
		return false;
	give_memory(run->vm);
	vcpu_map_run(run->vm, run->vcpu);
	vcpu->has_run = true;
	run->page_address = guest_page_address(run->vcpu);
	run->page = (struct guest_page *)(run->vm->memory + run->page_address);
	if (run->mp_state == KVM_MP_STATE_HALTED || vcpu->halted)
		vcpu->halted = !wake_up(run);
	return !vcpu->halted;
}

/* After the command that ended the guest, none was even tried. */
static void leave_out(const struct run *run, struct guest_command *commands,
		      size_t nr)
{
	bool ended = !run->nr;

	if (!run->nr)
		commands[0].outcome = run->end;
	for (size_t i = !run->nr; i < nr; i++) {
		if (ended)
			commands[i].outcome = OUTCOME_NOT_RUN;
		ended |= commands[i].outcome == run->end;
	}
}

void guest_run(struct vm *vm, uint32_t vcpu, struct guest_command *commands,
	       size_t nr)
{
	struct run run = { .vm = vm, .vcpu = vcpu };
	bool more = can_run(&run);

	for (size_t i = 0; i < nr; i++) {
		commands[i].outcome = run.excepted   ? OUTCOME_EXCEPTION_WAITS :
				      run.impossible ? OUTCOME_IMPOSSIBLE :
						       OUTCOME_NOT_RUN;
		commands[i].exception = 0;
		commands[i].error_code = 0;
		memset(commands[i].result, 0, sizeof(commands[i].result));
	}
	/* A HLT that it was to go on after. */
	if (nr && !more && run.end != OUTCOME_DONE)
		commands[0].outcome = run.end;
	while (more && nr) {
		size_t loaded = stack_load(&run, commands, nr);

		run_on(&run);
		if (run.page->mark && is_through(&run))
			take_events(&run);
		more = take_results(&run);
		if (run.end != OUTCOME_DONE)
			leave_out(&run, commands, loaded);
		commands += loaded;
		nr -= loaded;
	}
	vm->vcpus[vcpu]->guest_ended |= run.end != OUTCOME_DONE;
	vm->grown |= run.end != OUTCOME_DONE;
}
