/* The VM's interrupt inputs: their routes, and their levels. */
#include <stdlib.h>
#include <string.h>

#include "kvmdrv/vm.h"

static bool is_full(const struct vm *vm)
{
	return vm->config.irqchip == IRQCHIP_FULL;
}

static void add(union routes *routes, const struct kvm_irq_routing_entry *entry)
{
	routes->table.entries[routes->table.nr++] = *entry;
}

static void add_pin(union routes *routes, uint32_t gsi, uint32_t chip,
		    uint32_t pin)
{
	add(routes, &(struct kvm_irq_routing_entry){
			    .gsi = gsi,
			    .type = KVM_IRQ_ROUTING_IRQCHIP,
			    .u.irqchip = { .irqchip = chip, .pin = pin },
		    });
}

/* Those that KVM gives a new VM. */
static void fill_defaults(const struct vm *vm, union routes *out)
{
	out->table.nr = 0;
	for (uint32_t gsi = 0; is_full(vm) && gsi < IOAPIC_PINS; gsi++) {
		add_pin(out, gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < PIC_PINS)
			add_pin(out, gsi,
				gsi < 8 ? KVM_IRQCHIP_PIC_MASTER :
					  KVM_IRQCHIP_PIC_SLAVE,
				gsi % 8);
	}
}

static void remove_gsi(union routes *routes, uint32_t gsi)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < routes->table.nr; i++)
		if (routes->table.entries[i].gsi != gsi)
			routes->table.entries[kept++] =
				routes->table.entries[i];
	routes->table.nr = kept;
}

struct answer kvmdrv_gsi_route(struct vm *vm, const struct op_gsi_route *op)
{
	struct chipset *chip = &vm->chipset;
	union routes routes;
	int result;

	if (chip->routes)
		routes = *chip->routes;
	else
		fill_defaults(vm, &routes);
	routes.table.flags = 0;
	remove_gsi(&routes, op->gsi);
	add(&routes,
	    &(struct kvm_irq_routing_entry){
		    .gsi = op->gsi,
		    .type = KVM_IRQ_ROUTING_MSI,
		    .u.msi = { .address_lo = (uint32_t)op->address,
			       .address_hi = (uint32_t)(op->address >> 32),
			       .data = op->data },
	    });
	result = try_vm_ioctl(vm, KVM_SET_GSI_ROUTING, &routes);
	if (result >= 0) {
		if (!chip->routes)
			chip->routes = must_allocate(sizeof(*chip->routes));
		*chip->routes = routes;
	}
	return answer_of_call(result);
}

static int set_line(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	vm_ioctl(vm, KVM_IRQ_LINE_STATUS, &line);
	return line.status;
}

/* A number above 0 is how many took it. */
struct answer kvmdrv_irq_line(struct vm *vm, const struct op_irq_line *op)
{
	int status = set_line(vm, op->gsi, op->level);

	vm->chipset.is_high[op->gsi] = op->level;
	vm->chipset.touched = true;
	return (struct answer){ .accepted = status > 0,
				.value = (uint32_t)status };
}

void chipset_keep(struct vm *vm)
{
	for (uint32_t i = 0; is_full(vm) && i < CHIPS; i++) {
		vm->chipset.new_chips[i].chip_id = i;
		vm_ioctl(vm, KVM_GET_IRQCHIP, &vm->chipset.new_chips[i]);
	}
}

/*
 * The lines first, by the routes that a new VM has. The second PIC before the
 * first, which would take over what waits there.
 */
static void reset_chips(struct vm *vm)
{
	struct chipset *chip = &vm->chipset;

	for (uint32_t gsi = 0; gsi < IOAPIC_PINS; gsi++)
		if (chip->is_high[gsi])
			set_line(vm, gsi, 0);
	for (uint32_t i = CHIPS; i-- > 0;)
		vm_ioctl(vm, KVM_SET_IRQCHIP, &chip->new_chips[i]);
}

void chipset_reset(struct vm *vm)
{
	struct chipset *chip = &vm->chipset;
	union routes routes = { 0 };

	if (chip->routes) {
		fill_defaults(vm, &routes);
		vm_ioctl(vm, KVM_SET_GSI_ROUTING, &routes);
		chipset_free(vm);
	}
	if (chip->touched && is_full(vm))
		reset_chips(vm);
	memset(chip->is_high, 0, sizeof(chip->is_high));
	chip->touched = false;
	chip->written = false;
}

bool chipset_is_spent(const struct vm *vm)
{
	for (uint32_t i = 0; vm->chipset.written && i < vm->nr_built; i++)
		if (vm->vcpus[i]->has_run)
			return true;
	return false;
}

int chipset_copy(struct vm *to, struct vm *from)
{
	if (from->chipset.routes) {
		int result = try_vm_ioctl(to, KVM_SET_GSI_ROUTING,
					  from->chipset.routes);

		if (result != 0)
			return result;
		to->chipset.routes = from->chipset.routes;
		from->chipset.routes = NULL;
	}
	for (uint32_t i = 0; is_full(from) && i < CHIPS; i++) {
		struct kvm_irqchip state = { .chip_id = i };

		vm_ioctl(from, KVM_GET_IRQCHIP, &state);
		vm_ioctl(to, KVM_SET_IRQCHIP, &state);
	}
	return 0;
}

void chipset_free(struct vm *vm)
{
	free(vm->chipset.routes);
	vm->chipset.routes = NULL;
}
