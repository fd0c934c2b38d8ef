/* VMs that wait to be used again, and the thread that builds ahead. */
#include "kvmdrv/pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kvmdrv/descriptors.h"
#include "kvmdrv/state.h"
#include "scenario/x86.h"

static uint64_t hash_more(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u;
}

static bool topologies_equal(const struct topology *a, const struct vm *b)
{
#define SETTING(type, name)                   \
	if (a->config.name != b->config.name) \
		return false;
#include "scenario/config.def"
	if (a->nr_vcpus != b->nr_built)
		return false;
	for (uint32_t i = 0; i < a->nr_vcpus; i++)
		if (a->vcpu_ids[i] != b->vcpus[i]->vcpu_id)
			return false;
	return true;
}

/* The settings, and the vCPUs that are created before anything else. */
static void topology_of(struct topology *out, const struct scenario *s)
{
	uint64_t hash = 0xcbf29ce484222325u;

	out->config = s->config;
#define SETTING(type, name) hash = hash_more(hash, s->config.name);
#include "scenario/config.def"
	out->nr_vcpus = 0;
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];

		if (op->kind != OP_vcpu_create)
			break;
		hash = hash_more(hash, op->as.vcpu_create.vcpu_id);
		out->vcpu_ids[out->nr_vcpus++] = op->as.vcpu_create.vcpu_id;
	}
	out->hash = hash_more(hash, out->nr_vcpus);
}

/* Does APICBASE, as written, differ from a new vCPU's in its mode? */
static bool changes_mode(uint64_t value)
{
	uint64_t known = APICBASE_ADDRESS_DEFAULT | APICBASE_BSP | APICBASE_EN |
			 APICBASE_EXTD;

	return !(value & ~known) && apic_mode(value) == APIC_MODE_X2APIC;
}

/* Is @vcpu one of the first, and will KVM not refuse to create it? */
static bool is_created(const struct pool *pool, const struct topology *t,
		       uint32_t vcpu)
{
	if (vcpu >= t->nr_vcpus || t->vcpu_ids[vcpu] >= pool->vcpu_ids_max)
		return false;
	for (uint32_t i = 0; i < vcpu; i++)
		if (t->vcpu_ids[i] == t->vcpu_ids[vcpu])
			return false;
	return true;
}

enum table_use { TABLE_UNTOUCHED, TABLE_MADE, TABLE_USED };

/* What @op, on a vCPU that is there, does with the table of wants_new(). */
static enum table_use table_use(const struct scenario *s, const struct op *op)
{
	switch (op->kind) {
	case OP_lapic_write:
		/* By a guest that may not run, in a mode that may have none. */
		if (op_agent(op) == AGENT_GUEST)
			return op->as.lapic_write.reg == APIC_REG_icr ?
				       TABLE_USED :
				       TABLE_UNTOUCHED;
		return TABLE_MADE;
	case OP_save_restore:
		return TABLE_MADE;
	case OP_apicbase_write:
		return op_agent(op) == AGENT_HOST &&
				       s->config.cpuid == CPUID_X2APIC &&
				       changes_mode(
					       op->as.apicbase_write.value) ?
			       TABLE_MADE :
			       TABLE_UNTOUCHED;
	case OP_msi:
	case OP_irq_line:
	case OP_ioapic_write:
	case OP_icr_write:
	case OP_self_ipi:
	case OP_x2apic_write:
		return TABLE_USED;
	case OP_apicbase_restore:
	case OP_control_write:
	case OP_control_read:
	case OP_lapic_read:
	case OP_x2apic_read:
	case OP_msr_write:
	case OP_msr_read:
	case OP_cpuid_read:
	case OP_interrupt_take:
	case OP_halt:
	case OP_mp_state_set:
	case OP_vcpu_create:
	case OP_x2apic_api_enable:
	case OP_gsi_route:
	case OP_ioapic_read:
	case OP_observe:
		break;
	}
	return TABLE_UNTOUCHED;
}

/* Is @vcpu made to wait for something in @state, by whomever? */
static bool sets_mp_state(const struct scenario *s, enum mp_state state)
{
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];

		if ((op->kind == OP_mp_state_set &&
		     op->as.mp_state_set.state == state) ||
		    (op->kind == OP_halt && state == MP_STATE_HALTED))
			return true;
	}
	return false;
}

