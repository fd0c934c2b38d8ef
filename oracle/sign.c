/*
 * Signatures: what a divergence is, without what is accidental in it. One
 * line: op and the kind of message, who acts, observable, symptom, mode of
 * the vCPUs that differ, and the format of IDs.
 */
#include <stdio.h>
#include <string.h>

#include "oracle/examine.h"
#include "scenario/check.h"
#include "scenario/tables.h"
#include "scenario/x86.h"

static const char *const symptom_names[] = {
	[SYMPTOM_NONE] = "none",
	[SYMPTOM_WRONGLY_ACCEPTED] = "wrongly-accepted",
	[SYMPTOM_WRONGLY_REFUSED] = "wrongly-refused",
	[SYMPTOM_WRONG_ERROR] = "wrong-error",
	[SYMPTOM_CHANGED_ON_ERROR] = "changed-on-error",
	[SYMPTOM_LOST] = "lost",
	[SYMPTOM_EXTRA] = "extra",
	[SYMPTOM_WRONG_TARGET] = "wrong-target",
	[SYMPTOM_WRONG_VALUE] = "wrong-value",
};

static const char *const delivery_names[] = {
	[DELIVERY_FIXED] = "fixed", [DELIVERY_LOWEST] = "lowest",
	[DELIVERY_SMI] = "smi",	    [DELIVERY_RESERVED] = "reserved",
	[DELIVERY_NMI] = "nmi",	    [DELIVERY_INIT] = "init",
	[DELIVERY_SIPI] = "sipi",   [DELIVERY_EXTINT] = "extint",
};

static const char *const shorthand_names[] = {
	[SHORTHAND_SELF] = "self",
	[SHORTHAND_ALL] = "all",
	[SHORTHAND_ALL_BUT_SELF] = "all-but-self",
};

static const char *const mode_names[] = {
	[APIC_MODE_OFF] = "off",
	[APIC_MODE_INVALID] = "invalid",
	[APIC_MODE_XAPIC] = "xapic",
	[APIC_MODE_X2APIC] = "x2apic",
};

const char *symptom_name(enum symptom symptom)
{
	return symptom_names[symptom];
}

uint64_t signature_hash(const char *signature)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *signature; signature++)
		hash = (hash ^ (uint8_t)*signature) * 0x100000001b3u;
	return hash;
}

/* irr0 to irr7 are one thing: which one it is depends on the vector. */
static void observable_kind(char out[32], const char *name)
{
	size_t len = strlen(name);

	if (strncmp(name, "apic_", 5) == 0 && len == 9 &&
	    (strstr(name, "irr") || strstr(name, "isr") || strstr(name, "tmr")))
		len--;
	snprintf(out, 32, "%.*s", (int)len, name);
}

/*
 * The difference that names the divergence: of a message the request that it
 * leaves, else the first.
 */
static const struct difference *main_difference(const struct verdict *v)
{
	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX; i++)
		if (!strncmp(v->differences[i].name, "apic_irr", 8))
			return &v->differences[i];
	return &v->differences[0];
}

/* Each bit of these, or each one counted, is an event that came or did not. */
static bool is_set_of_events(const char *kind)
{
	static const char *const sets[] = { "apic_irr", "apic_isr", "apic_tmr",
					    "nmi_pending", "smi_pending" };

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (!strcmp(kind, sets[i]))
			return true;
	return false;
}

/* Of a number that counts events any higher one has more of them. */
static bool is_count(const char *kind)
{
	return !strcmp(kind, "nmi_pending");
}

