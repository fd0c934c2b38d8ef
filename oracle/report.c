/* Verdicts for people. */
#include "oracle/explain.h"
#include "oracle/report.h"

#include <inttypes.h>
#include <string.h>

const char *verdict_name(enum verdict_kind kind)
{
	static const char *const names[] = {
		[VERDICT_AGREE] = "AGREE",
		[VERDICT_EXPLAINED] = "EXPLAINED",
		[VERDICT_DIVERGE] = "DIVERGE",
		[VERDICT_FLAKY] = "FLAKY",
	};

	return names[kind];
}

static void write_difference(FILE *out, const struct difference *d)
{
	if (d->vcpu >= 0)
		fprintf(out, "#   vcpu %d ", d->vcpu);
	else
		fputs("#   answer ", out);
	fprintf(out, "%s: want 0x%" PRIx64 ", got 0x%" PRIx64 "\n", d->name,
		d->want, d->got);
}

static void write_place(FILE *out, const struct scenario *s,
			const struct verdict *v)
{
	fputs("# first difference: ", out);
	if (v->step >= s->nr_ops) {
		fputs("at the end", out);
	} else {
		fprintf(out, "op %" PRIu32 ", ", v->step + 1);
		op_print(out, &s->ops[v->step]);
	}
	fputc('\n', out);
	if (v->cause != v->step && v->cause < s->nr_ops) {
		fprintf(out, "# brought about by: op %" PRIu32 ", ",
			v->cause + 1);
		op_print(out, &s->ops[v->cause]);
		fputc('\n', out);
	}
}

static void write_divergence(FILE *out, const struct scenario *s,
			     const struct verdict *v)
{
	uint32_t shown = v->nr_differences;

	fprintf(out, "# signature: %s\n", v->signature);
	write_place(out, s, v);
	if (shown > DIFFERENCES_MAX)
		shown = DIFFERENCES_MAX;
	for (uint32_t i = 0; i < shown; i++)
		write_difference(out, &v->differences[i]);
	if (shown < v->nr_differences)
		fprintf(out, "#   and %" PRIu32 " more\n",
			v->nr_differences - shown);
}

static void write_explanations(FILE *out, const struct verdict *v,
			       const struct report_about *about)
{
	char text[SIGNATURE_MAX];
	uint32_t shown = v->nr_explanations;

	if (shown > EXPLANATIONS_MAX)
		shown = EXPLANATIONS_MAX;
	for (uint32_t i = 0; i < shown; i++) {
		explanation_text(text, sizeof(text), &v->explanations[i],
				 &about->sides->errata, about->sides->row_name);
		fprintf(out, "# %sexplained by: %s\n", i ? "or " : "", text);
	}
	if (shown < v->nr_explanations)
		fprintf(out, "# and %" PRIu32 " more explanations\n",
			v->nr_explanations - shown);
	if (v->kind != VERDICT_DIVERGE || !v->perhaps.set)
		return;
	explanation_text(text, sizeof(text), &v->perhaps, &about->sides->errata,
			 about->sides->row_name);
	fprintf(out, "# not promised any more with: %s\n", text);
}

static void write_kernel_log(FILE *out, const char *log)
{
	fputs("# the kernel's log:\n", out);
	while (*log) {
		int len = (int)strcspn(log, "\n");

		fprintf(out, "#   %.*s\n", len, log);
		log += len + (log[len] == '\n');
	}
}

void report_write(FILE *out, const struct scenario *s, const struct verdict *v,
		  const struct report_about *about)
{
	fprintf(out, "# kvmerrata: %s\n", verdict_name(v->kind));
	fprintf(out, "# against: %s\n", about->against);
	fprintf(out, "# host: %s\n", about->host);
	write_explanations(out, v, about);
	if (v->kind == VERDICT_DIVERGE || v->kind == VERDICT_EXPLAINED)
		write_divergence(out, s, v);
	if (v->kind == VERDICT_FLAKY)
		write_place(out, s, v);
	if (about->kernel_log)
		write_kernel_log(out, about->kernel_log);
	if (v->kind != VERDICT_AGREE && about->print_more)
		about->print_more(out, s);
	if (v->kind != VERDICT_AGREE)
		fprintf(out, "# again: ./kvmerrata run%s --against=%s FILE\n",
			about->again ? about->again : "", about->against);
	scenario_print(out, s);
}
