/*
 * Twins of scenarios. What is known here of the architecture is whom a message
 * may be meant for, and it errs to the safe side: see SDM "Determining IPI
 * Destination" and "Message Address Register Format".
 */
#include "scenario/twin.h"

#include <string.h>

#include "scenario/check.h"
#include "scenario/x86.h"

enum { LOGICAL_NONE, LOGICAL_FLAT, LOGICAL_CLUSTER };

/* What each kind is made of. */
static const struct {
	const char *name;
	uint32_t nr;
	bool one_xapic_id;
	enum apic_mode mode;
	bool enabled;
	int logical;
} makings[BYSTANDERS_NR] = {
	[BYSTANDERS_ALIASED] = { "aliased", 2, true, APIC_MODE_XAPIC, false,
				 LOGICAL_NONE },
	[BYSTANDERS_DISABLED] = { "disabled", 1, false, APIC_MODE_XAPIC, false,
				  LOGICAL_NONE },
	[BYSTANDERS_OFF] = { "off", 1, false, APIC_MODE_OFF, false,
			     LOGICAL_NONE },
	[BYSTANDERS_X2APIC] = { "x2apic", 1, false, APIC_MODE_X2APIC, true,
				LOGICAL_NONE },
	[BYSTANDERS_FLAT] = { "flat", 2, false, APIC_MODE_XAPIC, true,
			      LOGICAL_FLAT },
	[BYSTANDERS_CLUSTER] = { "cluster", 1, false, APIC_MODE_XAPIC, true,
				 LOGICAL_CLUSTER },
};

static const char *const arrivals[ARRIVAL_NR] = {
	[ARRIVAL_BEFORE] = "before",
	[ARRIVAL_BETWEEN] = "between",
	[ARRIVAL_LATE] = "late",
};

struct twin_kind twin_kind_of(uint32_t number)
{
	CHECK(number < TWIN_KINDS);
	return (struct twin_kind){ (enum bystanders)(number / ARRIVAL_NR),
				   (enum arrival)(number % ARRIVAL_NR) };
}

const char *twin_who(struct twin_kind kind)
{
	return makings[kind.who].name;
}

void twin_name(char out[TWIN_NAME_MAX], struct twin_kind kind)
{
	snprintf(out, TWIN_NAME_MAX, "%s-%s", twin_who(kind),
		 arrivals[kind.when]);
}

bool twin_parse(struct twin_kind *out, const char *name)
{
	char known[TWIN_NAME_MAX];

	for (uint32_t i = 0; i < TWIN_KINDS; i++) {
		*out = twin_kind_of(i);
		twin_name(known, *out);
		if (!strcmp(known, name))
			return true;
	}
	return false;
}

/* A message, as far as it matters whom it is meant for. */
struct sent {
	bool is_counted; /* by the op's answer, if it is sent by that */
	bool to_many;	 /* a shorthand that names others */
	bool one_of;	 /* to one of those that match */
	bool logical;
	enum delivery delivery;
	/* The destination as 8 bits, and with what 32-bit IDs add to it. */
	uint32_t dest[2];
};

static void sent_by_icr(struct sent *out, uint32_t dest, uint32_t low)
{
	uint32_t shorthand = low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK;

	out->delivery = low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	out->to_many = shorthand == SHORTHAND_ALL ||
		       shorthand == SHORTHAND_ALL_BUT_SELF;
	out->one_of = out->delivery == DELIVERY_LOWEST;
	out->logical = low & ICR_LOGICAL;
	out->dest[0] = dest;
	out->dest[1] = dest;
}

static void sent_by_device(struct sent *out, const struct op_msi *op)
{
	uint32_t low = op->address >> MSI_DEST_SHIFT & MSI_DEST_MASK;

	out->is_counted = true;
	out->delivery = op->data >> MSI_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
	out->one_of = out->delivery == DELIVERY_LOWEST ||
		      op->address & MSI_REDIRECTION_HINT;
	out->logical = op->address & MSI_LOGICAL;
	out->dest[0] = low;
	out->dest[1] = ((uint32_t)(op->address >> 32) & ~0xffu) | low;
}