/* Lost here and extra there is a wrong target; both in one, a wrong value. */
static enum symptom event_symptom(const struct verdict *v, const char *kind)
{
	bool lost = false, extra = false, both = false;

	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX;
	     i++) {
		const struct difference *d = &v->differences[i];
		bool misses = d->want & ~d->got;
		bool exceeds = d->got & ~d->want;
		char this_kind[32];

		observable_kind(this_kind, d->name);
		if (strcmp(this_kind, kind))
			continue;
		if (is_count(kind)) {
			misses = d->want > d->got;
			exceeds = d->got > d->want;
		}
		lost |= misses;
		extra |= exceeds;
		both |= misses && exceeds;
	}
	if (both)
		return SYMPTOM_WRONG_VALUE;
	if (lost && extra)
		return SYMPTOM_WRONG_TARGET;
	return lost ? SYMPTOM_LOST : SYMPTOM_EXTRA;
}

static enum symptom find_symptom(const struct verdict *v, const char *kind,
				 const struct answer *want)
{
	const struct difference *first = main_difference(v);

	if (first->vcpu < 0 && !strcmp(first->name, "accepted"))
		return first->want ? SYMPTOM_WRONGLY_REFUSED :
				     SYMPTOM_WRONGLY_ACCEPTED;
	if (first->vcpu < 0 && !strcmp(first->name, "value"))
		return SYMPTOM_WRONG_VALUE;
	if (first->vcpu < 0)
		return SYMPTOM_WRONG_ERROR;
	if (is_set_of_events(kind))
		return event_symptom(v, kind);
	if (v->cause == v->step && want->error)
		return SYMPTOM_CHANGED_ON_ERROR;
	return SYMPTOM_WRONG_VALUE;
}

/* ".physical.fixed" and the like, for what @low says as ICR or as MSI. */
static void message_kind(char *out, size_t cap, uint32_t shorthand,
			 bool logical, uint32_t delivery)
{
	const char *dest = logical ? "logical" : "physical";

	if (shorthand != SHORTHAND_NONE)
		dest = shorthand_names[shorthand];
	snprintf(out, cap, ".%s.%s", dest, delivery_names[delivery]);
}

static void icr_kind(char *out, size_t cap, uint32_t low)
{
	message_kind(out, cap, low >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK,
		     low & ICR_LOGICAL,
		     low >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK);
}

/* ".svr": a register by its name; reserved slots are all one. */
static void register_kind(char *out, size_t cap, uint32_t slot)
{
	const char *name = observables[OBSERVABLES - APIC_REGS + slot].name;
	char kind[32];

	if (strncmp(name, "apic_reserved", 13) == 0)
		name = "apic_reserved";
	observable_kind(kind, name);
	snprintf(out, cap, ".%s", kind + strlen("apic_"));
}

/* ".mtrr_phys_base": an MSR by its name, the pairs and fixed ranges as one. */
static void msr_kind(char *out, size_t cap, uint32_t msr)
{
	static const struct value_name names[] = {
#define MSR(number, name) { #name, number },
#define MSR_READ_ONLY(number, name) { #name, number },
#define MSR_ABSENT(number, name) { "absent", number },
#include "scenario/msrs.def"
	};
	const char *name = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].value == msr)
			name = names[i].name;
	snprintf(out, cap, ".%.*s", (int)strcspn(name, "0123456789"), name);
}

