/* The VM's interrupt inputs: their routes, and their levels. */
#include <errno.h>

#include "ref/guest.h"
#include "ref/message.h"

void chipset_start(struct chipset *out)
{
	out->nr_routes = 0;
	out->pic_unsure = false;
	out->ioapic = (struct ioapic){ .rtc = RTC_FREE };
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++)
		out->ioapic.entries[pin] = REDIRECTION_MASKED;
}

static struct gsi_route *find_route(struct chipset *chip, uint8_t gsi)
{
	for (uint32_t i = 0; i < chip->nr_routes; i++)
		if (chip->routes[i].gsi == gsi)
			return &chip->routes[i];
	return NULL;
}

/*
 * KVM's API, KVM_SET_GSI_ROUTING: the whole table is given, and is refused if
 * one of its messages is not valid; KVM_CAP_X2APIC_API may have made it so
 * since it was accepted.
 */
static bool others_are_valid(const struct model *m, uint32_t gsi)
{
	const struct chipset *chip = &m->chipset;

	for (uint32_t i = 0; i < chip->nr_routes; i++)
		if (chip->routes[i].gsi != gsi &&
		    !msi_is_valid(m, &chip->routes[i].msi))
			return false;
	return true;
}

bool chipset_is_restored(const struct model *m)
{
	return others_are_valid(m, GSIS);
}

void model_gsi_route(struct model *m, const struct op_gsi_route *op,
		     struct promise *out)
{
	struct chipset *chip = &m->chipset;
	struct gsi_route *route = find_route(chip, op->gsi);
	struct op_msi msi = { op->address, op->data };

	if (!msi_is_valid(m, &msi) || !others_are_valid(m, op->gsi)) {
		promise_refused(out, EINVAL);
		return;
	}
	promise_accepted(out);
	if (!route)
		route = &chip->routes[chip->nr_routes++];
	*route = (struct gsi_route){ op->gsi, msi };
}

/* Nothing is promised of the status, nor so of the answer. */
static void promise_any_status(struct promise *out)
{
	promise_accepted(out);
	out->care.accepted = 0;
	out->care.value = 0;
}

/*
 * KVM's API, KVM_CAP_IRQ_INJECT_STATUS, by the commit that it came with (Linux
 * 2.6.29): how many CPUs the interrupt was injected to, 0 if it is there
 * already, -1 if no CPU takes it. Which of the last two it is where nobody
 * listens is not said.
 */
void promise_status(const struct delivered *delivered, struct promise *out)
{
	out->want.value = delivered->nr;
	if (!out->care.accepted || !out->want.accepted || delivered->perhaps)
		out->care.value = 0;
	out->care.error = UINT32_MAX;
}

static void promise_lost(struct promise *out)
{
	promise_refused(out, 0);
	out->want.value = (uint32_t)-1;
}

/*
 * A GSI with the route that it had at first: KVM's API, KVM_CREATE_IRQCHIP: 0 to
 * 15 go to PIC and IOAPIC, 16 to 23 to the IOAPIC.
 */
static void set_default_line(struct model *m, const struct op_irq_line *op,
			     struct promise *out)
{
	bool full = m->scenario->config.irqchip == IRQCHIP_FULL;

	if (!full || op->gsi >= IOAPIC_PINS) {
		promise_lost(out);
		return;
	}
	ioapic_set_line(m, op->gsi, op->level, out);
	if (op->gsi < PIC_PINS || !op->level)
		promise_any_status(out);
	if (op->gsi < PIC_PINS && op->level)
		m->chipset.pic_unsure = true;
}

/*
 * KVM's API, KVM_IRQ_LINE: 1 asserts. A message is an event: each time it is
 * asserted there is one, and to deassert it is nothing.
 */
void model_irq_line(struct model *m, const struct op_irq_line *op,
		    struct promise *out)
{
	const struct gsi_route *route = find_route(&m->chipset, op->gsi);
	struct delivered delivered;

	if (!route) {
		set_default_line(m, op, out);
	} else if (!op->level) {
		promise_any_status(out);
	} else if (!msi_is_valid(m, &route->msi)) {
		promise_lost(out);
	} else {
		msi_send(m, &route->msi, out, &delivered);
		promise_status(&delivered, out);
	}
}
