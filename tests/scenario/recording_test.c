/*
 * Recordings: what is written reads back as the same, and writing that gives
 * the same bytes; what is wrong is named, with line and column. What is
 * recorded is the model, and bits thrown over it.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "scenario/recording.h"

static struct recording_head head, head_again;
static struct recording_entry entry, entry_again;

#define HEAD "kvmerrata-record 1\nkernel 6.1\n"
#define ENTRY "scenario a\nconfig\nvcpu_create vcpu_id=0 -> accepted=1\n"

static const struct {
	const char *text;
	int line, column;
	const char *message;
} bad[] = {
	{ "", 1, 1,
	  "not a recording: it does not begin with 'kvmerrata-record 1'" },
	{ "kvmerrata-record 2\ntotal 0\n", 1, 1,
	  "not a recording: it does not begin with 'kvmerrata-record 1'" },
	{ "kvmerrata-record 1", 1, 19, "the file ends before its 'total'" },
	{ HEAD, 3, 1, "the file ends before its 'total'" },
	{ HEAD "frob x\n", 3, 1, "'frob' has no place in a head" },
	{ HEAD "observe ->\n", 3, 1, "'observe' has no place in a head" },
	{ HEAD " kernel 6.2\ntotal 0", 3, 2, "'kernel' is given twice" },
	{ HEAD "row\ntotal 0", 3, 4, "which row?" },
	{ HEAD "row x maybe\ntotal 0", 3, 7,
	  "a row is present, absent or undetermined" },
	{ HEAD "cpu a\tb\ntotal 0", 3, 6, "a control character" },
	{ HEAD "total 1", 3, 7, "it is not complete: 0 scenarios are there" },
	{ HEAD "total", 3, 6, "it is not complete: 0 scenarios are there" },
	{ HEAD "total 0 1", 3, 9, "expected nothing after 'total'" },
	{ HEAD "total 0\nx", 4, 1, "expected nothing after 'total'" },
	{ HEAD "scenario \ntotal 1", 3, 10, "which scenario?" },
	{ HEAD "scenario a\ntotal 1", 4, 1, "'a' has no 'end'" },
	{ HEAD "scenario a\nscenario b\nend\ntotal 2", 4, 1,
	  "'a' has no 'end'" },
	{ HEAD "scenario a\nend", 4, 4, "the file ends before its 'total'" },
	{ HEAD "scenario b\nend\nscenario a\nend\ntotal 2", 5, 10,
	  "scenarios come in ascending order of their names, each once" },
	{ HEAD "scenario a\nend\nscenario a\nend\ntotal 2", 5, 10,
	  "scenarios come in ascending order of their names, each once" },
	{ HEAD "scenario a\nend x\ntotal 1", 4, 5,
	  "expected nothing after 'end'" },
	{ HEAD "scenario a\nend\nobserve ->\ntotal 1", 5, 1,
	  "expected 'scenario' or 'total' after 'end'" },
	{ HEAD "scenario a\nnot_run\ntotal 1", 4, 8, "expected a reason" },
	{ HEAD "scenario a\nnot_run x\nend\ntotal 1", 5, 1,
	  "what did not run has nothing else" },
	{ HEAD "scenario a\nconfig\nnot_run x\ntotal 1", 5, 1,
	  "what did not run has nothing else" },
	{ HEAD "scenario a\nobserve\nend\ntotal 1", 4, 8,
	  "expected '->' and an answer" },
	{ HEAD "scenario a\nconfig -> x\nend\ntotal 1", 4, 8,
	  "expected a setting" },
	{ HEAD "scenario a\nfrob ->\nend\ntotal 1", 4, 1, "unknown op 'frob'" },
	{ HEAD "scenario a\n=\nend\ntotal 1", 4, 1,
	  "expected the name of an op, a vcpu or the end" },
	{ HEAD "scenario a\nobserve -> frob=1\nend\ntotal 1", 4, 12,
	  "'frob' is nothing that an op answers, or out of order" },
	{ HEAD "scenario a\nobserve -> error=1 accepted=1\nend\ntotal 1", 4, 20,
	  "'accepted' is nothing that an op answers, or out of order" },
	{ HEAD "scenario a\nobserve -> error=x\nend\ntotal 1", 4, 18,
	  "'x' is not a value here" },
	{ HEAD "scenario a\nobserve -> error=1/\nend\ntotal 1", 4, 20,
	  "'' is not a mask here" },
	{ HEAD "scenario a\nobserve -> error=1,\nend\ntotal 1", 4, 19,
	  "expected a blank after a value" },
	{ HEAD "scenario a\nvcpu 0: \nend\ntotal 1", 4, 6,
	  "a state before the first op" },
	{ HEAD ENTRY "vcpu 1:\nend\ntotal 1", 6, 6,
	  "there is no vcpu '1' here" },
	{ HEAD ENTRY "vcpu 0\nend\ntotal 1", 6, 7, "expected ':'" },
	{ HEAD ENTRY "vcpu 0:\nvcpu 0:\nend\ntotal 1", 7, 6,
	  "vCPUs come in ascending order" },
	{ HEAD ENTRY "vcpu 0: frob=1\nend\ntotal 1", 6, 9,
	  "'frob' is nothing that is read of a vCPU, or out of order" },
	{ HEAD ENTRY "vcpu 0: apic_id=1 apicbase=1\nend\ntotal 1", 6, 19,
	  "'apicbase' is nothing that is read of a vCPU, or out of order" },
	{ HEAD ENTRY "vcpu 0: apic_id\nend\ntotal 1", 6, 16,
	  "expected '=' after 'apic_id'" },
	{ HEAD ENTRY "vcpu 0: apic_id=0x100000000\nend\ntotal 1", 6, 17,
	  "'0x100000000' is not a value here" },
	{ HEAD ENTRY "vcpu 0: apic_id=1/0x100000000\nend\ntotal 1", 6, 19,
	  "'0x100000000' is not a mask here" },
};

static FILE *open_text(char **out, size_t *len)
{
	FILE *file = open_memstream(out, len);

	assert_non_null(file);
	return file;
}

/* All of @text; the last entry stays in @entry. True: it was good. */
static bool read_all(struct text_error *error, const char *text)
{
	static struct recording_reader reader;
	enum recording_more more;

	if (!recording_read_head(&reader, &head, error, text))
		return false;
	do
		more = recording_read_entry(&entry, error, &reader);
	while (more == RECORDING_ENTRY);
	return more == RECORDING_END;
}

