/* One HTML page with findings. */
#include "cli/report.h"

void page_case(FILE *out, const struct report_case *c)
{
	picture_write(out, c);
}

void page_write(FILE *out, const struct page *page)
{
	fputs(page->sections, out);
}

void page_text(FILE *out, const char *text)
{
	fputs(text, out);
}
