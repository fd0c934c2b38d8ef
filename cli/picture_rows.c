/* What stands in a picture: the op, its answers, and the vCPUs. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"
#include "cli/picture.h"
#include "scenario/check.h"

void lines_add(struct lines *to, size_t columns, const char *style,
	       const char *text)
{
	while (*text && to->nr < LINES_MAX) {
		size_t len = 0, shown = 0, space = 0;

		/* A character of UTF-8 is one column. */
		while (text[len] && shown <= columns) {
			if (text[len] == ' ')
				space = len;
			shown += ((unsigned char)text[len++] & 0xc0) != 0x80;
		}
		if (shown > columns) {
			len = space ? space : len - 1;
			if (!space)
				while (((unsigned char)text[len] & 0xc0) ==
				       0x80)
					len--;
		}
		snprintf(to->line[to->nr].text, LINE_MAX_LEN, "%.*s", (int)len,
			 text);
		to->line[to->nr++].style = style;
		text += len;
		text += strspn(text, " ");
	}
}

__attribute__((format(printf, 4, 5))) static void add(struct lines *to,
						      size_t columns,
						      const char *style,
						      const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	lines_add(to, columns, style, text);
}

/* The op as text, in memory of the caller's. */
static char *op_text(const struct op *op)
{
	char *text = NULL;
	size_t len;
	FILE *out = memory_there(open_memstream(&text, &len));

	op_print(out, op);
	fclose(out);
	return memory_there(text);
}

static void fill_op(struct lines *out, const struct report_case *c,
		    const struct moment *moment)
{
	char meaning[MEANING_MAX];
	const struct op *op = &c->scenario.ops[moment->cause];
	char *text;

	if (moment->cause >= c->scenario.nr_ops) {
		add(out, OP_COLUMNS, "strong",
		    "the end, where the state of every vCPU is read");
		return;
	}
	add(out, OP_COLUMNS, "strong", "op %" PRIu32 ", by the %s%s%s",
	    moment->cause + 1, op_agent(op) == AGENT_GUEST ? "guest" : "host",
	    moment->step == moment->cause ? "" : "; shows at ",
	    moment->step == moment->cause      ? "" :
	    moment->step >= c->scenario.nr_ops ? "the end" :
						 "a later op");
	text = op_text(op);
	lines_add(out, OP_COLUMNS, "", text);
	free(text);
	meaning_of_op(meaning, c, moment);
	lines_add(out, OP_COLUMNS, "muted", meaning);
}

/* @want has what is promised only. */
static void expected_answer(struct lines *out, const struct op *op,
			    const struct answer *want,
			    const struct answer *care, const struct answer *got)
{
	char text[MEANING_MAX];

	if (!care->accepted && want->outcome == OUTCOME_DONE) {
		add(out, LANE_COLUMNS, "muted", "answer: open");
		return;
	}
	meaning_of_answer(text, op, want);
	add(out, LANE_COLUMNS, "", "answer: %s%s", text,
	    got->value && !care->value ? ", value open" : "");
}

/* Does the answer itself differ? Then it is told, else that of the cause. */
static void fill_answers(struct picture *out, const struct report_case *c,
			 const struct moment *moment)
{
	const struct expectation *e = &c->work.expected;
	uint32_t at = moment->cause;
	struct answer want = e->want.steps[at].answer;
	struct answer care = e->care.steps[at].answer;
	struct answer got = c->work.got.steps[at].answer;
	const struct op *op = &c->scenario.ops[at];
	char text[MEANING_MAX];

	if (at >= c->scenario.nr_ops)
		return;
#define ANSWER(type, name)                                         \
	out->answer_differs |= (want.name ^ got.name) & care.name; \
	want.name &= care.name;
#include "scenario/answers.def"
	expected_answer(&out->want, op, &want, &care, &got);
	meaning_of_answer(text, op, &got);
	add(&out->got, LANE_COLUMNS, out->answer_differs ? "warn" : "",
	    "%s: %s", out->answer_differs ? "wrong answer" : "answer", text);
}