/* False: @op sends nothing that could be meant for a bystander. */
static bool sent_by(struct sent *out, const struct op *op)
{
	memset(out, 0, sizeof(*out));
	if (op->kind == OP_msi) {
		sent_by_device(out, &op->as.msi);
		return true;
	}
	/* As if the line were asserted at once. */
	if (op->kind == OP_gsi_route) {
		const struct op_gsi_route *route = &op->as.gsi_route;

		sent_by_device(out,
			       &(struct op_msi){ route->address, route->data });
		return true;
	}
	if (op->kind == OP_icr_write) {
		sent_by_icr(out, op->as.icr_write.dest, op->as.icr_write.low);
		/* In xAPIC mode a guest has 8 bits for it. */
		if (op_agent(op) == AGENT_GUEST)
			out->dest[0] = (uint8_t)out->dest[1];
		return true;
	}
	if (op->kind == OP_x2apic_write &&
	    op->as.x2apic_write.reg == APIC_REG_icr) {
		sent_by_icr(out, (uint32_t)(op->as.x2apic_write.value >> 32),
			    (uint32_t)op->as.x2apic_write.value);
		return true;
	}
	return false;
}

/* By half of what says to whom, so that its destination is somewhere else. */
static bool sends_blindly(const struct op *op)
{
	if (op->kind == OP_ioapic_write)
		return !(op->as.ioapic_write.reg & 1) &&
		       !(op->as.ioapic_write.value & REDIRECTION_MASKED);
	return op->kind == OP_lapic_write && op_agent(op) == AGENT_GUEST &&
	       op->as.lapic_write.reg == APIC_REG_icr;
}

/*
 * Might such a bystander be meant, whatever its ID? What no manual settles, a
 * logical destination that is wider than an APIC in xAPIC mode knows, counts.
 */
static bool is_meant_for_all(const struct sent *sent, uint32_t dest,
			     enum apic_mode mode)
{
	if (mode == APIC_MODE_OFF)
		return false;
	if (sent->to_many || dest == X2APIC_BROADCAST ||
	    dest == XAPIC_BROADCAST)
		return true;
	if (mode == APIC_MODE_X2APIC)
		return false;
	return (uint8_t)dest == XAPIC_BROADCAST ||
	       (sent->logical && dest > UINT8_MAX);
}

/* SDM "Local APIC State After It Has Been Software Disabled". */
static bool may_take(enum bystanders who, const struct sent *sent)
{
	bool fixed = sent->delivery == DELIVERY_FIXED ||
		     sent->delivery == DELIVERY_LOWEST;
	enum apic_mode mode = makings[who].mode;

	if (fixed && !makings[who].enabled)
		return false;
	return is_meant_for_all(sent, sent->dest[0], mode) ||
	       is_meant_for_all(sent, sent->dest[1], mode);
}

/* Is @dest meant for this x2APIC ID, other than as a broadcast? */
static bool names_x2apic(const struct sent *sent, uint32_t dest, uint32_t id)
{
	if (!sent->logical)
		return dest == id;
	return dest >> 16 == id >> 4 && dest >> (id & 15) & 1;
}

static bool names_xapic(const struct sent *sent, uint32_t dest, uint32_t id)
{
	return !sent->logical && (uint8_t)dest == (uint8_t)id;
}

/* Is this ID free: not used, not the boot vCPU's, and meant by no message? */
static bool id_is_free(const struct scenario *s, uint32_t id)
{
	struct sent sent;

	if ((uint8_t)id == XAPIC_BROADCAST || id == s->config.boot_vcpu_id)
		return false;
	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];

		if (op->kind == OP_vcpu_create &&
		    op->as.vcpu_create.vcpu_id == id)
			return false;
		if (!sent_by(&sent, op))
			continue;
		for (int form = 0; form < 2; form++)
			if (names_xapic(&sent, sent.dest[form], id) ||
			    names_x2apic(&sent, sent.dest[form], id))
				return false;
	}
	return true;
}

/* IDs from here on, with room for aliases, also on kernels with few IDs. */
enum { ID_FIRST = 0x1fe, ID_SECOND = 0x3fe, ID_BELOW = 0x100 };

/* Two free IDs whose xAPIC IDs are equal, or are not. */
static bool find_second_id(uint32_t ids[2], const struct scenario *s,
			   bool one_xapic_id)
{
	for (ids[1] = ID_SECOND; ids[1] >= ID_BELOW; ids[1]--) {
		bool equal = (uint8_t)ids[1] == (uint8_t)ids[0];

		if (ids[1] != ids[0] && equal == one_xapic_id &&
		    id_is_free(s, ids[1]))
			return true;
	}
	return false;
}

