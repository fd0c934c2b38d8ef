/* The step loop of the driver, and how it reads the state of vCPUs. */
#include "kvmdrv/kvmdrv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvmdrv/state.h"
#include "scenario/check.h"

/* Open /dev/kvm is not enough: these are what the handlers rest on. */
static const struct {
	const char *name;
	int cap;
	bool needed;
} capabilities[] = {
	{ "KVM_CAP_SPLIT_IRQCHIP", KVM_CAP_SPLIT_IRQCHIP, true },
	{ "KVM_CAP_X2APIC_API", KVM_CAP_X2APIC_API, true },
	{ "KVM_CAP_SIGNAL_MSI", KVM_CAP_SIGNAL_MSI, true },
	{ "KVM_CAP_MP_STATE", KVM_CAP_MP_STATE, true },
	{ "KVM_CAP_VCPU_EVENTS", KVM_CAP_VCPU_EVENTS, true },
	{ "KVM_CAP_SYNC_REGS", KVM_CAP_SYNC_REGS, true },
	{ "KVM_CAP_MAX_VCPUS", KVM_CAP_MAX_VCPUS, false },
	{ "KVM_CAP_MAX_VCPU_ID", KVM_CAP_MAX_VCPU_ID, false },
	{ "KVM_CAP_DISABLE_QUIRKS", KVM_CAP_DISABLE_QUIRKS, false },
	{ "KVM_CAP_DISABLE_QUIRKS2", KVM_CAP_DISABLE_QUIRKS2, false },
};
_Static_assert(ARRAY_SIZE(capabilities) == KVMDRV_CAPABILITIES,
	       "the number in the header");

static void __attribute__((format(printf, 2, 3)))
say(struct kvmdrv_reason *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	va_end(args);
}

static void say_why_not_open(struct kvmdrv_reason *reason, const char *device,
			     int error)
{
	switch (error) {
	case ENOENT:
		say(reason,
		    "%s does not exist: load the module (modprobe kvm_intel "
		    "or kvm_amd), or enable virtualization in the firmware "
		    "or in the hypervisor above",
		    device);
		break;
	case EACCES:
	case EPERM:
		say(reason,
		    "no permission for %s: add yourself to its group "
		    "(sudo usermod -aG kvm $USER, then log in again), or "
		    "run as root",
		    device);
		break;
	default:
		say(reason, "cannot open %s: %s", device, strerror(error));
	}
}

/* 0, or -errno with the reason. */
static int check_host(int fd, struct kvmdrv_reason *reason, const char *device)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version != KVM_API_VERSION) {
		say(reason,
		    "%s is not KVM: KVM_GET_API_VERSION gives %d, "
		    "not %d",
		    device, version, KVM_API_VERSION);
		return -ENODEV;
	}
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		int cap = capabilities[i].cap;

		if (!capabilities[i].needed ||
		    ioctl(fd, KVM_CHECK_EXTENSION, cap) > 0)
			continue;
		say(reason,
		    "this kernel's KVM lacks %s: use Linux 4.17 or later",
		    capabilities[i].name);
		return -EOPNOTSUPP;
	}
	return 0;
}

int kvmdrv_open(struct kvmdrv **out, struct kvmdrv_reason *reason,
		const char *device)
{
	struct kvmdrv *drv;
	int fd = open(device, O_RDWR | O_CLOEXEC);
	int error;

	if (fd < 0) {
		error = errno;
		say_why_not_open(reason, device, error);
		return -error;
	}
	error = check_host(fd, reason, device);
	if (error)
		goto close;
	error = -ENOMEM;
	say(reason, "out of memory");
	drv = calloc(1, sizeof(*drv));
	if (!drv)
		goto close;
	error = closer_start(&drv->closer);
	if (error) {
		say(reason, "cannot start threads: %s", strerror(-error));
		goto out;
	}
	drv->fd = fd;
	drv->run_size = (size_t)ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	error = guest_host_start(&drv->guest);
	if (error) {
		say(reason, "cannot prepare guests: %s", strerror(-error));
		goto end_closer;
	}
	error = pool_start(&drv->pool, drv);
	if (error) {
		say(reason, "cannot start threads: %s", strerror(-error));
		goto end_guest;
	}
	*out = drv;
	return 0;
end_guest:
	guest_host_end(&drv->guest);
end_closer:
	closer_end(&drv->closer);
out:
	free(drv);
close:
	close(fd);
	return error;
}

