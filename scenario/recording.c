/* Recordings: their facts, and how they are written. */
#include "scenario/recording.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"
#include "scenario/observation_text.h"
#include "scenario/recording_states.h"

const struct fact_kind fact_kinds[FACT_KINDS] = {
	{ "kernel", false }, { "module", false },   { "cpu", false },
	{ "model", false },  { "parameter", true }, { "capability", true },
	{ "row", true },
};

/* A line has it in one piece, and without blanks at its ends. */
static void copy_line(char *out, size_t cap, const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text) < cap ? strlen(text) : cap - 1;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	out[len] = '\0';
}

bool recording_add(struct recording_head *head, const char *key,
		   const char *value)
{
	struct recording_fact *fact = &head->facts[head->nr_facts];

	if (head->nr_facts == RECORDING_FACTS_MAX)
		return false;
	copy_line(fact->key, sizeof(fact->key), key);
	copy_line(fact->value, sizeof(fact->value), value);
	head->nr_facts++;
	return true;
}

const char *recording_value(const struct recording_head *head, const char *key)
{
	for (size_t i = 0; i < head->nr_facts; i++)
		if (!strcmp(head->facts[i].key, key))
			return head->facts[i].value;
	return NULL;
}

bool recording_name_is_good(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= RECORDING_NAME_MAX || name[0] == ' ' ||
	    name[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)name[i]))
			return false;
	return true;
}

/* Is MP_STATE read after op @step, or at the end? */
static bool reads_mp_state(const struct scenario *s, uint32_t step)
{
	return step >= s->nr_ops || s->ops[step].kind == OP_observe;
}

/* The bits of @out that are the same in @a and @b; false: not all are. */
static bool same_bits(void *out, const void *a, const void *b, size_t size)
{
	bool all = true;

	for (size_t i = 0; i < size; i++) {
		uint8_t differ = ((const uint8_t *)a)[i] ^
				 ((const uint8_t *)b)[i];

		((uint8_t *)out)[i] = (uint8_t)~differ;
		all &= !differ;
	}
	return all;
}

bool recording_know(struct expectation *shown, const struct scenario *s,
		    const struct observation *again)
{
	const struct observation *want = &shown->want;
	struct observation *care = &shown->care;
	bool steady = true;

	observation_start(care);
	for (uint32_t i = 0; i < want->nr_steps; i++) {
		const struct step *step = &want->steps[i];
		struct step *known =
			observation_add(care, step->answer, step->nr_states);

		steady &= same_bits(&known->answer, &step->answer,
				    &again->steps[i].answer,
				    sizeof(known->answer));
		for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++) {
			uint32_t at = step->first_state + vcpu;

			steady &= same_bits(&care->states[at],
					    &want->states[at],
					    &again->states[at],
					    sizeof(care->states[at]));
			if (!reads_mp_state(s, i))
				care->states[at].mp_state = 0;
		}
	}
	return steady;
}

void recording_carry(struct carried *out, const struct expectation *shown,
		     const struct scenario *s, uint32_t step, uint32_t vcpu)
{
	const struct step *before = step ? &shown->want.steps[step - 1] : NULL;

	if (before && vcpu < before->nr_states) {
		uint32_t at = before->first_state + vcpu;

		out->want = shown->want.states[at];
		out->care = shown->care.states[at];
	} else {
		out->want = vcpu_state_zero;
		out->care = vcpu_state_all;
	}
	out->want.mp_state = 0;
	out->care.mp_state = reads_mp_state(s, step) ? UINT32_MAX : 0;
}

void recording_write_head(FILE *out, const struct recording_head *head)
{
	fputs(RECORDING_FIRST_LINE "\n", out);
	for (size_t i = 0; i < head->nr_facts; i++)
		fprintf(out, "%s%s%s\n", head->facts[i].key,
			head->facts[i].value[0] ? " " : "",
			head->facts[i].value);
}

static void write_step(FILE *out, const struct recording_entry *entry,
		       uint32_t i)
{
	const struct expectation *shown = &entry->shown;
	const struct step *step = &shown->want.steps[i];

	expectation_print_answer(out, shown, &entry->scenario, i);
	for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++) {
		uint32_t at = step->first_state + vcpu;
		const struct vcpu_view now = { &shown->want.states[at],
					       &shown->care.states[at] };
		struct carried carried;
		const struct vcpu_view before = { &carried.want,
						  &carried.care };

		recording_carry(&carried, shown, &entry->scenario, i, vcpu);
		if (vcpu_has_news(now, before))
			vcpu_print(out, vcpu, now, before);
	}
}

void recording_write_entry(FILE *out, const struct recording_entry *entry)
{
	CHECK(recording_name_is_good(entry->name));
	fprintf(out, "\nscenario %s\n", entry->name);
	if (entry->not_run[0]) {
		fprintf(out, "not_run %s\n", entry->not_run);
		return;
	}
	config_print(out, &entry->scenario.config);
	fputc('\n', out);
	for (uint32_t i = 0; i < entry->shown.want.nr_steps; i++)
		write_step(out, entry, i);
}

void recording_write_end(FILE *out, size_t nr_entries)
{
	fprintf(out, "\ntotal %zu\n", nr_entries);
}
