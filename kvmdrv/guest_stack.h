/*
 * Private to the guest's code: commands as they lie on the stack of a vCPU, and
 * what is known of the KVM_RUN that is to run them.
 */
#ifndef KVMDRV_GUEST_STACK_H
#define KVMDRV_GUEST_STACK_H

#include "kvmdrv/vm.h"

/* Commands of a vCPU that are on its stack, to run in one KVM_RUN. */
struct run {
	struct vm *vm;
	uint32_t vcpu;
	struct guest_page *page;
	uint32_t page_address; /* in the guest */
	uint32_t nr;
	struct guest_command *commands[GUEST_COMMANDS_MAX]; /* NULL: a mark */
	uint32_t mp_state; /* as it was read last */
	enum outcome end;  /* OUTCOME_DONE: the program has no more to do */
	bool waits;	   /* it does not run any more, as mp_state says */
	bool was_reset;	   /* by the last command */
	bool excepted;	   /* an exception waits that none of them caused */
	bool impossible;   /* it cannot be in the mode that is wanted */
	uint32_t exits;
	struct timespec until;
};

/* Where in the guest the stack is. */
uint32_t stack_address(const struct run *run);
/* The size of its entries: a command's code, and what it pops. */
uint32_t stack_entry_size(const struct run *run);

/* Make entry @i the one where the program has no more to do. */
void stack_put_exit(struct run *run, uint32_t i);

/*
 * The first of @commands, as many as can be run in one go: how many. One that
 * may leave the vCPU waiting or reset is the last.
 */
size_t stack_load(struct run *run, struct guest_command *commands, size_t nr);

/* What the program noted of the command at entry @i, which it got past. */
void stack_take_result(struct run *run, uint32_t i);

#endif
