/* Looking at the x87's pointers, and at the CPUID bits about them. */
#include "kvmdrv/probe_x87.h"

#include <cpuid.h>
#include <string.h>

#include "kvmdrv/probe_cpuid.h"
#include "kvmdrv/probe_guest.h"
#include "kvmdrv/vm.h"

/* What the code leaves in memory. */
struct probe_x87_run {
	struct {
		uint32_t fcw, fsw, ftw, fip;
		uint32_t fcs; /* with an opcode above */
		uint32_t fdp;
		uint32_t fds;
		uint32_t unused;
	} environment;
	uint64_t operand; /* where it is */
	uint32_t leaf7_ebx;
};

extern const uint8_t probe_x87_code_end[];
void probe_x87_code(struct probe_x87_run *run, uint64_t natively);

/*
 * Whoever switches the x87 between two instructions may lose what is looked
 * for, so what is seen once counts.
 */
enum { RUNS = 3, LEAF = 7 };

static void add_run(struct x87_does *does, const struct probe_x87_run *run)
{
	does->fdp_updated |= run->environment.fdp == (uint32_t)run->operand;
	does->fcs_kept |= (run->environment.fcs & 0xffff) != 0;
	does->fds_kept |= (run->environment.fds & 0xffff) != 0;
}

static void look_natively(struct x87_does *out)
{
	struct probe_x87_run run = { 0 };

	*out = (struct x87_does){ 0 };
	for (int i = 0; i < RUNS; i++) {
		probe_x87_code(&run, 1);
		add_run(out, &run);
	}
}

/* The bits in the CPUID of the CPU that this runs on. */
static uint32_t host_bits(void)
{
	uint32_t eax, ebx = 0, ecx, edx;

	__get_cpuid_count(LEAF, 0, &eax, &ebx, &ecx, &edx);
	return ebx & X87_BITS;
}

static bool run_in_ring3(struct x87_guest *out, struct probe_guest *guest)
{
	const struct probe_code code = {
		.begin = (const uint8_t *)probe_x87_code,
		.end = probe_x87_code_end
	};
	struct probe_x87_run run;

	for (int i = 0; i < RUNS; i++) {
		if (!probe_guest_run(guest, &out->ended, &code))
			return false;
		memcpy(&run, guest->data, sizeof(run));
		add_run(&out->does, &run);
	}
	out->ring3 = run.leaf7_ebx & X87_BITS;
	return true;
}

/* Ring 0's CPUID, by the guest program. */
static bool run_in_ring0(struct x87_guest *out, struct kvmdrv *drv,
			 const union probe_cpuid *cpuid)
{
	struct guest_command command = { .code = GUEST_CPUID, .reg = LEAF };
	struct vm *vm = probe_vm_make(drv, cpuid, &out->error);

	if (!out->error && probe_vm_command(&out->ended, vm, &command))
		out->ring0 = command.result[1] & X87_BITS;
	vm_destroy(vm, drv);
	return !out->error && !out->ended.why[0];
}

/* A guest with @wanted of the bits in its CPUID. */
static void look_in_guest(struct x87_guest *out, struct kvmdrv *drv,
			  uint32_t wanted)
{
	static union probe_cpuid cpuid;
	struct kvm_cpuid_entry2 *leaf;
	struct probe_guest guest;

	*out = (struct x87_guest){ .wanted = wanted };
	leaf = probe_cpuid_supported(&cpuid, drv) == 0 ?
		       probe_cpuid_leaf(&cpuid, LEAF) :
		       NULL;
	if (!leaf) {
		probe_say(&out->ended, PROBE_UNDETERMINED,
			  "KVM_GET_SUPPORTED_CPUID has no leaf 7");
		return;
	}
	leaf->ebx = (leaf->ebx & ~X87_BITS) | wanted;
	if (!run_in_ring0(out, drv, &cpuid))
		return;
	if (probe_guest_open(&guest, &out->ended, drv,
			     sizeof(struct probe_x87_run))) {
		out->error = -probe_cpuid_set(guest.vcpu, &cpuid);
		if (!out->error)
			run_in_ring3(out, &guest);
	}
	probe_guest_close(&guest);
}

void probe_x87_bits_inverted(struct probe_found *out, struct kvmdrv *drv)
{
	struct x87_does does;

	(void)drv;
	look_natively(&does);
	x87_decide_inverted(out, host_bits(), &does);
}

void probe_x87_bits_reported(struct probe_found *out, struct kvmdrv *drv)
{
	static union probe_cpuid cpuid;
	const struct kvm_cpuid_entry2 *leaf;

	if (probe_cpuid_supported(&cpuid, drv) != 0) {
		probe_say(out, PROBE_UNDETERMINED,
			  "KVM_GET_SUPPORTED_CPUID fails");
		return;
	}
	leaf = probe_cpuid_leaf(&cpuid, LEAF);
	x87_decide_reported(out, host_bits(), leaf ? leaf->ebx & X87_BITS : 0);
}

void probe_x87_bits_no_effect(struct probe_found *out, struct kvmdrv *drv)
{
	struct x87_guest clear, set;

	look_in_guest(&clear, drv, 0);
	look_in_guest(&set, drv, X87_BITS);
	x87_decide_no_effect(out, &clear, &set);
}

void probe_x87_fdp_of_hardware(struct probe_found *out, struct kvmdrv *drv)
{
	struct x87_guest clear;

	look_in_guest(&clear, drv, 0);
	x87_decide_of_hardware(out, X87_FDP_EXCPTN_ONLY, host_bits(), &clear);
}

void probe_x87_fcs_fds_of_hardware(struct probe_found *out, struct kvmdrv *drv)
{
	struct x87_guest clear;

	look_in_guest(&clear, drv, 0);
	x87_decide_of_hardware(out, X87_ZERO_FCS_FDS, host_bits(), &clear);
}

void probe_x87_workaround(struct probe_found *out, struct kvmdrv *drv)
{
	struct x87_guest set;

	look_in_guest(&set, drv, X87_BITS);
	x87_decide_workaround(out, &set);
}
