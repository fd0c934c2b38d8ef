/* One finding on the page: in words, as ops, as a table and as a picture. */
#include <string.h>

#include "cli/effects.h"
#include "cli/page.h"
#include "oracle/explain.h"

void page_row_fill(struct page_row *out, const struct report_case *c)
{
	const struct verdict *v = &c->verdict;

	*out = (struct page_row){ .file = c->file,
				  .ran = !c->not_run[0],
				  .nr_ops = c->scenario.nr_ops };
	if (!out->ran)
		return;
	out->kind = v->kind;
	snprintf(out->signature, sizeof(out->signature), "%s",
		 v->kind == VERDICT_AGREE ? "" : v->signature);
	if (v->kind == VERDICT_EXPLAINED && v->nr_explanations)
		explanation_text(out->explained, sizeof(out->explained),
				 &v->explanations[0], &c->about.sides->errata,
				 c->about.sides->row_name);
}

/* As a shell takes it. */
static void write_word(FILE *out, const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789/._-+,=:@";

	if (word[0] == '-')
		fputs("./", out);
	if (word[0] && !word[strspn(word, plain)]) {
		page_text(out, word);
		return;
	}
	fputs("&#39;", out);
	while (*word) {
		size_t len = strcspn(word, "'");
		char part[PATH_MAX];

		snprintf(part, sizeof(part), "%.*s", (int)len, word);
		page_text(out, part);
		word += len;
		if (*word) {
			fputs("&#39;\\&#39;&#39;", out);
			word++;
		}
	}
	fputs("&#39;", out);
}

/*
 * What people wrote into the file comes first. What `fuzz` wrote is its verdict
 * of then: that is there to be unfolded, but where it is all there is.
 */
static void write_comments(FILE *out, const struct report_case *c, bool differs)
{
	bool generated = report_is_generated(c);
	static char line[CASE_TEXT_MAX];
	const char *at = c->text;

	if (*at != '#')
		return;
	if (generated)
		fprintf(out, "<details%s><summary>As it was found</summary>\n",
			differs ? "" : " open=\"open\"");
	fprintf(out, "<pre class=\"%s\">", generated ? "found" : "comments");
	while ((at = report_comment(line, sizeof(line), c, at)) != NULL) {
		page_text(out, line);
		fputc('\n', out);
	}
	fputs(generated ? "</pre></details>\n" : "</pre>\n", out);
}

static void write_row_item(FILE *out, uint32_t row, bool was_on)
{
	const struct erratum_info *info = &erratum_infos[row];

	fprintf(out, "<li><code>%c%s</code> <span class=\"kind\">",
		was_on ? '-' : '+', info->name);
	fputs(erratum_kind_name(info->kind), out);
	fputs("</span> ", out);
	page_text(out, info->text);
	fputs(" <span class=\"source\">", out);
	page_text(out, info->source);
	fputs("; ", out);
	page_text(out, info->versions);
	fputs("</span></li>\n", out);
}

static void write_rows(FILE *out, const struct report_case *c,
		       const struct errata *rows)
{
	fputs("<ul class=\"rows\">\n", out);
	for (uint32_t row = 0; row < ERRATA; row++)
		if (errata_has(rows, row))
			write_row_item(out, row,
				       errata_has(&c->about.sides->errata,
						  row));
	fputs("</ul>\n", out);
}

static void write_explanations(FILE *out, const struct report_case *c)
{
	const struct verdict *v = &c->verdict;
	uint32_t shown = v->nr_explanations;

	if (shown > EXPLANATIONS_MAX)
		shown = EXPLANATIONS_MAX;
	for (uint32_t i = 0; i < shown; i++) {
		fprintf(out, "<p>%s</p>\n",
			i ? "or as well by:" :
			    "Explained: both sides agree with these rows of "
			    "the table of errata switched.");
		write_rows(out, c, &v->explanations[i]);
	}
	if (shown < v->nr_explanations)
		fprintf(out, "<p>and in %u more ways.</p>\n",
			v->nr_explanations - shown);
	if (v->kind == VERDICT_DIVERGE)
		fputs("<p>No row of the table of errata explains it.</p>\n",
		      out);
	if (v->kind == VERDICT_DIVERGE && v->perhaps.set) {
		fputs("<p>With these rows nothing is promised there any more, "
		      "so they are where to look:</p>\n",
		      out);
		write_rows(out, c, &v->perhaps);
	}
}