static void fill_lane(struct lines *out, enum arrow *out_arrow,
		      const struct effects *effects)
{
	static const struct {
		const char *before, *style;
	} kinds[] = {
		[EFFECT_SAME] = { "", "" },
		[EFFECT_STAYS] = { "", "" },
		[EFFECT_LOST] = { "lost: ", "warn" },
		[EFFECT_MISSED] = { "wrong: ", "warn" },
		[EFFECT_EXTRA] = { "extra: ", "warn" },
		[EFFECT_WRONG] = { "wrong: ", "warn" },
		[EFFECT_OPEN] = { "open: ", "muted" },
	};
	bool has[ARRAY_SIZE(kinds)] = { false };

	for (size_t i = 0; i < effects->nr && i < EFFECTS_MAX; i++) {
		enum effect_kind kind = effects->list[i].kind;

		has[kind] = true;
		add(out, LANE_COLUMNS, kinds[kind].style, "%s%s",
		    kinds[kind].before, effects->list[i].text);
	}
	if (effects->nr > EFFECTS_MAX)
		add(out, LANE_COLUMNS, "muted", "and %zu more",
		    effects->nr - EFFECTS_MAX);
	*out_arrow = has[EFFECT_EXTRA] || has[EFFECT_WRONG] ? ARROW_WRONG :
		     has[EFFECT_LOST] || has[EFFECT_MISSED] ? ARROW_LOST :
		     has[EFFECT_SAME]			    ? ARROW_PLAIN :
		     has[EFFECT_OPEN]			    ? ARROW_OPEN :
							      ARROW_NONE;
}

static const char *mode_name(const struct known_state *state)
{
	static const char *const names[] = {
		[APIC_MODE_OFF] = "APIC off",
		[APIC_MODE_INVALID] = "invalid mode",
		[APIC_MODE_XAPIC] = "xAPIC",
		[APIC_MODE_X2APIC] = "x2APIC",
	};

	if (~state->known.apicbase & (APICBASE_EN | APICBASE_EXTD))
		return "mode open";
	return names[apic_mode(state->value.apicbase)];
}

static void fill_apic(struct lines *box, const struct known_state *state)
{
	enum apic_mode mode = apic_mode(state->value.apicbase);
	uint32_t ldr = state->value.apic[APIC_REG_ldr];
	uint32_t dfr = state->value.apic[APIC_REG_dfr];
	bool enabled = state->value.apic[APIC_REG_svr] & SVR_ENABLE;

	if (mode == APIC_MODE_OFF || mode == APIC_MODE_INVALID ||
	    !(state->known.apicbase & APICBASE_EN)) {
		add(box, BOX_COLUMNS, "", "%s", mode_name(state));
		return;
	}
	if (state->has_id)
		add(box, BOX_COLUMNS, "", "%s, ID 0x%" PRIx32 ", %s",
		    mode_name(state), state->apic_id,
		    !(state->known.apic[APIC_REG_svr] & SVR_ENABLE) ?
			    "enabled or not: open" :
		    enabled ? "enabled" :
			      "software-disabled");
	else
		add(box, BOX_COLUMNS, "", "%s, ID open", mode_name(state));
	if (state->known.apic[APIC_REG_ldr] != UINT32_MAX)
		add(box, BOX_COLUMNS, "muted", "LDR open");
	else
		add(box, BOX_COLUMNS, "muted", "LDR 0x%" PRIx32 "%s", ldr,
		    mode == APIC_MODE_X2APIC ? "" :
		    dfr == DFR_FLAT	     ? ", flat" :
		    dfr == DFR_CLUSTER	     ? ", cluster" :
					       ", DFR undefined");
}

/* All vCPUs at the moment: what is known of them, and what was done. */
struct all {
	uint32_t nr;
	struct known_state states[VCPUS_MAX];
	struct vcpu_effects effects[VCPUS_MAX];
	bool shown[VCPUS_MAX];
};

static bool same_id(const struct all *all, uint32_t a, uint32_t b)
{
	return a != b && all->states[a].has_id && all->states[b].has_id &&
	       all->states[a].apic_id == all->states[b].apic_id;
}

static void fill_aliases(struct lines *box, const struct all *all,
			 uint32_t vcpu)
{
	char list[160] = "";
	size_t len = 0, nr = 0;

	for (uint32_t i = 0; i < all->nr; i++) {
		if (!same_id(all, vcpu, i))
			continue;
		if (nr++ < 6)
			len += (size_t)snprintf(list + len, sizeof(list) - len,
						"%s %" PRIu32,
						nr > 1 ? "," : "", i);
	}
	if (nr)
		add(box, BOX_COLUMNS, "alias", "same ID as vCPU%s%s", list,
		    nr > 6 ? ", ..." : "");
}

