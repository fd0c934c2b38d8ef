/* Checks of what vCPUs show, in emitted programs. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "cli/emit.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/*
 * How `out->value[...]` is read, of what read_state() has, and what kind of
 * number it is; an observable without its lines here does not compile.
 */
#define READ_apicbase "sregs.apic_base"
#define READ_cr0 "sregs.cr0"
#define READ_cr4 "sregs.cr4"
#define READ_efer "sregs.efer"
#define READ_mp_state "mp_state.mp_state"
#define READ_nmi_pending "events.nmi.pending"
#define READ_smi_pending                           \
	"events.flags & KVM_VCPUEVENT_VALID_SMM ?" \
	"\n\t\t\t\t\t  events.smi.pending :\n\t\t\t\t\t  0"
#define READ_cs_selector "sregs.cs.selector"
#define KIND_apicbase VALUE_APICBASE
#define KIND_cr0 VALUE_CR0
#define KIND_cr4 VALUE_CR4
#define KIND_efer VALUE_EFER
#define KIND_mp_state VALUE_MP_STATE
#define KIND_nmi_pending VALUE_PLAIN
#define KIND_smi_pending VALUE_PLAIN
#define KIND_cs_selector VALUE_PLAIN

enum { OTHERS = OBSERVABLES - APIC_REGS };

static const struct {
	const char *read;
	enum value_kind kind;
} others[OTHERS] = {
#define OBSERVABLE(type, name) { READ_##name, KIND_##name },
#include "scenario/observables.def"
};

static enum value_kind kind_of(size_t i)
{
	return i < OTHERS ? others[i].kind :
			    value_kind_of((uint32_t)(i - OTHERS));
}

/* The index in the emitted tables, and the name. */
static void index_text(char out[2 * NAME_TEXT_MAX], size_t i)
{
	char name[NAME_TEXT_MAX];

	if (i < OTHERS)
		snprintf(out, 2 * NAME_TEXT_MAX, "%s",
			 observable_macro(name, i));
	else
		snprintf(out, 2 * NAME_TEXT_MAX, "IN_PAGE(%s)",
			 observable_macro(name, i));
}

static uint64_t all_bits(size_t i)
{
	return observables[i].size == 8 ? UINT64_MAX : UINT32_MAX;
}

/* What observable @i of @vcpu is to be at this step, in each outcome. */
static void expected_of(struct expected out[OUTCOMES_MAX],
			const struct emission *e, uint32_t at, size_t i)
{
	for (uint32_t o = 0; o < e->nr_outcomes; o++) {
		const struct possibility *outcome = &e->outcomes[o];
		uint64_t care = observable_get(&observables[i],
					       &outcome->care_states[at]);

		out[o].mask = care;
		out[o].value = observable_get(&observables[i],
					      &outcome->want_states[at]) &
			       care;
		if (care == all_bits(i))
			out[o].mask = UINT64_MAX;
	}
}

/* Did this host show something that fits no outcome? */
static bool differs_here(const struct emission *e, const struct expected *all,
			 uint32_t at, size_t i, uint64_t *out_got)
{
	if (!e->got)
		return false;
	*out_got = observable_get(&observables[i], &e->got->states[at]);
	for (uint32_t o = 0; o < e->nr_outcomes; o++)
		if ((*out_got & all[o].mask) == all[o].value)
			return false;
	return true;
}

/* Is it as in all new vCPUs, so that check_rest() of the program sees to it? */
static bool is_rest(const struct emission *e, const struct expected *all,
		    size_t i)
{
	uint64_t care = observable_get(&observables[i], &e->new_care);
	uint64_t want = observable_get(&observables[i], &e->new_want) & care;

	return e->is_alike[i] && emit_all_alike(all, e->nr_outcomes) &&
	       all[0].value == want &&
	       all[0].mask == (care == all_bits(i) ? UINT64_MAX : care);
}