static void write_again(FILE *out, const struct report_case *c)
{
	if (c->bystanders[0])
		fprintf(out,
			"<p>With bystanders among its vCPUs, that no message "
			"is meant for: <code>./kvmerrata convert --twin=%s"
			"</code> writes that.</p>\n",
			c->bystanders);
	fputs("<p class=\"again\">Again: <code>./kvmerrata run", out);
	if (c->bystanders[0])
		fprintf(out, " --twin=%s", c->bystanders);
	page_text(out, c->about.again ? c->about.again : "");
	fputs(" --against=", out);
	write_word(out, c->about.against);
	fputc(' ', out);
	write_word(out, c->file->path);
	fputs("</code></p>\n", out);
}

static void write_head(FILE *out, const struct report_case *c, size_t nr)
{
	struct page_row row;

	page_row_fill(&row, c);
	fprintf(out, "<section class=\"case\" id=\"f%zu\">\n<h2>", nr + 1);
	page_verdict_mark(out, &row);
	fputc(' ', out);
	page_text(out, c->file->name);
	fputs("</h2>\n", out);
	if (!row.signature[0])
		return;
	fputs("<p class=\"signature\"><code>", out);
	page_text(out, row.signature);
	fputs("</code></p>\n", out);
}

/* Where it was compared, and how often and when it was found. */
static void write_about(FILE *out, const struct report_case *c)
{
	fputs("<p class=\"about\">against <code>", out);
	page_text(out, c->about.against);
	fputs("</code>, on ", out);
	page_text(out, c->about.host && c->about.host[0] ? c->about.host :
							   "no host");
	if (c->file->hits)
		fprintf(out, "; %llu hits", c->file->hits);
	if (c->file->found[0]) {
		fputs(", first found ", out);
		page_text(out, c->file->found);
	}
	fputs("</p>\n", out);
}

static void write_difference(FILE *out, const struct report_case *c,
			     const struct moment *moment)
{
	fputs("<div class=\"beside\">\n<div class=\"shown\">\n", out);
	picture_write(out, c, moment);
	page_differences(out, c, moment);
	fputs("</div>\n", out);
	page_listing(out, &c->scenario, moment);
	fputs("</div>\n", out);
	if (c->verdict.kind == VERDICT_FLAKY)
		fputs("<p>Flaky: it did not repeat on a fresh VM when it was "
		      "examined, and showed again when it was drawn.</p>\n",
		      out);
	else
		write_explanations(out, c);
}

/* A difference that is not there when it is looked for again. */
static void write_gone(FILE *out, const struct report_case *c)
{
	fputs("<p>Both sides differed when it was examined, and agreed when "
	      "the same was run again, so there is nothing to draw. This was "
	      "seen:</p>\n",
	      out);
	page_verdict(out, c);
	if (c->verdict.kind != VERDICT_FLAKY)
		write_explanations(out, c);
}

/* That there is nothing to draw. */
static void write_no_difference(FILE *out, const struct report_case *c)
{
	if (c->not_run[0]) {
		fputs("<p>It was not run: ", out);
		page_text(out, c->not_run);
		fputs("</p>\n", out);
	} else if (c->verdict.kind == VERDICT_AGREE) {
		fputs("<p>Both sides agree: what is expected is what was got, "
		      "after every op.</p>\n",
		      out);
	} else {
		write_gone(out, c);
	}
	page_listing(out, &c->scenario, NULL);
}

void page_case(FILE *out, const struct report_case *c, size_t nr)
{
	struct moment moment;
	bool differs = moment_find(&moment, c);

	write_head(out, c, nr);
	write_comments(out, c, differs);
	write_about(out, c);
	if (differs)
		write_difference(out, c, &moment);
	else
		write_no_difference(out, c);
	write_again(out, c);
	fputs("</section>\n", out);
}
