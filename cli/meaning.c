/* Values in words: what bits, states, errors and messages are called. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/effects.h"
#include "cli/page.h"
#include "scenario/check.h"
#include "scenario/tables.h"

/* The bits that have a name in the manuals. */
static const struct {
	const char *name; /* of the observable, or how it begins */
	uint32_t bit;
	const char *meaning;
} bits[] = {
	{ "apicbase", 8, "BSP" },
	{ "apicbase", 10, "x2APIC enable" },
	{ "apicbase", 11, "APIC enable" },
	{ "apic_svr", 8, "APIC software enable" },
	{ "apic_svr", 9, "focus processor checking" },
	{ "apic_svr", 12, "EOI-broadcast suppression" },
	{ "apic_lvt", 8, "delivery mode" },
	{ "apic_lvt", 9, "delivery mode" },
	{ "apic_lvt", 10, "delivery mode" },
	{ "apic_lvt", 12, "delivery status" },
	{ "apic_lvt", 13, "polarity" },
	{ "apic_lvt", 14, "remote IRR" },
	{ "apic_lvt", 15, "level" },
	{ "apic_lvt", 16, "masked" },
	{ "apic_lvt", 17, "timer mode: periodic" },
	{ "apic_lvt", 18, "timer mode: TSC-deadline" },
	{ "apic_icr", 8, "delivery mode" },
	{ "apic_icr", 9, "delivery mode" },
	{ "apic_icr", 10, "delivery mode" },
	{ "apic_icr", 11, "logical" },
	{ "apic_icr", 12, "delivery status" },
	{ "apic_icr", 14, "assert" },
	{ "apic_icr", 15, "level" },
	{ "apic_esr", 5, "send illegal vector" },
	{ "apic_esr", 6, "receive illegal vector" },
	{ "apic_esr", 7, "illegal register address" },
	{ "cr0", 0, "PE" },
	{ "cr0", 1, "MP" },
	{ "cr0", 2, "EM" },
	{ "cr0", 3, "TS" },
	{ "cr0", 4, "ET" },
	{ "cr0", 5, "NE" },
	{ "cr0", 16, "WP" },
	{ "cr0", 18, "AM" },
	{ "cr0", 29, "NW" },
	{ "cr0", 30, "CD" },
	{ "cr0", 31, "PG" },
	{ "cr4", 4, "PSE" },
	{ "cr4", 5, "PAE" },
	{ "cr4", 12, "LA57" },
	{ "cr4", 17, "PCIDE" },
	{ "efer", 0, "SCE" },
	{ "efer", 8, "LME" },
	{ "efer", 10, "LMA" },
	{ "efer", 11, "NXE" },
	{ "efer", 12, "SVME" },
};

bool meaning_is_vectors(const char *name, uint32_t *out_first,
			const char **out_kind)
{
	static const char *const names[][2] = { { "apic_isr", "ISR" },
						{ "apic_tmr", "TMR" },
						{ "apic_irr", "IRR" } };
	size_t len = strlen("apic_isr");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strncmp(name, names[i][0], len) != 0 ||
		    strlen(name) != len + 1)
			continue;
		*out_first = 32 * (uint32_t)(name[len] - '0');
		*out_kind = names[i][1];
		return true;
	}
	return false;
}

static const char *named(const char *const *names, size_t nr, uint64_t value)
{
	return value < nr && names[value] ? names[value] : "";
}

static const char *mp_state_word(uint64_t value)
{
	static const char *const names[] = {
		[MP_STATE_RUNNABLE] = "runnable",
		[MP_STATE_UNINITIALIZED] = "uninitialized",
		[MP_STATE_INIT_RECEIVED] = "init_received",
		[MP_STATE_HALTED] = "halted",
		[MP_STATE_SIPI_RECEIVED] = "sipi_received",
		[MP_STATE_STOPPED] = "stopped",
	};

	return named(names, ARRAY_SIZE(names), value);
}