static void vectors_text(char *out, size_t cap, size_t i, uint64_t bits)
{
	uint32_t first = (uint32_t)(i - OTHERS - APIC_REG_isr0) % 8 * 32;
	size_t len = 0;

	for (uint32_t bit = 0; bit < 32 && len < cap; bit++)
		if (bits >> bit & 1)
			len += (size_t)snprintf(out + len, cap - len,
						"%sVECTOR_BIT(0x%02x)",
						len ? " | " : "", first + bit);
}

static const char *expected_text(char out[VALUE_TEXT_MAX], size_t i,
				 uint64_t value)
{
	enum value_kind kind = kind_of(i);

	if (kind == VALUE_VECTORS && value &&
	    __builtin_popcountll(value) <= 4) {
		vectors_text(out, VALUE_TEXT_MAX, i, value);
		return out;
	}
	return value_text(out, kind, value);
}

static void check_by_name(struct emission *e, const struct expected *all,
			  size_t i)
{
	char text[VALUE_TEXT_MAX], index[2 * NAME_TEXT_MAX];
	char call[4 * NAME_TEXT_MAX];

	index_text(index, i);
	e->nr_checks++;
	if (!emit_all_alike(all, e->nr_outcomes)) {
		snprintf(call, sizeof(call), "check_state_one_of(&state, %s",
			 index);
		emit_choices(e, call, all, "");
		return;
	}
	expected_text(text, i, all[0].value);
	if (all[0].mask == UINT64_MAX) {
		emit_statement(e, "check_state(&state, %s, %s);", index, text);
	} else if (all[0].mask) {
		emit_statement(e,
			       "check_state_bits(&state, %s, 0x%" PRIx64
			       ", %s);",
			       index, all[0].mask, text);
	} else {
		emit_statement(e, "ignore(&state, %s);", index);
		e->nr_checks--;
	}
}

static void check_vcpu(struct emission *e, uint32_t vcpu, uint32_t at)
{
	struct expected all[OUTCOMES_MAX];
	bool is_end = e->step == e->scenario->nr_ops;
	uint64_t got = 0;

	if (is_end)
		emit_statement(e,
			       "read_state(&state, %" PRIu32
			       ", \"at the end\");",
			       vcpu);
	else
		emit_statement(e,
			       "read_state(&state, %" PRIu32 ", \"op %" PRIu32
			       "\");",
			       vcpu, e->step + 1);
	for (size_t i = 0; i < OBSERVABLES; i++) {
		bool differs;

		expected_of(all, e, at, i);
		differs = differs_here(e, all, at, i, &got);
		if (differs)
			emit_statement(e,
				       "/* The host named above has 0x%" PRIx64
				       ". */",
				       got);
		if (differs || !is_rest(e, all, i))
			check_by_name(e, all, i);
	}
	emit_statement(e, "check_rest(&state);");
	e->nr_checks++;
}

void emit_check_states(struct emission *e)
{
	const struct step *step = &e->outcomes[0].want[e->step];

	for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++) {
		if (!emit_is_created(e, vcpu))
			continue;
		emit_comment(e, "What vCPU %" PRIu32 " shows %s.", vcpu,
			     e->step == e->scenario->nr_ops ? "at the end" :
							      "here");
		check_vcpu(e, vcpu, step->first_state + vcpu);
	}
}

static void print_names(FILE *out)
{
	size_t column = 0;

	fputs("static const char *const names[NR_STATE] = {", out);
	for (size_t i = 0; i < OBSERVABLES; i++) {
		char name[NAME_TEXT_MAX];
		size_t len = strlen(observable_name(name, i)) + 4;

		if (!column || column + len > 72) {
			fputs("\n\t", out);
			column = 0;
		}
		fprintf(out, "%s\"%s\",", column ? " " : "", name);
		column += len;
	}
	fputs("\n};\n\n", out);
}