/* What kind of thing the op did: its name, and for messages which. */
static void subject(char *out, size_t cap, const struct scenario *s,
		    uint32_t step)
{
	const struct op *op = &s->ops[step];
	char kind[48] = "";

	if (step >= s->nr_ops) {
		snprintf(out, cap, "end");
		return;
	}
	if (op->kind == OP_msi)
		message_kind(kind, sizeof(kind), SHORTHAND_NONE,
			     op->as.msi.address & MSI_LOGICAL,
			     op->as.msi.data >> MSI_DELIVERY_SHIFT &
				     ICR_DELIVERY_MASK);
	else if (op->kind == OP_gsi_route)
		message_kind(kind, sizeof(kind), SHORTHAND_NONE,
			     op->as.gsi_route.address & MSI_LOGICAL,
			     op->as.gsi_route.data >> MSI_DELIVERY_SHIFT &
				     ICR_DELIVERY_MASK);
	else if (op->kind == OP_icr_write)
		icr_kind(kind, sizeof(kind), op->as.icr_write.low);
	else if (op->kind == OP_x2apic_write &&
		 op->as.x2apic_write.reg == APIC_REG_icr)
		icr_kind(kind, sizeof(kind),
			 (uint32_t)op->as.x2apic_write.value);
	else if (op->kind == OP_lapic_write && op_agent(op) == AGENT_GUEST &&
		 op->as.lapic_write.reg == APIC_REG_icr)
		icr_kind(kind, sizeof(kind), op->as.lapic_write.value);
	else if (op->kind == OP_x2apic_write)
		register_kind(kind, sizeof(kind), op->as.x2apic_write.reg);
	else if (op->kind == OP_x2apic_read)
		register_kind(kind, sizeof(kind), op->as.x2apic_read.reg);
	else if (op->kind == OP_lapic_read)
		register_kind(kind, sizeof(kind), op->as.lapic_read.reg);
	else if (op->kind == OP_lapic_write)
		register_kind(kind, sizeof(kind), op->as.lapic_write.reg);
	else if (op->kind == OP_msr_write)
		msr_kind(kind, sizeof(kind), op->as.msr_write.msr);
	else if (op->kind == OP_msr_read)
		msr_kind(kind, sizeof(kind), op->as.msr_read.msr);
	snprintf(out, cap, "%s%s", op_name(op->kind), kind);
}

/* The modes of the vCPUs that differ, or of the one that acts. */
static void modes(char *out, size_t cap, const struct verdict *v,
		  const struct scenario *s, const struct expectation *e)
{
	const struct step *step = &e->want.steps[v->step];
	bool in[ARRAY_SIZE(mode_names)] = { false };
	int actor = v->step < s->nr_ops ? op_vcpu(&s->ops[v->step]) : -1;
	size_t len = 0;

	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX;
	     i++) {
		int vcpu = v->differences[i].vcpu;

		if (vcpu < 0)
			vcpu = actor;
		if (vcpu < 0 || (uint32_t)vcpu >= step->nr_states)
			continue;
		in[apic_mode(
			observation_state_const(&e->want, step, (uint32_t)vcpu)
				->apicbase)] = true;
	}
	snprintf(out, cap, "-");
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++)
		if (in[i])
			len += (size_t)snprintf(out + len, cap - len, "%s%s",
						len ? "+" : "", mode_names[i]);
}

/* Is USE_32BIT_IDS on when @step runs? */
static bool ids_are_32bit(const struct scenario *s, uint32_t step)
{
	uint32_t flags = s->config.x2apic_api;

	for (uint32_t i = 0; i < step && i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_x2apic_api_enable)
			flags |= s->ops[i].as.x2apic_api_enable.flags;
	return flags & X2APIC_API_USE_32BIT_IDS;
}

void oracle_sign(struct verdict *verdict, const struct scenario *s,
		 const struct expectation *expected)
{
	const struct answer *want = &expected->want.steps[verdict->step].answer;
	char what[80], kind[32], in_modes[48];

	CHECK(verdict->kind == VERDICT_DIVERGE);
	observable_kind(kind, main_difference(verdict)->name);
	verdict->symptom = find_symptom(verdict, kind, want);
	subject(what, sizeof(what), s, verdict->cause);
	modes(in_modes, sizeof(in_modes), verdict, s, expected);
	snprintf(verdict->signature, sizeof(verdict->signature),
		 "%s %s %s %s %s %s", what,
		 verdict->cause < s->nr_ops &&
				 op_agent(&s->ops[verdict->cause]) ==
					 AGENT_GUEST ?
			 "guest" :
			 "host",
		 kind, symptom_name(verdict->symptom), in_modes,
		 ids_are_32bit(s, verdict->cause) ? "ids32" : "ids8");
}
