/* The state of vCPUs: reading it, and putting it back as it was. */
#include "kvmdrv/state.h"

#include <string.h>
#include <sys/mman.h>

#include "scenario/x86.h"

static void take_page(struct vcpu_state *out, const struct kvm_lapic_state *in)
{
	for (size_t slot = 0; slot < APIC_REGS; slot++)
		memcpy(&out->apic[slot], in->regs + 16 * slot,
		       sizeof(out->apic[slot]));
}

static void take_events(struct vcpu_state *out,
			const struct kvm_vcpu_events *in)
{
	out->nmi_pending = in->nmi.pending;
	out->smi_pending =
		in->flags & KVM_VCPUEVENT_VALID_SMM ? in->smi.pending : 0;
}

static void take_sregs(struct vcpu_state *out, const struct kvm_sregs *in)
{
	out->apicbase = in->apic_base;
	out->cr0 = in->cr0;
	out->cr4 = in->cr4;
	out->efer = in->efer;
	out->cs_selector = in->cs.selector;
}

static void run_and_return(const struct vm *vm, const struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	if (vm->record)
		record_add(vm->record, vcpu->fd, KVM_RUN, 0);
	/* EINTR is its answer, so it is not to be repeated. */
	if (ioctl(vcpu->fd, KVM_RUN, 0) != -1)
		must_succeed(-1, "KVM_RUN with immediate_exit");
}

void vcpu_settle(struct vm *vm, uint32_t vcpu)
{
	vcpu_map_run(vm, vcpu);
	vm->vcpus[vcpu]->run->kvm_valid_regs = 0;
	run_and_return(vm, vm->vcpus[vcpu]);
}

/*
 * Two calls in one: a KVM_RUN that ends at once, before the guest or any event
 * for it, still leaves what is asked for in struct kvm_run.
 */
static void read_by_run(const struct vm *vm, const struct vcpu *vcpu,
			struct vcpu_state *out)
{
	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	run_and_return(vm, vcpu);
	take_events(out, &vcpu->run->s.regs.events);
	take_sregs(out, &vcpu->run->s.regs.sregs);
}

static void read_by_calls(struct vm *vm, uint32_t vcpu, struct vcpu_state *out)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	vcpu_ioctl(vm, vcpu, KVM_GET_VCPU_EVENTS, &events);
	vcpu_ioctl(vm, vcpu, KVM_GET_SREGS, &sregs);
	take_events(out, &events);
	take_sregs(out, &sregs);
}

void vcpu_read(struct vm *vm, uint32_t vcpu, bool with_mp_state,
	       struct vcpu_state *out)
{
	struct kvm_mp_state mp_state = { 0 };
	struct kvm_lapic_state page;

	if (vm->vcpus[vcpu]->fd < 0) {
		memset(out, 0, sizeof(*out));
		return;
	}
	if (with_mp_state)
		vcpu_ioctl(vm, vcpu, KVM_GET_MP_STATE, &mp_state);
	out->mp_state = mp_state.mp_state;
	if (try_vcpu_ioctl(vm, vcpu, KVM_GET_LAPIC, &page) == 0)
		take_page(out, &page);
	else
		memset(out->apic, 0, sizeof(out->apic));
	if (vm->vcpus[vcpu]->run)
		read_by_run(vm, vm->vcpus[vcpu], out);
	else
		read_by_calls(vm, vcpu, out);
}

static void keep_vcpu(struct vm *vm, uint32_t i)
{
	struct vcpu *vcpu = vm->vcpus[i];
	struct kvm_mp_state mp_state;

	if (vcpu->fd < 0)
		return;
	vcpu_ioctl(vm, i, KVM_GET_MP_STATE, &mp_state);
	vcpu_ioctl(vm, i, KVM_GET_LAPIC, &vcpu->new_page);
	vcpu_ioctl(vm, i, KVM_GET_VCPU_EVENTS, &vcpu->new_events);
	vcpu_ioctl(vm, i, KVM_GET_SREGS, &vcpu->new_sregs);
	vcpu->new_state.mp_state = mp_state.mp_state;
	take_page(&vcpu->new_state, &vcpu->new_page);
	take_events(&vcpu->new_state, &vcpu->new_events);
	take_sregs(&vcpu->new_state, &vcpu->new_sregs);
	vcpu->page = vcpu->new_page;
	vcpu->page_round = vm->round;
}

void vm_keep(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->nr_vcpus; i++)
		keep_vcpu(vm, i);
	chipset_keep(vm);
	vm->nr_built = vm->nr_vcpus;
	vm->kept = true;
}