static const char *outcome_word(uint64_t value)
{
	static const char *const names[] = {
		[OUTCOME_DONE] = "done",
		[OUTCOME_EXCEPTION] = "exception",
		[OUTCOME_NOT_RUN] = "vCPU does not run",
		[OUTCOME_IMPOSSIBLE] = "impossible",
		[OUTCOME_HALTED] = "halted",
		[OUTCOME_RESET] = "reset by INIT",
		[OUTCOME_SHUTDOWN] = "shutdown",
		[OUTCOME_INTERNAL_ERROR] = "KVM internal error",
		[OUTCOME_FAIL_ENTRY] = "entry failed",
		[OUTCOME_OTHER_EXIT] = "another exit",
		[OUTCOME_HANGS] = "hangs",
		[OUTCOME_EXCEPTION_WAITS] = "an exception waits",
	};

	return named(names, ARRAY_SIZE(names), value);
}

static const char *exception_word(uint64_t vector)
{
	static const char *const names[] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
		"#DF", NULL,  "#TS", "#NP", "#SS", "#GP", "#PF", NULL,
		"#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
	};

	return named(names, ARRAY_SIZE(names), vector);
}

static const char *mode_word(uint64_t apicbase)
{
	static const char *const names[] = {
		[APIC_MODE_OFF] = "APIC off",
		[APIC_MODE_INVALID] = "invalid mode",
		[APIC_MODE_XAPIC] = "xAPIC mode",
		[APIC_MODE_X2APIC] = "x2APIC mode",
	};

	return names[apic_mode(apicbase)];
}

static const char *error_word(uint64_t error)
{
	const char *name = error && error < 4096 ? strerrorname_np((int)error) :
						   NULL;

	return name ? name : "";
}

/* A message is accepted if somebody receives it; other ops if they are done. */
static const char *accepted_word(const struct op *op, bool accepted)
{
	if (op && op->kind == OP_msi)
		return accepted ? "delivered" : "delivered to nobody";
	return accepted ? "accepted" : "refused";
}

void meaning_of_value(char out[MEANING_MAX], const struct op *op,
		      const char *name, uint64_t value)
{
	const char *word = "";

	if (!strcmp(name, "mp_state"))
		word = mp_state_word(value);
	else if (!strcmp(name, "apicbase"))
		word = mode_word(value);
	else if (!strcmp(name, "outcome"))
		word = outcome_word(value);
	else if (!strcmp(name, "exception") && value)
		word = exception_word(value);
	else if (!strcmp(name, "error"))
		word = error_word(value);
	else if (!strcmp(name, "accepted"))
		word = accepted_word(op, value);
	snprintf(out, MEANING_MAX, "%s", word);
}

static const char *bit_word(const char *name, uint32_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (bits[i].bit == bit &&
		    !strncmp(name, bits[i].name, strlen(bits[i].name)))
			return bits[i].meaning;
	return NULL;
}

/* "A 0x40, 0x42": those of @set, counted from @first. */
static size_t put_vectors(char *out, size_t cap, uint64_t set, uint32_t first,
			  const char *before, const char *after)
{
	size_t len = (size_t)snprintf(out, cap, "%s vector%s", before,
				      set & (set - 1) ? "s" : "");

	for (uint32_t bit = 0; bit < 32 && len < cap; bit++)
		if (set >> bit & 1)
			len += (size_t)snprintf(
				out + len, cap - len, "%s 0x%02" PRIx32,
				set & ((1ull << bit) - 1) ? "," : "",
				first + bit);
	if (len < cap)
		len += (size_t)snprintf(out + len, cap - len, "%s", after);
	return len < cap ? len : cap - 1;
}

static void vectors(char out[MEANING_MAX], const struct difference *d,
		    uint32_t first)
{
	uint64_t lost = d->want & ~d->got, extra = d->got & ~d->want;
	size_t len = 0;

	if (lost)
		len = put_vectors(out, MEANING_MAX, lost, first, "lost:", "");
	if (extra)
		put_vectors(out + len, MEANING_MAX - len, extra, first,
			    lost ? "; extra:" : "extra:", "");
}

