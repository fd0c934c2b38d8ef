/* What differs, as a table: observable, expected, got, and what that means. */
#include <inttypes.h>

#include "cli/effects.h"
#include "cli/page.h"

enum { SHOWN_MAX = 64 };

/* A table while it is written. */
struct table {
	FILE *out;
	const struct op *op; /* that the answer is of; NULL: none */
	size_t nr;	     /* of rows, also of those that are not shown */
};

static void write_value(const struct table *table, const char *name,
			uint64_t value)
{
	char meaning[MEANING_MAX];
	FILE *out = table->out;

	meaning_of_value(meaning, table->op, name, value);
	fprintf(out, "<td><code>0x%" PRIx64 "</code>", value);
	if (meaning[0]) {
		fputc(' ', out);
		page_text(out, meaning);
	}
	fputs("</td>", out);
}

static void write_row(const struct table *table, const struct difference *d)
{
	char meaning[MEANING_MAX];
	FILE *out = table->out;

	meaning_of_difference(meaning, table->op, d);
	if (d->vcpu >= 0)
		fprintf(out, "<tr><td>vCPU %d</td>", d->vcpu);
	else
		fputs("<tr><td>answer</td>", out);
	fputs("<td><code>", out);
	page_text(out, d->name);
	fputs("</code></td>", out);
	write_value(table, d->name, d->want);
	write_value(table, d->name, d->got);
	fputs("<td>", out);
	page_text(out, meaning);
	fputs("</td></tr>\n", out);
}

/* The first SHOWN_MAX are written, all are counted. */
static void add(struct table *table, int vcpu, const char *name, uint64_t want,
		uint64_t got)
{
	const struct difference d = { vcpu, name, want, got };

	if (want != got && table->nr++ < SHOWN_MAX)
		write_row(table, &d);
}

static void add_vcpu(struct table *table, const struct report_case *c,
		     const struct step *step, uint32_t vcpu)
{
	const struct expectation *e = &c->work.expected;
	const struct vcpu_state *want =
		observation_state_const(&e->want, step, vcpu);
	const struct vcpu_state *care =
		observation_state_const(&e->care, step, vcpu);
	const struct vcpu_state *got =
		observation_state_const(&c->work.got, step, vcpu);

	for (size_t i = 0; i < OBSERVABLES; i++) {
		uint64_t mask = observable_get(&observables[i], care);

		add(table, (int)vcpu, observables[i].name,
		    observable_get(&observables[i], want) & mask,
		    observable_get(&observables[i], got) & mask);
	}
}

static struct table begin(FILE *out, const struct report_case *c, uint32_t step)
{
	const struct scenario *s = &c->scenario;

	fputs("<div class=\"wide\"><table class=\"differences\">\n"
	      "<thead><tr><th>where</th><th>observable</th><th>expected</th>"
	      "<th>got</th><th>what differs</th></tr></thead>\n<tbody>\n",
	      out);
	return (struct table){ out, step < s->nr_ops ? &s->ops[step] : NULL,
			       0 };
}

/* @shown of the rows were written. */
static void end(const struct table *table, size_t shown)
{
	if (table->nr > shown)
		fprintf(table->out,
			"<tr><td colspan=\"5\">and %zu more</td></tr>\n",
			table->nr - shown);
	fputs("</tbody></table></div>\n", table->out);
}

void page_differences(FILE *out, const struct report_case *c,
		      const struct moment *moment)
{
	const struct expectation *e = &c->work.expected;
	const struct step *step = &e->want.steps[moment->step];
	const struct answer *care = &e->care.steps[moment->step].answer;
	const struct answer *got = &c->work.got.steps[moment->step].answer;
	struct table table = begin(out, c, moment->step);

#define ANSWER(type, name)                                     \
	add(&table, -1, #name, step->answer.name & care->name, \
	    got->name & care->name);
#include "scenario/answers.def"
	for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++)
		add_vcpu(&table, c, step, vcpu);
	end(&table, SHOWN_MAX);
}

void page_verdict(FILE *out, const struct report_case *c)
{
	const struct verdict *v = &c->verdict;
	struct table table = begin(out, c, v->step);

	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX; i++)
		write_row(&table, &v->differences[i]);
	table.nr = v->nr_differences;
	end(&table, DIFFERENCES_MAX);
}