/*
 * Mapped when a VM is used for the second time: many never are, and to create
 * a VM takes the longer the more mappings the process has.
 */
void vm_map_runs(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->nr_built; i++)
		if (vm->vcpus[i]->fd >= 0)
			vcpu_map_run(vm, i);
}

void vcpu_map_run(struct vm *vm, uint32_t i)
{
	struct vcpu *vcpu = vm->vcpus[i];

	if (vcpu->run)
		return;
	vcpu->run = mmap(NULL, vm->drv->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		must_succeed(-1, "mmap of struct kvm_run");
}

static void reset_registers(struct vm *vm, uint32_t i)
{
	struct kvm_regs regs;

	vcpu_ioctl(vm, i, KVM_SET_SREGS, &vm->vcpus[i]->new_sregs);
	vcpu_ioctl(vm, i, KVM_GET_REGS, &regs);
	regs.rip = RIP_RESET;
	regs.rflags = RFLAGS_RESET;
	vcpu_ioctl(vm, i, KVM_SET_REGS, &regs);
}

static void reset_apicbase(struct vm *vm, uint32_t i)
{
	int written = try_set_msr(vm, i, MSR_IA32_APIC_BASE,
				  vm->vcpus[i]->new_state.apicbase);

	if (written != 1)
		must_succeed(-1, "KVM_SET_MSRS of IA32_APIC_BASE, to reset it");
}

static void reset_page(struct vm *vm, uint32_t i)
{
	struct vcpu *vcpu = vm->vcpus[i];

	vcpu_ioctl(vm, i, KVM_SET_LAPIC, &vcpu->new_page);
	vm->nr_old_pages -= vcpu->page_is_old;
	vcpu->page_is_old = false;
}

void vm_reset_pages(struct vm *vm)
{
	for (uint32_t i = 0; vm->nr_old_pages && i < vm->nr_built; i++)
		if (vm->vcpus[i]->page_is_old)
			reset_page(vm, i);
}

/* What is in service now bears on what KVM_SET_LAPIC makes of PPR. */
static bool page_may_wait(const struct vcpu_state *now)
{
	for (uint32_t slot = APIC_REG_isr0; slot <= APIC_REG_isr7; slot++)
		if (now->apic[slot])
			return false;
	return true;
}

/*
 * In this order: KVM_SET_SREGS may make a vCPU runnable, the format of the
 * APIC page depends on APICBASE.
 */
static void reset_vcpu(struct vm *vm, uint32_t i, const struct vcpu_state *now)
{
	struct vcpu *vcpu = vm->vcpus[i];
	const struct vcpu_state *new = &vcpu->new_state;
	struct kvm_mp_state mp_state = { .mp_state = new->mp_state };

	if (vcpu->fd < 0)
		return;
	vcpu->page = vcpu->new_page;
	vcpu->page_round = vm->round;
	vcpu->apicbase_known = false;
	vcpu->halted = false;
	vcpu_reset_msrs(vm, i);
	if (!vcpu->has_run && !memcmp(now, new, sizeof(*now)))
		return;
	if (vcpu->has_run || now->cs_selector != new->cs_selector ||
	    now->cr0 != new->cr0 || now->cr4 != new->cr4 ||
	    now->efer != new->efer)
		reset_registers(vm, i);
	if (now->apicbase != new->apicbase)
		reset_apicbase(vm, i);
	if (now->apicbase != new->apicbase ||
	    memcmp(now->apic, new->apic, sizeof(now->apic)) != 0) {
		vcpu->page_is_old = true;
		vm->nr_old_pages++;
		/* And the page is old still, as it bore on PPR this time. */
		if (!page_may_wait(now))
			vcpu_ioctl(vm, i, KVM_SET_LAPIC, &vcpu->new_page);
	}
	if (vcpu->has_run || now->nmi_pending != new->nmi_pending ||
	    now->smi_pending != new->smi_pending)
		vcpu_ioctl(vm, i, KVM_SET_VCPU_EVENTS, &vcpu->new_events);
	if (now->mp_state != new->mp_state ||
	    now->cs_selector != new->cs_selector)
		vcpu_ioctl(vm, i, KVM_SET_MP_STATE, &mp_state);
	vcpu->has_run = false;
}

void vm_reset(struct vm *vm, const struct vcpu_state *now)
{
	for (uint32_t i = 0; i < vm->nr_built; i++)
		reset_vcpu(vm, i, &now[i]);
	chipset_reset(vm);
}