/* What @op may send, or have sent later, as the lower half of an ICR. */
static uint32_t sends(const struct op *op)
{
	if (op->kind == OP_msi)
		return op->as.msi.data;
	if (op->kind == OP_gsi_route)
		return op->as.gsi_route.data;
	if (op->kind == OP_icr_write)
		return op->as.icr_write.low;
	if (op->kind == OP_lapic_write)
		return op->as.lapic_write.value;
	if (op->kind == OP_x2apic_write)
		return (uint32_t)op->as.x2apic_write.value;
	if (op->kind == OP_ioapic_write)
		return op->as.ioapic_write.value;
	return 0;
}

/*
 * May a vCPU be left with what ends its next HLT? KVM has that after messages
 * of the reserved delivery mode, and after NMIs and SMIs until the vCPU runs,
 * even where they are taken back; and does not show it.
 */
static bool unhalts(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++) {
		uint32_t delivery = sends(&s->ops[i]) >> ICR_DELIVERY_SHIFT &
				    ICR_DELIVERY_MASK;

		if (delivery == DELIVERY_RESERVED || delivery == DELIVERY_NMI ||
		    delivery == DELIVERY_SMI)
			return true;
	}
	return false;
}

/*
 * kvm_amd leaves in a VMCB that it waits until its guest can take an interrupt,
 * also when there is none any more, and does not show it. QEMU that emulates
 * SVM ends where such a guest writes CR8 (kvmdrv/danger.c).
 */
static bool guest_writes_cr8(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op_control_write *write =
			&s->ops[i].as.control_write;

		if (s->ops[i].kind == OP_control_write &&
		    write->reg == CONTROL_CR8 && write->by == AGENT_GUEST)
			return s->config.guest == GUEST_LONG;
	}
	return false;
}

/*
 * May a vCPU's APIC page be moved? kvm_intel then does without APICv in that VM
 * from there on, also when it is back, and with it goes the memory that a guest
 * finds at the usual address where its APIC is not in xAPIC mode.
 */
static bool moves_page(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];
		uint64_t value = APICBASE_ADDRESS_DEFAULT;

		if (op->kind == OP_apicbase_write)
			value = op->as.apicbase_write.value;
		else if (op->kind == OP_apicbase_restore)
			value = op->as.apicbase_restore.value;
		if ((value & ~0xfffull) != APICBASE_ADDRESS_DEFAULT)
			return true;
	}
	return false;
}

static bool guest_runs(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (op_agent(&s->ops[i]) == AGENT_GUEST)
			return true;
	return false;
}

/*
 * KVM routes messages by a table that it makes anew at certain events. A new
 * VM's table lacks the vCPU that was created last, and no reset brings that
 * back; so a scenario that sends before it makes KVM make the table is for a
 * VM that never ran one.
 */
static bool wants_new(const struct pool *pool, const struct topology *t,
		      const struct scenario *s)
{
	/* A vCPU keeps the vector of the last SIPI, which this shows. */
	if (sets_mp_state(s, MP_STATE_SIPI_RECEIVED) || guest_writes_cr8(s))
		return true;
	for (size_t i = t->nr_vcpus; i < s->nr_ops; i++) {
		enum table_use use = table_use(s, &s->ops[i]);
		int vcpu = op_vcpu(&s->ops[i]);

		if (vcpu >= 0 && !is_created(pool, t, (uint32_t)vcpu))
			continue;
		if (use != TABLE_UNTOUCHED)
			return use == TABLE_USED;
	}
	return false;
}

/* Will the VM have more than was there at first, and so not be kept? */
static bool grows(const struct scenario *s, uint32_t nr_first)
{
	bool full = s->config.irqchip == IRQCHIP_FULL;
	bool runs = false, writes = false;

	for (size_t i = nr_first; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];

		if (op->kind == OP_vcpu_create || op->kind == OP_save_restore ||
		    (op->kind == OP_x2apic_api_enable &&
		     op->as.x2apic_api_enable.flags & ~s->config.x2apic_api))
			return true;
		runs |= op_agent(op) == AGENT_GUEST;
		writes |= full && op->kind == OP_ioapic_write;
	}
	return runs && writes;
}

static struct vm *build(struct kvmdrv *drv, const struct topology *t)
{
	struct vm *vm = vm_create(drv, &t->config);

	for (uint32_t i = 0; i < t->nr_vcpus; i++)
		vm_add_vcpu(vm, t->vcpu_ids[i]);
	vm_keep(vm);
	vm->hash = t->hash;
	return vm;
}

/* With the lock held: out of the pool, for use or to be closed. */
static struct vm *remove_at(struct pool *pool, uint32_t at)
{
	struct vm *vm = pool->vms[at];

	pool->nr_vms--;
	pool->nr_vcpus -= vm->nr_built;
	pool->vms[at] = pool->vms[pool->nr_vms];
	return vm;
}

