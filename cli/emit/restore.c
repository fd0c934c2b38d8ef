/* Text, not code, as in includes.c: a VM is copied to a new one. */
/*% save_restore */
/* Of a vCPU, in the order in which it is restored. */
struct saved_vcpu {
	struct kvm_sregs sregs;
	uint64_t apic_base;
	struct kvm_lapic_state page;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_regs regs;
};

/* MP_STATE first: the vCPU takes INIT and SIPI then, and neither is saved. */
static int save_vcpu(struct saved_vcpu *out, int vcpu)
{
	int fd = vcpu_fds[vcpu];

	/*% guest_start */
	/* What an exit began is complete after the next KVM_RUN only. */
	if (runs[vcpu]) {
		runs[vcpu]->immediate_exit = 1;
		if (ioctl(fd, KVM_RUN, 0) == 0)
			cannot_test("KVM_RUN ignores immediate_exit");
	}
	/*% save_restore */
	must(ioctl(fd, KVM_GET_MP_STATE, &out->mp_state));
	must(ioctl(fd, KVM_GET_VCPU_EVENTS, &out->events));
	must(ioctl(fd, KVM_GET_REGS, &out->regs));
	must(ioctl(fd, KVM_GET_SREGS, &out->sregs));
	if (get_msr(vcpu, MSR_IA32_APIC_BASE, &out->apic_base) != ACCEPTED)
		cannot_test("KVM_GET_MSRS of IA32_APIC_BASE");
	return or_errno(ioctl(fd, KVM_GET_LAPIC, &out->page));
}

static int restore_vcpu(struct saved_vcpu *saved, int vcpu)
{
	int fd = vcpu_fds[vcpu];

	if (ioctl(fd, KVM_SET_SREGS, &saved->sregs) != 0)
		return -errno;
	if (set_msr(vcpu, MSR_IA32_APIC_BASE, saved->apic_base) != ACCEPTED)
		cannot_test("KVM_SET_MSRS of IA32_APIC_BASE");
	if (ioctl(fd, KVM_SET_LAPIC, &saved->page) != 0 ||
	    ioctl(fd, KVM_SET_VCPU_EVENTS, &saved->events) != 0 ||
	    ioctl(fd, KVM_SET_MP_STATE, &saved->mp_state) != 0 ||
	    ioctl(fd, KVM_SET_REGS, &saved->regs) != 0)
		return -errno;
	return 0;
}

/* MTRRs and PAT. */
static void copy_memory_msrs(int vcpu, int old_fd)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) +
			  NR_MEMORY_MSRS * sizeof(struct kvm_msr_entry)];
	} all = { .msrs.nmsrs = NR_MEMORY_MSRS };

	for (int i = 0; i < NR_MEMORY_MSRS; i++)
		all.msrs.entries[i].index = memory_msrs[i];
	if (ioctl(old_fd, KVM_GET_MSRS, &all) != NR_MEMORY_MSRS ||
	    ioctl(vcpu_fds[vcpu], KVM_SET_MSRS, &all) != NR_MEMORY_MSRS)
		cannot_test("MTRRs and PAT cannot be copied");
}

/* PICs and IOAPIC, from the VM @from. */
static void copy_irqchip(int from)
{
	for (uint32_t chip = KVM_IRQCHIP_PIC_MASTER; chip <= KVM_IRQCHIP_IOAPIC;
	     chip++) {
		struct kvm_irqchip state = { .chip_id = chip };

		must(ioctl(from, KVM_GET_IRQCHIP, &state));
		must(ioctl(vm_fd, KVM_SET_IRQCHIP, &state));
	}
}

/* Everything goes on in the new VM. */
static void move_to_new(int old_vm_fd, const int old_vcpu_fds[NR_VCPUS])
{
	if (IRQCHIP_IS_FULL)
		copy_irqchip(old_vm_fd);
	for (int i = 0; i < nr_vcpus; i++) {
		/*% guest_start */
		if (runs[i])
			runs[i] = mmap(NULL, run_size, PROT_READ | PROT_WRITE,
				       MAP_SHARED, vcpu_fds[i], 0);
		if (runs[i] == MAP_FAILED)
			cannot_test("mmap: %s", strerror(errno));
		/*% save_restore */
		if (old_vcpu_fds[i] < 0)
			continue;
		copy_memory_msrs(i, old_vcpu_fds[i]);
		close(old_vcpu_fds[i]);
	}
	/*% guest_start */
	give_guest_memory();
	/*% save_restore */
	close(old_vm_fd);
}

/* @flags of KVM_CAP_X2APIC_API that were enabled after the VM was made. */
static int save_restore(uint64_t flags)
{
	static struct saved_vcpu saved[NR_VCPUS];
	int old_vm_fd = vm_fd, old_vcpu_fds[NR_VCPUS];
	int result = 0, nr = nr_vcpus;

	memcpy(old_vcpu_fds, vcpu_fds, sizeof(vcpu_fds));
	for (int i = 0; result == 0 && i < nr; i++)
		if (vcpu_fds[i] >= 0)
			result = save_vcpu(&saved[i], i);
	if (result != 0)
		return result;
	make_vm();
	if (flags)
		set_cap(KVM_CAP_X2APIC_API, flags);
	for (int i = 0; i < nr; i++) {
		create_vcpu(i, vcpu_ids[i]);
		/*% set_cpuid */
		if (vcpu_fds[i] >= 0)
			set_cpuid(i, vcpu_ids[i]);
		/*% save_restore */
	}
	for (int i = 0; result == 0 && i < nr; i++)
		if (vcpu_fds[i] >= 0)
			result = restore_vcpu(&saved[i], i);
	/*% set_route */
	if (result == 0 && !routes_are_new)
		result = or_errno(ioctl(vm_fd, KVM_SET_GSI_ROUTING, &routes));
	/*% save_restore */
	if (result == 0) {
		move_to_new(old_vm_fd, old_vcpu_fds);
		return 0;
	}
	/* All goes on in the old one. */
	for (int i = 0; i < nr; i++)
		if (vcpu_fds[i] >= 0)
			close(vcpu_fds[i]);
	close(vm_fd);
	memcpy(vcpu_fds, old_vcpu_fds, sizeof(vcpu_fds));
	vm_fd = old_vm_fd;
	return result;
}

/*% */
