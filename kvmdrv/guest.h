/*
 * Private to kvmdrv/: vCPUs that run. A fixed program in the guest's memory
 * takes a list of commands and notes what came of each (kvmdrv/guest.S), so
 * that many instructions cost one KVM_RUN. Whatever happens to the guest is
 * data, and takes a bounded time.
 */
#ifndef KVMDRV_GUEST_H
#define KVMDRV_GUEST_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "kvmdrv/guest_abi.h"
#include "scenario/observation.h"

struct vm;

/* What all VMs of a driver share: the program, and what ends a long KVM_RUN. */
struct guest_host {
	int memory; /* a file that each VM has a copy of its own of */
	timer_t timer;
};

enum { GUEST_SIGNAL_OFFSET = 3 }; /* from SIGRTMIN: the timer's signal */

/*
 * 0 or -errno. The signal goes to the thread that calls this, so only that one
 * can run guests.
 */
int guest_host_start(struct guest_host *out);
void guest_host_end(struct guest_host *host);

/* A guest that does not come to the end of its commands by then hangs. */
enum { GUEST_PATIENCE_S = 2 };

enum guest_code {
#define COMMAND(ID, name) GUEST_##ID,
#define COMMAND64(ID, name) GUEST_##ID,
#include "kvmdrv/guest_commands.def"
	/* In the way of the APIC's mode: */
	GUEST_EOI,
	GUEST_ICR, /* `value` as x2APIC's, 64 bits */
	/* Of the IOAPIC, register `reg`: */
	GUEST_IOAPIC_READ,
	GUEST_IOAPIC_WRITE,
};

struct guest_command {
	enum guest_code code;
	uint32_t reg;
	uint64_t value;
	/* Out: what became of it, */
	enum outcome outcome;
	uint32_t exception;  /* the vector of OUTCOME_EXCEPTION, */
	uint32_t error_code; /* and its error code if it has one, */
	uint32_t result[4];  /* and else what was read, its low half first. */
};

/*
 * Let @vcpu run @commands, which follow one another, in as few KVM_RUNs as it
 * takes. Before, the vCPU takes whatever INIT, SIPI, NMI and SMI wait for it.
 * Where it is not runnable, or ceases to be, what is left does not run. A VM
 * whose guest ended badly must not be used again: vm->grown says so.
 */
void guest_run(struct vm *vm, uint32_t vcpu, struct guest_command *commands,
	       size_t nr);

/* kvmdrv/state.c: finish what its last exit left to be done. */
void vcpu_settle(struct vm *vm, uint32_t vcpu);

/* kvmdrv/guest_ops.c */

/* The command that does @op; false: it is not one that a guest does. */
bool guest_command_of(struct guest_command *out, const struct op *op);
/* What became of @op, which @command did. */
struct answer guest_answer(const struct guest_command *command,
			   const struct op *op);

/* kvmdrv/guest_memory.c */

/* A file with the memory of a new guest, or -errno. */
int guest_memory_make(void);
/* Where in the guest @code is; 0: there is none in that mode. */
uint32_t guest_address(enum guest_code code, bool long_mode);

/* The guest memory of @from, which runs no more, is that of @to. */
void guest_take_memory(struct vm *to, struct vm *from);

/* Where it starts again, in long or in protected mode. */
uint32_t guest_restart_address(bool long_mode);

/* Give back the guest memory of @vm, if it has any. */
void guest_free(struct vm *vm);

#endif
