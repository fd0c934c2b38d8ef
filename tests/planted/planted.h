/*
 * Planted faults: a library that is loaded before the C library's ioctl()
 * (LD_PRELOAD) and makes a correct KVM look broken in one way, the one that
 * KVMERRATA_FAULT names in faults.def. It changes what KVM does, not what
 * reading it says, so it shows however the state is read.
 *
 * KVMERRATA_FAULT=list prints the table, a fault a line, its columns parted by
 * tabs, and ends the process.
 */
#ifndef TESTS_PLANTED_PLANTED_H
#define TESTS_PLANTED_PLANTED_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

enum { MACHINE_CPUS = 512 };

struct machine;

/* A vCPU, known by its descriptor. */
struct cpu {
	struct machine *vm;
	int fd;
	uint32_t vcpu_id;
	uint32_t remembered_id; /* what fault id_stale brings back */
};

/* A VM, known by its descriptor. */
struct machine {
	int fd;
	uint32_t api_flags; /* of KVM_CAP_X2APIC_API */
	uint32_t nr_cpus;
	struct cpu cpus[MACHINE_CPUS]; /* in the order of their creation */
};

/* One ioctl. What the argument points to is a copy, free to change. */
struct call {
	int fd;
	unsigned long request;
	void *argument;
	struct machine *vm;
	struct cpu *cpu; /* NULL: of the VM */
};

/* The call as it now is, done: its result and errno. */
int call_pass(const struct call *call);
/* The result of a call that is not done, with errno @error. */
int call_refuse(int error);

/* The one MSR of a KVM_SET_MSRS; several come one by one. */
struct kvm_msr_entry *call_msr(const struct call *call);

/* The APIC page of @cpu. False: it cannot be read or written. */
bool cpu_read_page(const struct cpu *cpu, struct kvm_lapic_state *out);
bool cpu_write_page(const struct cpu *cpu, const struct kvm_lapic_state *page);
uint32_t page_get(const struct kvm_lapic_state *page, uint32_t slot);
void page_set(struct kvm_lapic_state *page, uint32_t slot, uint32_t value);
uint64_t cpu_apicbase(const struct cpu *cpu);

/* An ioctl of the fault's own: its result or -1, and errno is as before. */
#define quiet_ioctl(fd, request, argument) \
	do_quiet_ioctl(fd, request, (unsigned long)(argument))
int do_quiet_ioctl(int fd, unsigned long request, unsigned long argument);

/* A message from a device or by ICR. */
struct message {
	bool is_ipi;
	bool logical;
	bool hint;
	bool level;
	bool asserted;
	uint32_t dest;
	uint32_t shorthand;
	uint32_t delivery;
	uint32_t vector;
};

bool message_decode(struct message *out, const struct call *call);
/* Send @m in the place of what @call brought. */
int message_send(const struct call *call, const struct message *m);

/* machines.c: which descriptors are VMs and vCPUs. */
void machines_find(struct call *call);
void machines_note(const struct call *call, int result);

/* host.c: does the call never return? */
void host_may_hang(const struct call *call);

#define MESSAGE(name, subject, text) \
	int planted_##name(struct call *call, struct message *m);
#define CALL(name, request, subject, text) \
	int planted_##name(struct call *call);
#include "tests/planted/faults.def"

#endif