static bool find_ids(uint32_t ids[2], const struct scenario *s,
		     enum bystanders who)
{
	for (ids[0] = ID_FIRST; ids[0] >= ID_BELOW; ids[0]--)
		if (id_is_free(s, ids[0]) &&
		    (makings[who].nr == 1 ||
		     find_second_id(ids, s, makings[who].one_xapic_id)))
			return true;
	return false;
}

static bool logical_id_is_free(const struct scenario *s, uint8_t id,
			       int logical)
{
	struct sent sent;

	for (size_t i = 0; i < s->nr_ops; i++) {
		uint8_t dest;

		if (!sent_by(&sent, &s->ops[i]) || !sent.logical ||
		    sent.to_many)
			continue;
		dest = (uint8_t)sent.dest[0];
		if (dest == XAPIC_BROADCAST)
			continue;
		if (logical == LOGICAL_CLUSTER && dest >> 4 != id >> 4)
			continue;
		if (dest & id & (logical == LOGICAL_CLUSTER ? 0xf : 0xff))
			return false;
	}
	return true;
}

/* One bit in the flat model; one member of cluster 0 to 14 in the other. */
static bool find_logical_id(uint8_t *out, const struct scenario *s, int logical)
{
	uint32_t clusters = logical == LOGICAL_CLUSTER ? 15 : 1;
	uint32_t members = logical == LOGICAL_CLUSTER ? 4 : 8;

	for (uint32_t cluster = 0; cluster < clusters; cluster++)
		for (uint32_t member = 0; member < members; member++) {
			*out = (uint8_t)(cluster << 4 | 1u << member);
			if (logical_id_is_free(s, *out, logical))
				return true;
		}
	return false;
}

static struct op *add(struct twin *out, enum op_kind kind)
{
	struct op *op = &out->scenario.ops[out->scenario.nr_ops++];

	CHECK(out->scenario.nr_ops <= OPS_MAX);
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	return op;
}

static void add_write(struct twin *out, uint16_t vcpu, enum apic_reg reg,
		      uint32_t value)
{
	add(out, OP_lapic_write)->as.lapic_write = (struct op_lapic_write){
		.vcpu = vcpu, .by = AGENT_HOST, .reg = reg, .value = value
	};
}

static void add_mode(struct twin *out, uint16_t vcpu, enum apic_mode mode)
{
	add(out, OP_apicbase_write)->as.apicbase_write =
		(struct op_apicbase_write){ .vcpu = vcpu,
					    .by = AGENT_HOST,
					    .value = APICBASE_ADDRESS_DEFAULT |
						     (uint64_t)mode << 10 };
}

/* At most: creation, mode, LDR, DFR, SVR. */
enum { OPS_OF_BYSTANDER = 5 };

/* @logical_id is 0 for none. */
static void add_bystander(struct twin *out, enum bystanders who, uint32_t id,
			  uint8_t logical_id)
{
	uint16_t vcpu = (uint16_t)scenario_nr_vcpus(&out->scenario,
						    out->scenario.nr_ops);

	out->is_bystander[vcpu] = true;
	add(out, OP_vcpu_create)->as.vcpu_create.vcpu_id = id;
	if (makings[who].mode != APIC_MODE_XAPIC)
		add_mode(out, vcpu, makings[who].mode);
	if (logical_id)
		add_write(out, vcpu, APIC_REG_ldr,
			  (uint32_t)logical_id << XAPIC_ID_SHIFT);
	if (makings[who].logical == LOGICAL_CLUSTER)
		add_write(out, vcpu, APIC_REG_dfr, DFR_CLUSTER);
	if (makings[who].enabled)
		add_write(out, vcpu, APIC_REG_svr, 0xff | SVR_ENABLE);
}

/* Before which op of @s the bystanders come. */
static size_t arrival_at(const struct scenario *s, enum arrival when)
{
	size_t half = (scenario_nr_vcpus(s, s->nr_ops) + 1) / 2;
	size_t at = 0;

	if (when == ARRIVAL_BEFORE || !s->nr_ops)
		return 0;
	if (when == ARRIVAL_LATE)
		return s->nr_ops - 1;
	while (scenario_nr_vcpus(s, at) < half)
		at++;
	return at;
}