static void bad_text_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct text_error error = { 0 };

		if (read_all(&error, bad[i].text))
			fail_msg("accepted: %s", bad[i].text);
		if (error.line != bad[i].line ||
		    error.column != bad[i].column ||
		    strcmp(error.message, bad[i].message) != 0)
			fail_msg("'%s': want %d:%d: %s, got %d:%d: %s",
				 bad[i].text, bad[i].line, bad[i].column,
				 bad[i].message, error.line, error.column,
				 error.message);
	}
}

static void layout_is_free(void **state)
{
	struct text_error error;

	(void)state;
	assert_true(read_all(
		&error, "kvmerrata-record 1\r\n# a comment\r\n"
			"cpu  A # B \r\n\nrow x present\n"
			"scenario the name # of it \r\n"
			"observe -> # an answer\n\tend # all\ntotal 1\n#"));
	assert_string_equal(recording_value(&head, "cpu"), "A # B");
	assert_string_equal(recording_value(&head, "row x"), "present");
	assert_null(recording_value(&head, "row"));
	assert_int_equal(entry.scenario.nr_ops, 1);
	assert_int_equal(entry.shown.want.nr_steps, 2);
}

/* What is not told stays; MP_STATE is known where it is read only. */
static void states_are_carried_on(void **state)
{
	const struct vcpu_state *want, *care;
	struct text_error error;

	(void)state;
	assert_true(read_all(&error, HEAD ENTRY
			     "vcpu 0: apicbase=0xfee00900 apic_id=0x102/0xff\n"
			     "observe ->\n"
			     "vcpu 0: mp_state=1 apic_id=0\n"
			     "vcpu_create vcpu_id=1 ->\n"
			     "end\n"
			     "total 1"));
	assert_int_equal(entry.shown.want.nr_steps, 4);
	assert_int_equal(entry.shown.want.nr_states, 1 + 1 + 2 + 2);
	want = entry.shown.want.states;
	care = entry.shown.care.states;
	assert_int_equal(want[0].apic[APIC_REG_id], 2);
	assert_int_equal(care[0].apic[APIC_REG_id], 0xff);
	assert_int_equal(care[0].mp_state, 0);
	assert_int_equal(want[1].apicbase, 0xfee00900);
	assert_int_equal(want[1].apic[APIC_REG_id], 0);
	assert_int_equal(care[1].apic[APIC_REG_id], UINT32_MAX);
	assert_int_equal(want[1].mp_state, 1);
	assert_int_equal(care[1].mp_state, UINT32_MAX);
	assert_int_equal(want[2].apicbase, 0xfee00900);
	assert_int_equal(care[2].mp_state, 0);
	assert_int_equal(want[3].apicbase, 0);
	assert_int_equal(care[4].mp_state, UINT32_MAX);
	assert_int_equal(want[4].mp_state, 0);
}

