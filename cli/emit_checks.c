/* Checks of answers and states in emitted programs. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/emit.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP and two more push an error code. */
#define HAVE_ERROR_CODE 0x60227d00u

static const struct answer *want_of(const struct emission *e, uint32_t outcome)
{
	return &e->outcomes[outcome].want[e->step].answer;
}

static const struct answer *care_of(const struct emission *e, uint32_t outcome)
{
	return &e->outcomes[outcome].care[e->step].answer;
}

bool emit_all_alike(const struct expected *all, uint32_t nr)
{
	for (uint32_t i = 1; i < nr; i++)
		if (all[i].value != all[0].value || all[i].mask != all[0].mask)
			return false;
	return true;
}

void emit_choices(struct emission *e, const char *call,
		  const struct expected *all, const char *rest)
{
	fprintf(e->out, "\t%s,\n\t\t(const struct choice[NR_OUTCOMES]){\n",
		call);
	for (uint32_t i = 0; i < e->nr_outcomes; i++) {
		fprintf(e->out, "\t\t\t{ 0x%" PRIx64 ", ", all[i].value);
		if (all[i].mask == UINT64_MAX)
			fputs("ALL_BITS },\n", e->out);
		else
			fprintf(e->out, "0x%" PRIx64 " },\n", all[i].mask);
	}
	fprintf(e->out, "\t\t}%s);\n", rest);
}

/* Any of several answers. */
static void check_one_of(struct emission *e, const char *what,
			 const char *variable, const struct expected *all)
{
	char call[128], rest[32];

	snprintf(call, sizeof(call), "check_one_of(\"op %" PRIu32 ": %s\"",
		 e->step + 1, what);
	snprintf(rest, sizeof(rest), ", (uint64_t)%s", variable);
	emit_choices(e, call, all, rest);
	e->nr_checks++;
}

static void not_promised(struct emission *e, const char *what)
{
	emit_statement(e, "not_promised(\"op %" PRIu32 ": %s\", result);",
		       e->step + 1, what);
}

static void check_result(struct emission *e, const char *function,
			 const char *what, const char *expected)
{
	emit_statement(e, "%s(\"op %" PRIu32 ": %s\", %s%sresult);", function,
		       e->step + 1, what, expected, *expected ? ", " : "");
	e->nr_checks++;
}

/* What a call returns, as a name or a number. */
static void result_text(char out[VALUE_TEXT_MAX], enum result_kind kind,
			const struct answer *want)
{
	static const char *const names[][2] = {
		[RESULT_CALL] = { "0", "0" },
		[RESULT_MSR] = { "REFUSED", "ACCEPTED" },
		[RESULT_MESSAGE] = { "BLOCKED", "DELIVERED" },
	};
	const char *error = strerrorname_np((int)want->error);

	if (!want->error)
		snprintf(out, VALUE_TEXT_MAX, "%s",
			 names[kind][want->accepted]);
	else if (error)
		snprintf(out, VALUE_TEXT_MAX, "-%s", error);
	else
		snprintf(out, VALUE_TEXT_MAX, "-%" PRIu32, want->error);
}

/* What `result` is then; a refusal by an error that is open is not told. */
static struct expected result_expected(enum result_kind kind,
				       const struct answer *want,
				       const struct answer *care)
{
	struct expected none = { 0, 0 };

	if (!care->accepted)
		return none;
	if (want->accepted)
		return (struct expected){ kind != RESULT_CALL, UINT64_MAX };
	if (care->error)
		return (struct expected){ (uint64_t) - (int64_t)want->error,
					  UINT64_MAX };
	return none;
}

static void check_one_result(struct emission *e, enum result_kind kind,
			     const char *what)
{
	const struct answer *want = want_of(e, 0), *care = care_of(e, 0);
	char text[VALUE_TEXT_MAX];

	if (!care->accepted) {
		not_promised(e, what);
	} else if (want->accepted || care->error) {
		result_text(text, kind, want);
		check_result(e, "check_result", what, text);
	} else {
		check_result(e, "check_refused", what, "");
	}
}

void emit_check_result(struct emission *e, enum result_kind kind,
		       const char *what)
{
	struct expected all[OUTCOMES_MAX];

	for (uint32_t i = 0; i < e->nr_outcomes; i++)
		all[i] = result_expected(kind, want_of(e, i), care_of(e, i));
	if (emit_all_alike(all, e->nr_outcomes))
		check_one_result(e, kind, what);
	else
		check_one_of(e, what, "result", all);
}