/* The vCPU that the op acts on, or that it creates; -1: none. */
static int actor_of(const struct report_case *c, const struct moment *moment)
{
	const struct op *op = &c->scenario.ops[moment->cause];

	if (moment->cause >= c->scenario.nr_ops)
		return -1;
	if (op->kind == OP_vcpu_create)
		return (int)scenario_nr_vcpus(&c->scenario, moment->cause);
	return op_vcpu(op);
}

static void fill_box(struct picture_row *row, const struct report_case *c,
		     const struct moment *moment, const struct all *all)
{
	const struct known_state *state = &all->states[row->vcpu];
	struct lines *box = &row->box;

	add(box, BOX_COLUMNS, "strong", "vCPU %" PRIu32 ", vcpu_id 0x%" PRIx32,
	    row->vcpu, state->vcpu_id);
	if (state->refused)
		add(box, BOX_COLUMNS, "muted", "not there: creation refused");
	else if (state->exists)
		fill_apic(box, state);
	if (state->exists && state->fresh && moment->before)
		add(box, BOX_COLUMNS, "muted", "new: as it is after this op");
	fill_aliases(box, all, row->vcpu);
	if (actor_of(c, moment) == (int)row->vcpu)
		add(box, BOX_COLUMNS, "acts",
		    c->scenario.ops[moment->cause].kind == OP_vcpu_create ?
			    "this op creates it" :
		    op_agent(&c->scenario.ops[moment->cause]) == AGENT_GUEST ?
			    "its guest acts" :
			    "the host acts on it");
}

static bool changes(const struct all *all, uint32_t vcpu)
{
	return all->effects[vcpu].want.nr || all->effects[vcpu].got.nr;
}

/* Is it of that interest? 0: it differs; then less and less. */
static bool is_of_interest(const struct all *all, uint32_t vcpu, int rank,
			   int actor)
{
	switch (rank) {
	case 0:
		return all->effects[vcpu].differs;
	case 1:
		return (int)vcpu == actor;
	case 2:
		return changes(all, vcpu);
	case 3:
		for (uint32_t i = 0; i < all->nr; i++)
			if (all->shown[i] && same_id(all, vcpu, i))
				return true;
		return false;
	}
	return all->nr <= ROWS_SHOWN_MAX;
}

static void choose(struct all *all, int actor)
{
	size_t nr = 0;

	for (int rank = 0; rank <= 4; rank++)
		for (uint32_t i = 0; i < all->nr && nr < ROWS_SHOWN_MAX; i++) {
			if (all->shown[i] ||
			    !is_of_interest(all, i, rank, actor))
				continue;
			all->shown[i] = true;
			nr++;
		}
}

static void fill_row(struct picture_row *row, const struct report_case *c,
		     const struct moment *moment, const struct all *all,
		     uint32_t vcpu)
{
	const struct vcpu_effects *effects = &all->effects[vcpu];

	row->vcpu = vcpu;
	row->refused = all->states[vcpu].refused;
	row->differs = effects->differs;
	fill_box(row, c, moment, all);
	fill_lane(&row->want, &row->want_arrow, &effects->want);
	fill_lane(&row->got, &row->got_arrow, &effects->got);
}

static bool has_open(const struct lines *lines)
{
	for (size_t i = 0; i < lines->nr; i++)
		if (strstr(lines->line[i].text, "open"))
			return true;
	return false;
}

void picture_fill(struct picture *out, const struct report_case *c,
		  const struct moment *moment)
{
	const struct scenario *s = &c->scenario;
	static struct all all;

	memset(out, 0, sizeof(*out));
	memset(&all, 0, sizeof(all));
	out->read_before = moment->before != NULL;
	fill_op(&out->op, c, moment);
	fill_answers(out, c, moment);
	all.nr = (uint32_t)scenario_nr_vcpus(
		s, moment->step < s->nr_ops ? moment->step + 1 : s->nr_ops);
	for (uint32_t i = 0; i < all.nr; i++) {
		known_state_find(&all.states[i], c, moment, i);
		effects_find(&all.effects[i], c, moment, i);
	}
	choose(&all, actor_of(c, moment));
	out->has_open = has_open(&out->want);
	for (uint32_t i = 0; i < all.nr; i++) {
		if (all.shown[i]) {
			fill_row(&out->rows[out->nr_rows], c, moment, &all, i);
			out->has_open |= has_open(&out->rows[out->nr_rows].box);
			out->has_open |=
				has_open(&out->rows[out->nr_rows].want);
			out->nr_rows++;
			continue;
		}
		out->nr_others++;
		out->nr_others_changed += changes(&all, i);
	}
}