static void too_much_is_refused(void **state)
{
	static char text[RECORDING_FACTS_MAX * 32];
	struct text_error error;
	size_t len = (size_t)sprintf(text, "kvmerrata-record 1\n");

	(void)state;
	for (int i = 0; i < RECORDING_FACTS_MAX + 1; i++)
		len += (size_t)sprintf(text + len, "capability c%d 1\n", i);
	assert_false(read_all(&error, text));
	assert_int_equal(error.line, RECORDING_FACTS_MAX + 2);
	assert_string_equal(error.message, "more than 512 lines in a head");
	len = (size_t)sprintf(text, "kvmerrata-record 1\ncpu ");
	memset(text + len, 'x', RECORDING_VALUE_MAX);
	assert_false(read_all(&error, text));
	assert_string_equal(error.message, "longer than 383 characters");
	memset(text + len, 'x', RECORDING_KEY_MAX);
	memcpy(text + len - 4, "row ", 4);
	strcpy(text + len + RECORDING_KEY_MAX, " absent\ntotal 0");
	assert_false(read_all(&error, text));
	assert_string_equal(error.message, "too long a name");
}

/* Write what is in @head and @entry. */
static void write(char **out, size_t *len)
{
	FILE *file = open_text(out, len);

	recording_write_head(file, &head);
	recording_write_entry(file, &entry);
	recording_write_end(file, 1);
	assert_int_equal(fclose(file), 0);
}

static void assert_same_shown(void)
{
	const struct expectation *a = &entry.shown, *b = &entry_again.shown;

	assert_int_equal(a->want.nr_steps, b->want.nr_steps);
	assert_int_equal(a->want.nr_states, b->want.nr_states);
	assert_int_equal(a->care.nr_states, b->care.nr_states);
	for (uint32_t i = 0; i < a->want.nr_states; i++) {
		assert_memory_equal(&a->care.states[i], &b->care.states[i],
				    sizeof(a->care.states[i]));
		for (size_t o = 0; o < OBSERVABLES; o++)
			assert_int_equal(
				observable_get(&observables[o],
					       &a->want.states[i]) &
					observable_get(&observables[o],
						       &a->care.states[i]),
				observable_get(&observables[o],
					       &b->want.states[i]));
	}
	for (uint32_t i = 0; i < a->want.nr_steps; i++) {
		const struct answer *want = &a->want.steps[i].answer;
		const struct answer *care = &a->care.steps[i].answer;

		assert_memory_equal(care, &b->care.steps[i].answer,
				    sizeof(*care));
#define ANSWER(type, name) \
	assert_int_equal(want->name & care->name, b->want.steps[i].answer.name);
#include "scenario/answers.def"
	}
}

/* What is there, written, read, and written again. */
static void write_and_read(void)
{
	char *text = NULL, *again = NULL;
	struct recording_reader reader;
	struct text_error error;
	size_t len, again_len;

	write(&text, &len);
	if (!recording_read_head(&reader, &head_again, &error, text) ||
	    recording_read_entry(&entry_again, &error, &reader) !=
		    RECORDING_ENTRY)
		fail_msg("%d:%d: %s in\n%s", error.line, error.column,
			 error.message, text);
	assert_true(scenario_equal(&entry.scenario, &entry_again.scenario));
	assert_string_equal(entry.name, entry_again.name);
	assert_same_shown();
	assert_true(read_all(&error, text));
	write(&again, &again_len);
	assert_string_equal(text, again);
	free(text);
	free(again);
}

