/* Which known errata the host has, as a table of the page. */
#include "cli/page.h"

static void write_row(FILE *out, const struct fingerprint *f, uint32_t row)
{
	const struct erratum_info *info = &erratum_infos[row];
	const char *presence = presence_name(f->rows[row]);

	fprintf(out,
		"<tr class=\"%s\"><td>%s</td><td><code>%s</code></td>"
		"<td>%s</td><td>",
		presence, presence, info->name, erratum_kind_name(info->kind));
	page_text(out, info->source);
	fputs("</td><td>", out);
	page_text(out, info->text);
	if (f->why[row][0]) {
		fputs(" <span class=\"source\">", out);
		page_text(out, f->why[row]);
		fputs("</span>", out);
	}
	fputs("</td></tr>\n", out);
}

static void write_rows(FILE *out, const struct fingerprint *f,
		       enum presence presence)
{
	for (uint32_t row = 0; row < ERRATA; row++)
		if (f->rows[row] == presence &&
		    erratum_infos[row].kind != ERRATUM_KIND_CANARY)
			write_row(out, f, row);
}

void page_fingerprint(FILE *out, const struct page *page)
{
	const struct fingerprint *f = page->fingerprint;

	fputs("<section id=\"fingerprint\">\n<h2>Errata of the host</h2>\n",
	      out);
	if (!f) {
		fputs("<p>Not looked for: ", out);
		page_text(out, page->no_fingerprint);
		fputs(".</p>\n</section>\n", out);
		return;
	}
	fputs("<div class=\"wide\"><table class=\"fingerprint\">\n<thead><tr>"
	      "<th>here</th><th>row</th><th>kind</th><th>source</th>"
	      "<th>what KVM does</th></tr></thead>\n<tbody>\n",
	      out);
	write_rows(out, f, PRESENCE_PRESENT);
	write_rows(out, f, PRESENCE_ABSENT);
	write_rows(out, f, PRESENCE_UNDETERMINED);
	fputs("</tbody></table></div>\n</section>\n", out);
}
