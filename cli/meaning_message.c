/* What message an op sends, in words. */
#include <inttypes.h>
#include <string.h>

#include "cli/effects.h"
#include "cli/page.h"
#include "scenario/check.h"

/* What the formats of messages have in common. */
struct message {
	const char *what;
	uint32_t low; /* vector, delivery mode and so on, as ICR has them */
	bool logical;
	bool hint; /* to redirect it to one of those it is meant for */
	uint32_t shorthand;
	bool has_dest;
	uint32_t dest;
};

static bool has_vector(uint32_t delivery)
{
	return delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST ||
	       delivery == DELIVERY_SIPI || delivery == DELIVERY_RESERVED;
}

static void print(char out[MEANING_MAX], const struct message *m)
{
	static const char *const deliveries[] = {
		[DELIVERY_FIXED] = "fixed",
		[DELIVERY_LOWEST] = "lowest",
		[DELIVERY_SMI] = "SMI",
		[DELIVERY_RESERVED] = "reserved mode",
		[DELIVERY_NMI] = "NMI",
		[DELIVERY_INIT] = "INIT",
		[DELIVERY_SIPI] = "SIPI",
		[DELIVERY_EXTINT] = "ExtINT",
	};
	static const char *const shorthands[] = {
		[SHORTHAND_SELF] = "to itself",
		[SHORTHAND_ALL] = "to all",
		[SHORTHAND_ALL_BUT_SELF] = "to all but itself",
	};
	uint32_t delivery = m->low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	size_t len = (size_t)snprintf(out, MEANING_MAX, "%s: %s", m->what,
				      deliveries[delivery]);

	if (has_vector(delivery))
		len += (size_t)snprintf(out + len, MEANING_MAX - len,
					", vector 0x%02" PRIx32,
					m->low & ICR_VECTOR_MASK);
	if (m->low & ICR_LEVEL)
		len += (size_t)snprintf(
			out + len, MEANING_MAX - len, ", level %s",
			m->low & ICR_ASSERT ? "asserted" : "deasserted");
	if (m->shorthand != SHORTHAND_NONE)
		snprintf(out + len, MEANING_MAX - len, ", %s",
			 shorthands[m->shorthand]);
	else if (m->has_dest)
		snprintf(out + len, MEANING_MAX - len,
			 ", %s destination 0x%" PRIx32 "%s",
			 m->logical ? "logical" : "physical", m->dest,
			 m->hint ? ", redirection hint" : "");
}

static struct message of_icr(uint32_t low, uint32_t dest, bool has_dest)
{
	return (struct message){
		.what = "IPI",
		.low = low,
		.logical = low & ICR_LOGICAL,
		.shorthand = low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK,
		.has_dest = has_dest,
		.dest = dest,
	};
}

/* Bits 31:8 of the destination are in the address's upper half. */
static struct message of_msi(const char *what, uint64_t address, uint32_t data,
			     bool ids_are_32bit)
{
	uint32_t high = ids_are_32bit ? (uint32_t)(address >> 32) & ~0xffu : 0;

	return (struct message){
		.what = what,
		.low = data,
		.logical = address & MSI_LOGICAL,
		.hint = address & MSI_REDIRECTION_HINT,
		.has_dest = true,
		.dest = high |
			(uint32_t)(address >> MSI_DEST_SHIFT & MSI_DEST_MASK),
	};
}

/* The low half of a write to the page; the destination is there before. */
static struct message of_page(const struct report_case *c,
			      const struct moment *moment,
			      const struct op_lapic_write *op)
{
	struct known_state state;

	known_state_find(&state, c, moment, op->vcpu);
	return of_icr(op->value,
		      state.value.apic[APIC_REG_icr_high] >> XAPIC_ID_SHIFT,
		      state.known.apic[APIC_REG_icr_high] >> XAPIC_ID_SHIFT ==
			      0xff);
}

/* The route that the input has by then, if it was given one. */
static bool of_gsi(struct message *out, const struct report_case *c,
		   const struct moment *moment, uint32_t gsi)
{
	bool ids_are_32bit = moment_ids_are_32bit(c, moment);
	bool found = false;

	for (uint32_t i = 0; i < moment->cause; i++) {
		const struct op *op = &c->scenario.ops[i];

		if (op->kind != OP_gsi_route || op->as.gsi_route.gsi != gsi)
			continue;
		*out = of_msi("its route", op->as.gsi_route.address,
			      op->as.gsi_route.data, ids_are_32bit);
		found = true;
	}
	return found;
}

static bool message_of(struct message *out, const struct report_case *c,
		       const struct moment *moment)
{
	const struct op *op = &c->scenario.ops[moment->cause];
	bool ids_are_32bit = moment_ids_are_32bit(c, moment);

	if (op->kind == OP_msi)
		*out = of_msi("MSI", op->as.msi.address, op->as.msi.data,
			      ids_are_32bit);
	else if (op->kind == OP_gsi_route)
		*out = of_msi("route", op->as.gsi_route.address,
			      op->as.gsi_route.data, ids_are_32bit);
	else if (op->kind == OP_icr_write)
		*out = of_icr(op->as.icr_write.low, op->as.icr_write.dest,
			      true);
	else if (op->kind == OP_x2apic_write &&
		 op->as.x2apic_write.reg == APIC_REG_icr)
		*out = of_icr((uint32_t)op->as.x2apic_write.value,
			      (uint32_t)(op->as.x2apic_write.value >> 32),
			      true);
	else if (op->kind == OP_lapic_write && op_agent(op) == AGENT_GUEST &&
		 op->as.lapic_write.reg == APIC_REG_icr)
		*out = of_page(c, moment, &op->as.lapic_write);
	else if (op->kind == OP_irq_line)
		return of_gsi(out, c, moment, op->as.irq_line.gsi);
	else
		return false;
	return true;
}

void meaning_of_op(char out[MEANING_MAX], const struct report_case *c,
		   const struct moment *moment)
{
	struct message message;

	out[0] = '\0';
	if (moment->cause >= c->scenario.nr_ops)
		return;
	if (message_of(&message, c, moment))
		print(out, &message);
}