/* Bits thrown over what there is: any that a host might show. */
static void disturb(uint64_t *random)
{
	struct expectation *shown = &entry.shown;

	for (int i = 0; i < 20 && shown->want.nr_states; i++) {
		uint32_t at =
			(uint32_t)(test_random(random) % shown->want.nr_states);
		uint32_t reg = (uint32_t)(test_random(random) % APIC_REGS);
		uint32_t value = (uint32_t)test_random(random);

		shown->want.states[at].apic[reg] ^= value;
		if (value & 1)
			shown->care.states[at].apic[reg] = value;
		if (value & 2)
			shown->want.states[at].apicbase = test_random(random);
	}
	shown->want.steps[0].answer.error = (uint32_t)test_random(random);
	shown->care.steps[0].answer.accepted = (uint32_t)test_random(random);
	shown->want.steps[0].answer.outcome = (uint32_t)test_random(random);
	shown->want.steps[0].answer.value = test_random(random);
	shown->care.steps[0].answer.value = test_random(random);
}

static void what_is_written_reads_back(void **state)
{
	const struct model_setup setup = { .errata = errata_observed(),
					   .schedule = SCHEDULE_STRICT };
	uint64_t random = 7;
	uint8_t bytes[200];

	(void)state;
	head.nr_facts = 0;
	assert_true(recording_add(&head, "kernel", " 6.1\n"));
	assert_true(recording_add(&head, "row x", "undetermined a\tb"));
	assert_true(recording_add(&head, "parameter kvm.y", ""));
	for (int run = 0; run < 1000; run++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			uint64_t r = test_random(&random);

			bytes[i] = (uint8_t)(r & 256 ? r % 12 : r);
		}
		strcpy(entry.name, "corpora/of #1.scn");
		entry.not_run[0] = '\0';
		scenario_decode(&entry.scenario, bytes, sizeof(bytes));
		model_run(&entry.shown, &entry.scenario, &setup);
		if (run & 1)
			disturb(&random);
		write_and_read();
	}
	assert_string_equal(recording_value(&head, "kernel"), "6.1");
	assert_string_equal(recording_value(&head, "row x"),
			    "undetermined a?b");
	assert_string_equal(recording_value(&head, "parameter kvm.y"), "");
}

/* Of two runs only what repeats is known, and MP_STATE where it is read. */
static void what_does_not_repeat_is_left_out(void **state)
{
	const struct model_setup setup = { .schedule = SCHEDULE_STRICT };
	static struct observation again;
	const struct vcpu_state *care = entry.shown.care.states;

	(void)state;
	test_parse(&entry.scenario, "vcpu_create vcpu_id=0\nobserve\n"
				    "x2apic_api_enable flags=0\n");
	model_run(&entry.shown, &entry.scenario, &setup);
	observation_copy(&again, &entry.shown.want);
	assert_true(recording_know(&entry.shown, &entry.scenario, &again));
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(care[i].mp_state, i & 1 ? UINT32_MAX : 0);
		assert_int_equal(care[i].apicbase, UINT64_MAX);
		assert_int_equal(entry.shown.care.steps[i].answer.error,
				 UINT32_MAX);
	}
	again.states[2].apic[APIC_REG_tmcct] ^= 0xf0;
	assert_false(recording_know(&entry.shown, &entry.scenario, &again));
	assert_int_equal(care[1].apic[APIC_REG_tmcct], UINT32_MAX);
	assert_int_equal(care[2].apic[APIC_REG_tmcct], 0xffffff0f);
	again.states[2].apic[APIC_REG_tmcct] ^= 0xf0;
	again.steps[2].answer.error ^= 1;
	assert_false(recording_know(&entry.shown, &entry.scenario, &again));
	assert_int_equal(entry.shown.care.steps[2].answer.error, 0xfffffffe);
}

static void what_did_not_run_reads_back(void **state)
{
	char *text = NULL;
	struct text_error error;
	size_t len;

	(void)state;
	strcpy(entry.name, "x");
	strcpy(entry.not_run, "it has vcpu_id 0x300");
	write(&text, &len);
	assert_true(read_all(&error, text));
	assert_non_null(strstr(text, "\n\nscenario x\n"
				     "not_run it has vcpu_id 0x300\n"
				     "\ntotal 1\n"));
	assert_string_equal(entry.name, "x");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_text_is_named),
		cmocka_unit_test(layout_is_free),
		cmocka_unit_test(states_are_carried_on),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(what_does_not_repeat_is_left_out),
		cmocka_unit_test(what_did_not_run_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