/* "bit 8 (BSP) clear": each bit as it was got. */
static void named_bits(char out[MEANING_MAX], const struct difference *d)
{
	uint64_t set = d->want ^ d->got;
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t bit = 0; bit < 64 && len < MEANING_MAX; bit++) {
		const char *word = bit_word(d->name, bit);

		if (!(set >> bit & 1))
			continue;
		len += (size_t)snprintf(out + len, MEANING_MAX - len,
					"%sbit %" PRIu32 "%s%s%s",
					len ? "; " : "", bit, word ? " (" : "",
					word ? word : "", word ? ")" : "");
		if (len < MEANING_MAX)
			len += (size_t)snprintf(out + len, MEANING_MAX - len,
						d->got >> bit & 1 ? " set" :
								    " clear");
	}
}

static const char *answer_word(const struct op *op, const struct difference *d)
{
	bool is_message = op && op->kind == OP_msi;

	if (!strcmp(d->name, "accepted") && is_message)
		return d->want ? "lost" : "extra";
	if (!strcmp(d->name, "accepted"))
		return d->want ? "wrongly refused" : "wrongly accepted";
	if (!strcmp(d->name, "error"))
		return "errno";
	if (!strcmp(d->name, "outcome"))
		return "what became of the guest\xe2\x80\x99s instruction";
	if (!strcmp(d->name, "exception"))
		return "vector of the exception";
	return "what was read; of an exception its error code";
}

/* Of a number bits say nothing. */
static bool is_number(const char *name)
{
	static const char *const numbers[] = { "apic_ppr",    "apic_tpr",
					       "apic_apr",    "apic_id",
					       "apic_tmcct",  "apic_tmict",
					       "cs_selector", "apic_icr_high" };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(name, numbers[i]))
			return true;
	return false;
}

static bool is_count(const char *name)
{
	return !strcmp(name, "nmi_pending") || !strcmp(name, "smi_pending");
}

void meaning_of_difference(char out[MEANING_MAX], const struct op *op,
			   const struct difference *d)
{
	const char *kind;
	uint32_t first;

	if (d->vcpu < 0)
		snprintf(out, MEANING_MAX, "%s", answer_word(op, d));
	else if (meaning_is_vectors(d->name, &first, &kind))
		vectors(out, d, first);
	else if (is_count(d->name))
		snprintf(out, MEANING_MAX, "%s %s",
			 d->name[0] == 'n' ? "NMI" : "SMI",
			 d->got < d->want ? "lost" : "extra");
	else if (!strcmp(d->name, "mp_state"))
		snprintf(out, MEANING_MAX, "%s, not %s", mp_state_word(d->got),
			 mp_state_word(d->want));
	else if (is_number(d->name))
		out[0] = '\0';
	else
		named_bits(out, d);
}

void meaning_of_answer(char out[MEANING_MAX], const struct op *op,
		       const struct answer *answer)
{
	const char *exception = exception_word(answer->exception);
	size_t len;

	if (answer->outcome == OUTCOME_EXCEPTION && exception[0])
		snprintf(out, MEANING_MAX, "%s", exception);
	else if (answer->outcome == OUTCOME_EXCEPTION)
		snprintf(out, MEANING_MAX, "exception %" PRIu32,
			 answer->exception);
	else if (answer->outcome != OUTCOME_DONE)
		snprintf(out, MEANING_MAX, "%s", outcome_word(answer->outcome));
	else if (answer->error)
		snprintf(out, MEANING_MAX, "refused: %s (%" PRIu32 ")",
			 error_word(answer->error), answer->error);
	else
		snprintf(out, MEANING_MAX, "%s",
			 accepted_word(op, answer->accepted));
	len = strlen(out);
	if (answer->value)
		snprintf(out + len, MEANING_MAX - len, ", value 0x%" PRIx64,
			 answer->value);
}