/* With the lock held: one that fits, rather one that was used, or NULL. */
static struct vm *find(struct pool *pool, const struct topology *t, bool new,
		       const struct scenario *s)
{
	bool halts = sets_mp_state(s, MP_STATE_HALTED), runs = guest_runs(s);
	uint32_t best = pool->nr_vms;

	for (uint32_t i = 0; i < pool->nr_vms; i++) {
		if (pool->vms[i]->hash != t->hash ||
		    (new && pool->vms[i]->used) ||
		    (halts && pool->vms[i]->unhalted) ||
		    (runs && pool->vms[i]->page_moved) ||
		    !topologies_equal(t, pool->vms[i]))
			continue;
		best = i;
		if (new || pool->vms[i]->used)
			break;
	}
	return best < pool->nr_vms ? remove_at(pool, best) : NULL;
}

static struct vm *remove_oldest(struct pool *pool)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < pool->nr_vms; i++)
		if (pool->vms[i]->last_use < pool->vms[oldest]->last_use)
			oldest = i;
	return remove_at(pool, oldest);
}

static void put(struct pool *pool, struct vm *vm)
{
	struct vm *closed[POOL_VMS_MAX];
	uint32_t nr_closed = 0;

	pthread_mutex_lock(&pool->lock);
	while (pool->nr_vms &&
	       (pool->nr_vms == POOL_VMS_MAX ||
		pool->nr_vms + pool->nr_vcpus + vm->nr_built >= pool->room))
		closed[nr_closed++] = remove_oldest(pool);
	vm->last_use = ++pool->uses;
	pool->vms[pool->nr_vms++] = vm;
	pool->nr_vcpus += vm->nr_built;
	pthread_mutex_unlock(&pool->lock);
	while (nr_closed > 0)
		vm_destroy(closed[--nr_closed], pool->drv);
}

static void *build_ahead(void *argument)
{
	static struct topology t;
	struct pool *pool = argument;

	for (;;) {
		pthread_mutex_lock(&pool->lock);
		while (!pool->wanted && !pool->ending)
			pthread_cond_wait(&pool->changed, &pool->lock);
		pool->wanted = false;
		t = pool->next;
		if (pool->ending)
			break;
		pthread_mutex_unlock(&pool->lock);
		put(pool, build(pool->drv, &t));
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int pool_start(struct pool *out, struct kvmdrv *drv)
{
	struct descriptors descriptors;
	sigset_t all, before;
	int error;

	memset(out, 0, sizeof(*out));
	out->drv = drv;
	descriptors_share_out(&descriptors);
	out->room = descriptors.for_pool < POOL_DESCRIPTORS_MAX ?
			    descriptors.for_pool :
			    POOL_DESCRIPTORS_MAX;
	out->vcpu_ids_max = (uint32_t)ioctl(drv->fd, KVM_CHECK_EXTENSION,
					    KVM_CAP_MAX_VCPU_ID);
	pthread_mutex_init(&out->lock, NULL);
	pthread_cond_init(&out->changed, NULL);
	/* Signals are for the thread that runs scenarios. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&out->builder, NULL, build_ahead, out);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/* With the lock held: a VM like @t will be used up. Was one before? */
static bool note_spent(struct pool *pool, const struct topology *t)
{
	for (uint32_t i = 0; i < POOL_SPENT; i++)
		if (pool->spent[i] == t->hash)
			return true;
	pool->spent[pool->nr_spent++ % POOL_SPENT] = t->hash;
	return false;
}

struct vm *pool_take(struct pool *pool, const struct scenario *s)
{
	struct topology *t = &pool->taken;
	struct vm *vm;
	bool new;

	topology_of(t, s);
	new = wants_new(pool, t, s);
	pthread_mutex_lock(&pool->lock);
	vm = find(pool, t, new, s);
	if ((new || grows(s, t->nr_vcpus)) && note_spent(pool, t)) {
		pool->next = *t;
		pool->wanted = true;
		pthread_cond_signal(&pool->changed);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!vm)
		vm = build(pool->drv, t);
	else if (vm->used)
		vm_map_runs(vm);
	vm->nr_vcpus = 0;
	vm->unhalted |= unhalts(s);
	vm->page_moved |= moves_page(s);
	return vm;
}

void pool_give(struct pool *pool, struct vm *vm, const struct vcpu_state *now)
{
	if (vm->grown || chipset_is_spent(vm)) {
		vm_destroy(vm, pool->drv);
		return;
	}
	vm_reset(vm, now);
	vm->used = true;
	put(pool, vm);
}

void pool_end(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->builder, NULL);
	while (pool->nr_vms)
		vm_destroy(remove_oldest(pool), pool->drv);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
}
