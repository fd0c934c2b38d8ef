/* The ops of a scenario, with the one that differs and its cause marked. */
#include <stdlib.h>

#include "cli/effects.h"
#include "cli/page.h"

static const char *mark_class(const struct moment *moment, uint32_t op)
{
	if (!moment)
		return "";
	if (op == moment->step)
		return " class=\"differs\"";
	return op == moment->cause ? " class=\"cause\"" : "";
}

static const char *mark_text(const struct moment *moment, uint32_t op)
{
	if (!moment)
		return "";
	if (op == moment->step)
		return moment->cause == op ? "differs here" : "shows here";
	return op == moment->cause ? "brought it about" : "";
}

static void write_line(FILE *out, const struct moment *moment, uint32_t nr,
		       const char *text)
{
	const char *mark = mark_text(moment, nr);

	fprintf(out, "<li%s><code>", mark_class(moment, nr));
	page_text(out, text);
	fputs("</code>", out);
	if (*mark)
		fprintf(out, " <em>%s</em>", mark);
	fputs("</li>\n", out);
}

void page_listing(FILE *out, const struct scenario *s,
		  const struct moment *moment)
{
	char *text = NULL;
	size_t len = 0;
	FILE *line = memory_there(open_memstream(&text, &len));

	config_print(line, &s->config);
	fflush(line);
	fputs("<div class=\"listing\">\n<p class=\"config\"><code>", out);
	page_text(out, text);
	fputs("</code></p>\n<ol class=\"ops\">\n", out);
	for (uint32_t i = 0; i < s->nr_ops; i++) {
		rewind(line);
		op_print(line, &s->ops[i]);
		fputc('\0', line);
		fflush(line);
		write_line(out, moment, i, text);
	}
	fputs("</ol>\n", out);
	if (moment && moment->step >= s->nr_ops)
		fputs("<p class=\"end\">end: <em>shows here, where the state "
		      "of every vCPU is read</em></p>\n",
		      out);
	fputs("</div>\n", out);
	fclose(line);
	free(text);
}
