/* Guests of probes: a vCPU that starts in ring 3 and ends by an exception. */
#include "kvmdrv/probe_guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kvmdrv/probe_cpuid.h"
#include "kvmdrv/probe_guest_abi.h"
#include "kvmdrv/vm.h"
#include "scenario/check.h"

extern const uint8_t probe_guest_stubs[], probe_guest_stubs_end[];

enum {
	PAGE = 0x1000,
	GDT = 0x1000,
	IDT = 0x2000,
	TSS = 0x3000,
	TSS_RSP0 = 4,
	TSS_SIZE = 0x68,
	STUBS = 0x4000,
	STACK0 = 0x7000, /* the end of ring 0's */
	CS0 = 0x08,
	DS0 = 0x10,
	TR = 0x28,
	VECTOR_BREAKPOINT = 3,
	KICK_NS = 5000000,
	PATIENCE_MS = 500,
	CODE_SEGMENT = 0xb, /* accessed, readable */
	DATA_SEGMENT = 0x3, /* accessed, writable */
	TSS_BUSY = 0xb,
};

#define LARGE_PAGE (1ull << 21)
#define PTE_TABLE 0x27ull /* present, writable, user, accessed */
#define PTE_LARGE 0xe7ull /* and dirty, large */
#define CR0 0x80010033ull /* PG, WP, NE, ET, MP, PE */
#define CR4 0x620ull	  /* PAE, OSFXSR, OSXMMEXCPT */
#define EFER 0x500ull	  /* LMA, LME */

static void fill_tables(uint8_t *memory)
{
	uint64_t *gdt = (uint64_t *)(memory + GDT);
	uint64_t *pml4 = (uint64_t *)(memory + PROBE_GUEST_PML4);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;
	const uint64_t rsp0 = STACK0;

	gdt[CS0 / 8] = 0x00af9b000000ffff;
	gdt[DS0 / 8] = 0x00cf93000000ffff;
	gdt[PROBE_GUEST_CS / 8] = 0x00affb000000ffff;
	gdt[PROBE_GUEST_DS / 8] = 0x00cff3000000ffff;
	gdt[TR / 8] = 0x00008b0000000000 | (uint64_t)TSS << 16 | (TSS_SIZE - 1);
	memcpy(memory + TSS + TSS_RSP0, &rsp0, sizeof(rsp0));
	pml4[0] = (PROBE_GUEST_PML4 + PAGE) | PTE_TABLE;
	pdpt[0] = (PROBE_GUEST_PML4 + 2 * PAGE) | PTE_TABLE;
	for (uint64_t i = 0; i < PROBE_GUEST_MAPPED / LARGE_PAGE; i++)
		pd[i] = i * LARGE_PAGE | PTE_LARGE;
}

/* Gates that ring 3 may use as well: INT3 is one. */
static void fill_idt(uint8_t *memory)
{
	uint64_t *idt = (uint64_t *)(memory + IDT);

	CHECK(probe_guest_stubs_end - probe_guest_stubs ==
	      PROBE_GUEST_VECTORS * PROBE_GUEST_STUB_SIZE);
	memcpy(memory + STUBS, probe_guest_stubs,
	       PROBE_GUEST_VECTORS * PROBE_GUEST_STUB_SIZE);
	for (uint64_t i = 0; i < PROBE_GUEST_VECTORS; i++)
		idt[2 * i] = (STUBS + i * PROBE_GUEST_STUB_SIZE) | CS0 << 16 |
			     0xeeull << 40;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.dpl = selector & 3,
		.db = type == DATA_SEGMENT,
		.s = 1,
		.l = type == CODE_SEGMENT,
		.g = 1,
	};
}

static bool fails(struct probe_found *out, const char *call)
{
	probe_say(out, PROBE_UNDETERMINED, "%s fails here: %s", call,
		  strerror(errno));
	return false;
}

/* Where it starts: in ring 3, with I/O forbidden. */
static bool set_registers(struct probe_guest *guest, struct probe_found *out,
			  uint64_t argument)
{
	struct kvm_regs regs = { .rip = PROBE_GUEST_CODE,
				 .rsp = PROBE_GUEST_STACK,
				 .rdi = PROBE_GUEST_DATA,
				 .rsi = argument,
				 .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) != 0)
		return fails(out, "KVM_GET_SREGS");
	sregs.cs = segment(PROBE_GUEST_CS, CODE_SEGMENT);
	sregs.ds = segment(PROBE_GUEST_DS, DATA_SEGMENT);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.tr = (struct kvm_segment){ .base = TSS,
					 .limit = TSS_SIZE - 1,
					 .selector = TR,
					 .type = TSS_BUSY,
					 .present = 1 };
	sregs.gdt.base = GDT;
	sregs.gdt.limit = TR + 16 - 1;
	sregs.idt.base = IDT;
	sregs.idt.limit = PROBE_GUEST_VECTORS * 16 - 1;
	sregs.cr0 = guest->cr0;
	sregs.cr3 = PROBE_GUEST_PML4;
	sregs.cr4 = CR4;
	sregs.efer = EFER;
	if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) != 0)
		return fails(out, "KVM_SET_SREGS into ring 3");
	if (ioctl(guest->vcpu, KVM_SET_REGS, &regs) != 0)
		return fails(out, "KVM_SET_REGS");
	return true;
}