/* What all new vCPUs have alike: the values, or the bits that are open. */
static uint64_t new_bits(const struct emission *e, size_t i, bool open)
{
	const struct observable *o = &observables[i];
	uint64_t care = observable_get(o, &e->new_care);

	if (!e->is_alike[i])
		return 0;
	return open ? ~care & all_bits(i) :
		      observable_get(o, &e->new_want) & care;
}

static void print_new(FILE *out, const struct emission *e, bool open)
{
	char text[VALUE_TEXT_MAX], index[2 * NAME_TEXT_MAX];
	bool any = false;

	for (size_t i = 0; i < OBSERVABLES; i++) {
		uint64_t bits = new_bits(e, i, open);

		if (!bits)
			continue;
		any = true;
		index_text(index, i);
		if (open)
			fprintf(out, "\t[%s] = 0x%" PRIx64 ",\n", index, bits);
		else
			fprintf(out, "\t[%s] = %s,\n", index,
				expected_text(text, i, bits));
	}
	if (!any)
		fputs("\t0 /* none */\n", out);
	fputs("};\n\n", out);
}

static void print_read_state(FILE *out)
{
	char name[NAME_TEXT_MAX];

	fputs("/* KVM_GET_MP_STATE first: it makes the vCPU take an INIT or "
	      "SIPI. */\n"
	      "static void read_state(struct state *out, int vcpu, "
	      "const char *when)\n{\n"
	      "\tint fd = vcpu_fds[vcpu];\n"
	      "\tstruct kvm_mp_state mp_state;\n"
	      "\tstruct kvm_lapic_state page;\n"
	      "\tstruct kvm_vcpu_events events;\n"
	      "\tstruct kvm_sregs sregs;\n\n"
	      "\tmust(ioctl(fd, KVM_GET_MP_STATE, &mp_state));\n"
	      "\t/* KVM may have none to give: then all of it counts as 0. */\n"
	      "\tif (ioctl(fd, KVM_GET_LAPIC, &page) != 0)\n"
	      "\t\tmemset(&page, 0, sizeof(page));\n"
	      "\tmust(ioctl(fd, KVM_GET_VCPU_EVENTS, &events));\n"
	      "\tmust(ioctl(fd, KVM_GET_SREGS, &sregs));\n"
	      "\t*out = (struct state){ .vcpu = vcpu, .when = when };\n",
	      out);
	for (size_t i = 0; i < OTHERS; i++)
		fprintf(out, "\tout->value[%s] = %s;\n",
			observable_macro(name, i), others[i].read);
	fputs("\tfor (int offset = 0; offset < APIC_PAGE_USED; offset += 16)\n"
	      "\t\tmemcpy(&out->value[IN_PAGE(offset)], page.regs + offset,\n"
	      "\t\t       sizeof(uint32_t));\n"
	      "}\n\n",
	      out);
}

void emit_state_tables(FILE *out, const struct emission *e)
{
	char name[NAME_TEXT_MAX];

	fputs("/* What a vCPU shows: these, and the registers of its APIC page."
	      " */\nenum {\n",
	      out);
	for (size_t i = 0; i < OTHERS; i++)
		fprintf(out, "\t%s,\n", observable_macro(name, i));
	fputs("\tAPIC_PAGE,\n\tNR_STATE = APIC_PAGE + 64\n};\n"
	      "#define IN_PAGE(offset) (APIC_PAGE + (offset) / 16)\n"
	      "#define APIC_PAGE_USED 0x400\n\n",
	      out);
	print_names(out);
	fputs("struct state {\n\tint vcpu;\n\tconst char *when;\n"
	      "\tuint64_t value[NR_STATE];\n\tbool is_checked[NR_STATE];\n"
	      "};\n\n",
	      out);
	fputs("/* What all new vCPUs have: 0 but for these. */\n"
	      "static const uint64_t new_vcpu[NR_STATE] = {\n",
	      out);
	print_new(out, e, false);
	fputs("/* Bits of those that may have either value. */\n"
	      "static const uint64_t open_bits[NR_STATE] = {\n",
	      out);
	print_new(out, e, true);
	print_read_state(out);
}
