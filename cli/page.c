/* One HTML page with findings: its frame, and its table of them. */
#include "cli/page.h"

#include <string.h>

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	"<meta charset=\"utf-8\"/>\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
	"'none'; style-src 'unsafe-inline'; base-uri 'none'; "
	"form-action 'none'\"/>\n"
	"<meta name=\"viewport\" content=\"width=device-width, "
	"initial-scale=1\"/>\n"
	"<meta name=\"color-scheme\" content=\"light dark\"/>\n";

/* What a row is counted as: a verdict, or that it did not run. */
enum standing {
	STANDING_DIVERGE,
	STANDING_EXPLAINED,
	STANDING_FLAKY,
	STANDING_AGREE,
	STANDING_NOT_RUN,
	STANDINGS,
};

static enum standing standing_of(const struct page_row *row)
{
	static const enum standing standings[] = {
		[VERDICT_DIVERGE] = STANDING_DIVERGE,
		[VERDICT_EXPLAINED] = STANDING_EXPLAINED,
		[VERDICT_FLAKY] = STANDING_FLAKY,
		[VERDICT_AGREE] = STANDING_AGREE,
	};

	return row->ran ? standings[row->kind] : STANDING_NOT_RUN;
}

static const struct {
	const char *name, *style, *meaning;
} standings[STANDINGS] = {
	[STANDING_DIVERGE] = { "DIVERGE", "diverge",
			       "differ, and no known row explains it" },
	[STANDING_EXPLAINED] = { "EXPLAINED", "explained",
				 "differ, as known rows say" },
	[STANDING_FLAKY] = { "FLAKY", "flaky",
			     "differed once and did not repeat" },
	[STANDING_AGREE] = { "AGREE", "agree", "do not differ" },
	[STANDING_NOT_RUN] = { "NOT RUN", "skip", "were not run" },
};

void page_verdict_mark(FILE *out, const struct page_row *row)
{
	enum standing standing = standing_of(row);

	fprintf(out, "<span class=\"verdict %s\">%s</span>",
		standings[standing].style, standings[standing].name);
}

static void write_counts(FILE *out, const struct page *page)
{
	size_t nr[STANDINGS] = { 0 };

	for (size_t i = 0; i < page->nr_rows; i++)
		nr[standing_of(&page->rows[i])]++;
	fputs("<ul class=\"counts\">\n", out);
	for (size_t i = 0; i < STANDINGS; i++)
		if (nr[i])
			fprintf(out,
				"<li><span class=\"verdict %s\">%s</span> "
				"<b>%zu</b> %s</li>\n",
				standings[i].style, standings[i].name, nr[i],
				standings[i].meaning);
	fputs("</ul>\n", out);
}

static void write_fact(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<dt>%s</dt><dd>", name);
	page_text(out, text);
	fputs("</dd>\n", out);
}

static void write_top(FILE *out, const struct page *page)
{
	fputs("<header>\n<h1>kvmerrata: findings</h1>\n<dl>\n", out);
	write_fact(out, "of", page->path);
	write_fact(out, "host",
		   page->host && page->host[0] ? page->host :
						 "none: nothing was run");
	write_fact(out, "against",
		   page->against && page->against[0] ? page->against :
						       "each as it was found");
	fputs("</dl>\n", out);
	write_counts(out, page);
	fputs("<nav><a href=\"#fingerprint\">errata of the host</a> <a "
	      "href=\"#history\">coverage and rate</a></nav>\n</header>\n",
	      out);
}

static void write_row(FILE *out, const struct page_row *row, size_t nr)
{
	fputs("<tr><td>", out);
	page_verdict_mark(out, row);
	fprintf(out, "</td><td><a href=\"#f%zu\">", nr + 1);
	page_text(out, row->file->name);
	fputs("</a></td><td class=\"signature\"><code>", out);
	page_text(out, row->signature);
	fputs("</code></td><td class=\"number\">", out);
	if (row->file->hits)
		fprintf(out, "%llu", row->file->hits);
	fprintf(out, "</td><td class=\"number\">%zu</td><td>", row->nr_ops);
	page_text(out, row->file->found);
	fputs("</td><td><code>", out);
	page_text(out, row->explained);
	fputs("</code></td></tr>\n", out);
}

static void write_table(FILE *out, const struct page *page)
{
	fputs("<section>\n<h2>By signature</h2>\n<div class=\"wide\">"
	      "<table class=\"findings\">\n<thead><tr><th>verdict</th>"
	      "<th>finding</th><th>signature</th><th>hits</th><th>ops</th>"
	      "<th>found</th><th>rows that explain</th></tr></thead>\n"
	      "<tbody>\n",
	      out);
	for (size_t i = 0; i < page->nr_rows; i++)
		write_row(out, &page->rows[i], i);
	fputs("</tbody></table></div>\n", out);
	if (!page->nr_rows)
		fputs("<p>There are no findings.</p>\n", out);
	fputs("</section>\n", out);
}

void page_write(FILE *out, const struct page *page)
{
	fputs(head, out);
	fputs("<title>kvmerrata: ", out);
	page_text(out, page->path);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n",
		page_style);
	write_top(out, page);
	write_table(out, page);
	fputs(page->sections, out);
	page_fingerprint(out, page);
	page_history(out, page);
	fputs("</body>\n</html>\n", out);
}