static bool give_memory(struct probe_guest *guest, struct probe_found *out)
{
	struct kvm_userspace_memory_region region;

	guest->memory = mmap(NULL, guest->memory_size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guest->memory == MAP_FAILED) {
		guest->memory = NULL;
		return fails(out, "mmap of guest memory");
	}
	guest->data = guest->memory + PROBE_GUEST_DATA;
	fill_tables(guest->memory);
	fill_idt(guest->memory);
	region = (struct kvm_userspace_memory_region){
		.memory_size = guest->memory_size,
		.userspace_addr = (uintptr_t)guest->memory,
	};
	if (ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) != 0)
		return fails(out, "KVM_SET_USER_MEMORY_REGION");
	return true;
}

static bool make_vcpu(struct probe_guest *guest, struct probe_found *out)
{
	static union probe_cpuid cpuid;

	guest->vm = ioctl(guest->drv->fd, KVM_CREATE_VM, 0);
	if (guest->vm < 0)
		return fails(out, "KVM_CREATE_VM");
	if (ioctl(guest->vm, KVM_ENABLE_CAP,
		  &(struct kvm_enable_cap){ .cap = KVM_CAP_SPLIT_IRQCHIP,
					    .args = { 24 } }) != 0)
		return fails(out, "KVM_CAP_SPLIT_IRQCHIP");
	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	if (guest->vcpu < 0)
		return fails(out, "KVM_CREATE_VCPU");
	guest->run = mmap(NULL, guest->drv->run_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, guest->vcpu, 0);
	if (guest->run == MAP_FAILED) {
		guest->run = NULL;
		return fails(out, "mmap of struct kvm_run");
	}
	errno = -probe_cpuid_supported(&cpuid, guest->drv);
	if (errno)
		return fails(out, "KVM_GET_SUPPORTED_CPUID");
	errno = -probe_cpuid_set(guest->vcpu, &cpuid);
	if (errno)
		return fails(out, "KVM_SET_CPUID2 of what KVM supports");
	return true;
}

bool probe_guest_open(struct probe_guest *guest, struct probe_found *out,
		      struct kvmdrv *drv, size_t data_size)
{
	*guest = (struct probe_guest){
		.drv = drv,
		.vm = -1,
		.vcpu = -1,
		.cr0 = CR0,
		.patience_ms = PATIENCE_MS,
		.memory_size =
			PROBE_GUEST_DATA + (data_size + PAGE - 1) / PAGE * PAGE,
	};
	CHECK(guest->memory_size <= PROBE_GUEST_MAPPED);
	return make_vcpu(guest, out) && give_memory(guest, out);
}

void probe_guest_close(struct probe_guest *guest)
{
	if (guest->run)
		munmap(guest->run, guest->drv->run_size);
	if (guest->vcpu >= 0)
		close(guest->vcpu);
	if (guest->vm >= 0)
		closer_close(&guest->drv->closer, guest->vm);
	if (guest->memory)
		munmap(guest->memory, guest->memory_size);
}

/* From now on, KVM_RUN returns now and then. */
static void kick(struct probe_guest *guest, long ns)
{
	struct itimerspec when = { .it_value.tv_nsec = ns,
				   .it_interval.tv_nsec = ns };

	timer_settime(guest->drv->guest.timer, 0, &when, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* KVM_RUN until there is an exit. */
static bool run_to_exit(struct probe_guest *guest, struct probe_found *out)
{
	uint64_t until = now_ms() + guest->patience_ms;

	while (ioctl(guest->vcpu, KVM_RUN, 0) != 0) {
		if (errno != EINTR && errno != EAGAIN)
			return fails(out, "KVM_RUN in ring 3");
		if (now_ms() < until)
			continue;
		probe_say(out, PROBE_UNDETERMINED,
			  "a guest in ring 3 does not end within %u ms",
			  guest->patience_ms);
		return false;
	}
	return true;
}

/* The vector with which its code ended is written to the port. */
static bool ended_well(struct probe_guest *guest, struct probe_found *out)
{
	struct kvm_run *run = guest->run;
	uint32_t vector;

	if (run->exit_reason != KVM_EXIT_IO ||
	    run->io.port != PROBE_GUEST_PORT ||
	    run->io.size != sizeof(vector)) {
		probe_say(out, PROBE_UNDETERMINED,
			  "a guest in ring 3 does not run here: KVM_RUN ends "
			  "with exit reason %u",
			  run->exit_reason);
		return false;
	}
	memcpy(&vector, (uint8_t *)run + run->io.data_offset, sizeof(vector));
	if (vector == VECTOR_BREAKPOINT)
		return true;
	probe_say(out, PROBE_UNDETERMINED,
		  "the guest's code in ring 3 ends with exception %u", vector);
	return false;
}

bool probe_guest_run(struct probe_guest *guest, struct probe_found *out,
		     const struct probe_code *code)
{
	size_t len = (size_t)(code->end - code->begin);
	bool exited;

	CHECK(len <= PROBE_GUEST_STACK - PROBE_GUEST_CODE - PAGE);
	memcpy(guest->memory + PROBE_GUEST_CODE, code->begin, len);
	if (!set_registers(guest, out, code->argument))
		return false;
	kick(guest, KICK_NS);
	exited = run_to_exit(guest, out);
	kick(guest, 0);
	return exited && ended_well(guest, out);
}
