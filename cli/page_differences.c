/* What differs, as a table: observable, expected, got, and what that means. */
#include <inttypes.h>

#include "cli/effects.h"
#include "cli/page.h"

enum { SHOWN_MAX = 64 };

static void write_value(FILE *out, const char *name, uint64_t value)
{
	char meaning[MEANING_MAX];

	meaning_of_value(meaning, name, value);
	fprintf(out, "<td><code>0x%" PRIx64 "</code>", value);
	if (meaning[0]) {
		fputc(' ', out);
		page_text(out, meaning);
	}
	fputs("</td>", out);
}

static void write_row(FILE *out, const struct difference *d)
{
	char meaning[MEANING_MAX];

	meaning_of_difference(meaning, d);
	if (d->vcpu >= 0)
		fprintf(out, "<tr><td>vCPU %d</td>", d->vcpu);
	else
		fputs("<tr><td>answer</td>", out);
	fputs("<td><code>", out);
	page_text(out, d->name);
	fputs("</code></td>", out);
	write_value(out, d->name, d->want);
	write_value(out, d->name, d->got);
	fputs("<td>", out);
	page_text(out, meaning);
	fputs("</td></tr>\n", out);
}

/* The first SHOWN_MAX are written, all are counted. */
static void add(FILE *out, size_t *nr, int vcpu, const char *name,
		uint64_t want, uint64_t got)
{
	const struct difference d = { vcpu, name, want, got };

	if (want != got && (*nr)++ < SHOWN_MAX)
		write_row(out, &d);
}

static void add_vcpu(FILE *out, size_t *nr, const struct report_case *c,
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

		add(out, nr, (int)vcpu, observables[i].name,
		    observable_get(&observables[i], want) & mask,
		    observable_get(&observables[i], got) & mask);
	}
}

static void begin(FILE *out)
{
	fputs("<div class=\"wide\"><table class=\"differences\">\n"
	      "<thead><tr><th>where</th><th>observable</th><th>expected</th>"
	      "<th>got</th><th>what differs</th></tr></thead>\n<tbody>\n",
	      out);
}

static void end(FILE *out, size_t nr)
{
	if (nr > SHOWN_MAX)
		fprintf(out, "<tr><td colspan=\"5\">and %zu more</td></tr>\n",
			nr - SHOWN_MAX);
	fputs("</tbody></table></div>\n", out);
}

void page_differences(FILE *out, const struct report_case *c,
		      const struct moment *moment)
{
	const struct expectation *e = &c->work.expected;
	const struct step *step = &e->want.steps[moment->step];
	size_t nr = 0;

	begin(out);
#define ANSWER(type, name)                                               \
	add(out, &nr, -1, #name,                                         \
	    step->answer.name & e->care.steps[moment->step].answer.name, \
	    c->work.got.steps[moment->step].answer.name &                \
		    e->care.steps[moment->step].answer.name);
#include "scenario/answers.def"
	for (uint32_t vcpu = 0; vcpu < step->nr_states; vcpu++)
		add_vcpu(out, &nr, c, step, vcpu);
	end(out, nr);
}

void page_verdict(FILE *out, const struct report_case *c)
{
	const struct verdict *v = &c->verdict;

	begin(out);
	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX; i++)
		write_row(out, &v->differences[i]);
	if (v->nr_differences > DIFFERENCES_MAX)
		fprintf(out,
			"<tr><td colspan=\"5\">and %" PRIu32
			" more</td></tr>\n",
			v->nr_differences - DIFFERENCES_MAX);
	fputs("</tbody></table></div>\n", out);
}