static void guest_text(char out[VALUE_TEXT_MAX], const struct answer *want)
{
	static const char *const names[] = {
		[OUTCOME_DONE] = "GUEST_DONE",
		[OUTCOME_NOT_RUN] = "GUEST_NOT_RUN",
		[OUTCOME_IMPOSSIBLE] = "GUEST_NO_ACCESS",
		[OUTCOME_HALTED] = "GUEST_HALTED",
		[OUTCOME_RESET] = "GUEST_RESET",
		[OUTCOME_SHUTDOWN] = "GUEST_SHUTDOWN",
		[OUTCOME_INTERNAL_ERROR] = "GUEST_INTERNAL_ERROR",
		[OUTCOME_FAIL_ENTRY] = "GUEST_FAIL_ENTRY",
		[OUTCOME_OTHER_EXIT] = "GUEST_OTHER_EXIT",
		[OUTCOME_HANGS] = "GUEST_HANGS",
		[OUTCOME_EXCEPTION_WAITS] = "GUEST_EXCEPTION_WAITS",
	};
	static const char *const vectors[] = {
		[6] = "UD_VECTOR",
		[8] = "DF_VECTOR",
		[13] = "GP_VECTOR",
		[14] = "PF_VECTOR",
	};
	const char *name =
		want->outcome < ARRAY_SIZE(names) ? names[want->outcome] : NULL;

	if (want->outcome == OUTCOME_EXCEPTION)
		name = want->exception < ARRAY_SIZE(vectors) ?
			       vectors[want->exception] :
			       NULL;
	if (name)
		snprintf(out, VALUE_TEXT_MAX, "%s", name);
	else
		snprintf(out, VALUE_TEXT_MAX, "%" PRIu32, want->exception);
}

static bool is_exception(const struct answer *want, const struct answer *care)
{
	return want->outcome == OUTCOME_EXCEPTION && care->outcome &&
	       care->exception;
}

static void check_error_code(struct emission *e, const char *what)
{
	const struct answer *want = want_of(e, 0), *care = care_of(e, 0);

	if (!is_exception(want, care) || !care->value ||
	    want->exception >= 32 || !(HAVE_ERROR_CODE >> want->exception & 1))
		return;
	emit_statement(e,
		       "check(\"op %" PRIu32 ": %s, error code\", %" PRIu64
		       ", mailbox->error_code);",
		       e->step + 1, what, want->value);
	e->nr_checks++;
}

/* The same of all outcomes: no rule makes what a guest does a choice. */
void emit_check_guest(struct emission *e, const char *what)
{
	const struct answer *want = want_of(e, 0), *care = care_of(e, 0);
	char text[VALUE_TEXT_MAX];

	if (care->outcome && care->exception) {
		guest_text(text, want);
		check_result(e, "check_guest", what, text);
		check_error_code(e, what);
	} else if (care->accepted) {
		check_result(e, "check_guest_executed", what,
			     want->accepted ? "true" : "false");
	} else {
		not_promised(e, what);
	}
}

static void check_value(struct emission *e, const char *what,
			const struct expected *all)
{
	if (!emit_all_alike(all, e->nr_outcomes)) {
		check_one_of(e, what, "value", all);
		return;
	}
	if (!all[0].mask)
		return;
	if (all[0].mask == UINT64_MAX)
		emit_statement(e,
			       "check(\"op %" PRIu32 ": %s\", 0x%" PRIx64
			       ", value);",
			       e->step + 1, what, all[0].value);
	else
		emit_statement(e,
			       "check_bits(\"op %" PRIu32 ": %s\", 0x%" PRIx64
			       ", 0x%" PRIx64 ", value);",
			       e->step + 1, what, all[0].mask, all[0].value);
	e->nr_checks++;
}

static void expect_values(struct expected out[OUTCOMES_MAX],
			  const struct emission *e)
{
	for (uint32_t i = 0; i < e->nr_outcomes; i++) {
		out[i].mask = care_of(e, i)->value;
		out[i].value = want_of(e, i)->value & out[i].mask;
	}
}

void emit_check_value(struct emission *e, const char *what)
{
	struct expected all[OUTCOMES_MAX];
	char name[128];

	expect_values(all, e);
	/* Of what was refused nothing was read. */
	for (uint32_t i = 0; i < e->nr_outcomes; i++)
		if (!want_of(e, i)->accepted)
			all[i] = (struct expected){ 0, 0 };
	snprintf(name, sizeof(name), "value of %s", what);
	check_value(e, name, all);
}

void emit_check_status(struct emission *e)
{
	struct expected all[OUTCOMES_MAX];

	expect_values(all, e);
	check_value(e, "its status", all);
}