void kvmdrv_close(struct kvmdrv *drv)
{
	pool_end(&drv->pool);
	guest_host_end(&drv->guest);
	closer_end(&drv->closer);
	record_free(&drv->record);
	free(drv->memory);
	close(drv->fd);
	free(drv);
}

void kvmdrv_capabilities(struct kvmdrv *drv,
			 struct kvmdrv_capability out[KVMDRV_CAPABILITIES])
{
	for (size_t i = 0; i < KVMDRV_CAPABILITIES; i++) {
		int cap = capabilities[i].cap;

		out[i].name = capabilities[i].name;
		out[i].needed = capabilities[i].needed;
		out[i].value = ioctl(drv->fd, KVM_CHECK_EXTENSION, cap);
	}
}

static void report_step(struct vm *vm, struct observation *out,
			struct answer answer, bool read_all, bool read_mp_state)
{
	struct step *step =
		observation_add(out, answer, read_all ? vm->nr_vcpus : 0);

	for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++)
		vcpu_read(vm, vcpu, read_mp_state,
			  observation_state(out, step, vcpu));
}

/* Does @op leave all APIC pages alone but the one that it is about? */
static bool leaves_pages(const struct vm *vm, const struct op *op)
{
	return op->kind == OP_lapic_write ||
	       (op->kind == OP_vcpu_create && vm->nr_vcpus < vm->nr_built);
}

static struct answer run_op(struct vm *vm, const struct op *op)
{
	int vcpu = op_vcpu(op);

	if (vcpu >= 0 && vm->vcpus[vcpu]->fd < 0)
		return (struct answer){ 0 };
	if (!leaves_pages(vm, op)) {
		vm_reset_pages(vm);
		vm->round++;
	}
	switch (op->kind) {
#define OP(id, name, fields) \
	case OP_##name:      \
		return kvmdrv_##name(vm, &op->as.name);
#include "scenario/ops.def"
	}
	CHECK(!"an op of unknown kind");
	return (struct answer){ 0 };
}

/*
 * The first of @ops, and those that follow and are by the same guest as well:
 * how many. They are run in one go, if nothing is to be read in between.
 */
static size_t run_guest_ops(struct vm *vm, struct observation *out,
			    const struct op *ops, size_t nr, bool strict)
{
	struct guest_command commands[GUEST_COMMANDS_MAX];
	int vcpu = op_vcpu(ops);
	size_t end = strict ? 1 : nr, n = 0;

	while (n < end && n < GUEST_COMMANDS_MAX && op_vcpu(&ops[n]) == vcpu &&
	       guest_command_of(&commands[n], &ops[n]))
		n++;
	if (!n || vm->vcpus[vcpu]->fd < 0)
		return 0;
	vm_reset_pages(vm);
	vm->round++;
	guest_run(vm, (uint32_t)vcpu, commands, n);
	for (size_t i = 0; i < n; i++)
		report_step(vm, out, guest_answer(&commands[i], &ops[i]),
			    strict, false);
	return n;
}

/* Reading is all that it does, and the step loop does that. */
struct answer kvmdrv_observe(struct vm *vm, const struct op_observe *op)
{
	(void)vm;
	(void)op;
	return (struct answer){ .accepted = 1 };
}

void kvmdrv_run(struct kvmdrv *drv, struct observation *out,
		const struct scenario *s, enum schedule schedule)
{
	bool strict = schedule == SCHEDULE_STRICT;
	bool kept = schedule == SCHEDULE_FAST;
	struct vm *vm = kept ? pool_take(&drv->pool, s) :
			       vm_create(drv, &s->config);
	const struct step *end;

	vm->record = drv->record.on ? &drv->record : NULL;
	observation_start(out);
	for (size_t i = 0; i < s->nr_ops;) {
		const struct op *op = &s->ops[i];
		bool observe = op->kind == OP_observe;
		size_t nr = run_guest_ops(vm, out, op, s->nr_ops - i, strict);

		i += nr ? nr : 1;
		if (!nr)
			report_step(vm, out, run_op(vm, op), strict || observe,
				    observe);
	}
	vm_reset_pages(vm);
	report_step(vm, out, (struct answer){ 0 }, true, true);
	end = &out->steps[out->nr_steps - 1];
	if (kept)
		pool_give(&drv->pool, vm, out->states + end->first_state);
	else
		vm_destroy(vm, drv);
}

void kvmdrv_record(struct kvmdrv *drv, bool on)
{
	if (on)
		record_free(&drv->record);
	drv->record.on = on;
}

size_t kvmdrv_replay(struct kvmdrv *drv)
{
	record_replay(&drv->record);
	return drv->record.nr_calls;
}