/* An op of the original, on the vCPU that is its own in the twin. */
static void add_original(struct twin *out, const struct scenario *s, size_t i,
			 size_t *nr_vcpus)
{
	size_t at = out->scenario.nr_ops;
	int vcpu = op_vcpu(&s->ops[i]);

	out->op_at[i] = (uint16_t)at;
	if (s->ops[i].kind == OP_vcpu_create)
		out->vcpu_at[(*nr_vcpus)++] =
			(uint16_t)scenario_nr_vcpus(&out->scenario, at);
	*add(out, s->ops[i].kind) = s->ops[i];
	if (vcpu >= 0)
		op_set_vcpu(&out->scenario.ops[at], out->vcpu_at[vcpu]);
}

/*
 * False: a choice among several could rightly fall on a bystander, or it is not
 * known whom a message is for.
 */
static bool note_what_they_take(struct twin *out, const struct scenario *s,
				enum bystanders who)
{
	bool takes_gsi[UINT8_MAX + 1] = { false };
	struct sent sent;

	for (size_t i = 0; i < s->nr_ops; i++) {
		const struct op *op = &s->ops[i];
		bool takes = sent_by(&sent, op) && may_take(who, &sent);

		if ((takes && sent.one_of) || sends_blindly(op))
			return false;
		if (op->kind == OP_gsi_route)
			takes_gsi[op->as.gsi_route.gsi] |= takes;
		out->answer_is_open[i] = takes && sent.is_counted;
		if (op->kind == OP_irq_line)
			out->answer_is_open[i] = takes_gsi[op->as.irq_line.gsi];
	}
	return true;
}

bool twin_make(struct twin *out, const struct scenario *s,
	       struct twin_kind kind)
{
	uint32_t nr = makings[kind.who].nr, ids[2];
	size_t at = arrival_at(s, kind.when), nr_vcpus = 0;
	uint8_t logical_id = 0;

	if (s->nr_ops + nr * OPS_OF_BYSTANDER > OPS_MAX ||
	    scenario_nr_vcpus(s, s->nr_ops) + nr > VCPUS_MAX ||
	    (makings[kind.who].mode == APIC_MODE_X2APIC &&
	     s->config.cpuid != CPUID_X2APIC))
		return false;
	if (!note_what_they_take(out, s, kind.who) ||
	    !find_ids(ids, s, kind.who))
		return false;
	if (makings[kind.who].logical != LOGICAL_NONE &&
	    !find_logical_id(&logical_id, s, makings[kind.who].logical))
		return false;
	out->scenario.config = s->config;
	out->scenario.nr_ops = 0;
	out->nr_ops = (uint32_t)s->nr_ops;
	memset(out->is_bystander, 0, sizeof(out->is_bystander));
	for (size_t i = 0; i <= s->nr_ops; i++) {
		for (uint32_t b = 0; i == at && b < nr; b++)
			add_bystander(out, kind.who, ids[b], logical_id);
		if (i < s->nr_ops)
			add_original(out, s, i, &nr_vcpus);
	}
	out->op_at[s->nr_ops] = (uint16_t)out->scenario.nr_ops;
	return true;
}

void twin_project(struct observation *out, const struct twin *twin,
		  const struct observation *beside)
{
	uint32_t nr_vcpus = 0;

	CHECK(beside->nr_steps == twin->scenario.nr_ops + 1);
	observation_start(out);
	for (uint32_t i = 0; i <= twin->nr_ops; i++) {
		uint32_t at = twin->op_at[i];
		const struct step *step = &beside->steps[at];
		struct step *seen;

		nr_vcpus += i < twin->nr_ops &&
			    twin->scenario.ops[at].kind == OP_vcpu_create;
		seen = observation_add(out, step->answer,
				       step->nr_states ? nr_vcpus : 0);
		for (uint32_t v = 0; v < seen->nr_states; v++)
			*observation_state(out, seen, v) =
				*observation_state_const(beside, step,
							 twin->vcpu_at[v]);
	}
}

void twin_print(FILE *out, const struct twin *twin)
{
	uint32_t created = 0;

	for (size_t i = 0; i < twin->scenario.nr_ops; i++) {
		const struct op *op = &twin->scenario.ops[i];
		int vcpu = op_vcpu(op);

		if (op->kind == OP_vcpu_create)
			vcpu = (int)created++;
		fputs("#   ", out);
		op_print(out, op);
		fputs(vcpu >= 0 && twin->is_bystander[vcpu] ? " (bystander)\n" :
							      "\n",
		      out);
	}
}
