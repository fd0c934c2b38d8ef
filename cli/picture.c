/*
 * A picture of a step, as SVG: the op on top, below it the vCPUs in the middle,
 * on their left what each was to receive, on their right what it received.
 */
#include "cli/picture.h"

#include <string.h>

#include "cli/page.h"

/* In units of the picture, which are pixels where there is room. */
enum {
	WIDTH = 600,
	LEADING = 16, /* from line to line */
	PAD = 8,
	GAP = 14, /* between boxes */
	BOX_LEFT = 176,
	BOX_RIGHT = WIDTH - BOX_LEFT,
	BUS = 8, /* how far from the edge the lines go down */
	LANE_TEXT = 20,
};

static int height_of(const struct lines *lines)
{
	return (int)lines->nr * LEADING;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int row_height(const struct picture_row *row)
{
	int lanes = max(height_of(&row->want), height_of(&row->got));

	return max(height_of(&row->box), LEADING + lanes) + 2 * PAD;
}

/* The first line's top is at @y. */
static void write_lines(FILE *out, const struct lines *lines, int x, int y,
			const char *anchor)
{
	for (size_t i = 0; i < lines->nr; i++) {
		fprintf(out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"%s\""
			" class=\"%s\">",
			x, y + (int)i * LEADING + 12, anchor,
			lines->line[i].style);
		page_text(out, lines->line[i].text);
		fputs("</text>\n", out);
	}
}

static void write_box(FILE *out, const char *style, int left, int right, int y,
		      int height)
{
	fprintf(out,
		"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
		"height=\"%d\" rx=\"4\"/>\n",
		style, left, y, right - left, height);
}

static void write_line(FILE *out, const char *style, int x1, int y1, int x2,
		       int y2)
{
	fprintf(out,
		"<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\""
		"/>\n",
		style, x1, y1, x2, y2);
}

/* To a vCPU's box at @x; what was lost ends in a cross before it. */
static void write_arrow(FILE *out, enum arrow arrow, const char *side, int from,
			int x, int y)
{
	static const char *const styles[] = {
		[ARROW_NONE] = "",     [ARROW_PLAIN] = "",
		[ARROW_LOST] = "lost", [ARROW_WRONG] = "wrong",
		[ARROW_OPEN] = "open",
	};
	int back = x > from ? -1 : 1;
	char style[32];

	if (arrow == ARROW_NONE)
		return;
	snprintf(style, sizeof(style), "arrow %s %s", side, styles[arrow]);
	write_line(out, style, from, y, x + 7 * back, y);
	if (arrow == ARROW_LOST) {
		write_line(out, "cross", x + 4 * back, y - 5, x + 14 * back,
			   y + 5);
		write_line(out, "cross", x + 4 * back, y + 5, x + 14 * back,
			   y - 5);
		return;
	}
	fprintf(out, "<path class=\"head %s %s\" d=\"M%d %dl%d -5v10z\"/>\n",
		side, styles[arrow], x, y, 9 * back);
}

static void write_row(FILE *out, const struct picture_row *row, int y)
{
	int height = row_height(row), line = y + PAD + LEADING / 2;

	write_box(out,
		  row->differs ? "box differs" :
		  row->refused ? "box refused" :
				 "box",
		  BOX_LEFT, BOX_RIGHT, y, height);
	write_lines(out, &row->box, BOX_LEFT + PAD, y + PAD, "start");
	write_arrow(out, row->want_arrow, "want", BUS, BOX_LEFT, line);
	write_arrow(out, row->got_arrow, "got", WIDTH - BUS, BOX_RIGHT, line);
	write_lines(out, &row->want, LANE_TEXT, y + PAD + LEADING, "start");
	write_lines(out, &row->got, BOX_RIGHT + 12, y + PAD + LEADING, "start");
}

/* The lines that go down from the op to the last vCPU with an arrow. */
static void write_buses(FILE *out, const struct picture *p, int from, int y)
{
	int want = 0, got = 0;

	for (size_t i = 0; i < p->nr_rows; i++) {
		const struct picture_row *row = &p->rows[i];

		if (row->want_arrow != ARROW_NONE)
			want = y + PAD + LEADING / 2;
		if (row->got_arrow != ARROW_NONE)
			got = y + PAD + LEADING / 2;
		y += row_height(row) + GAP;
	}
	if (want)
		write_line(out, "bus want", BUS, from, BUS, want);
	if (got)
		write_line(out, "bus got", WIDTH - BUS, from, WIDTH - BUS, got);
}

static void write_heads(FILE *out, const struct picture *p, int y)
{
	fprintf(out,
		"<text x=\"%d\" y=\"%d\" class=\"strong want\">EXPECTED"
		"</text>\n<text x=\"%d\" y=\"%d\" class=\"strong got\">GOT"
		"</text>\n",
		LANE_TEXT, y + 12, BOX_RIGHT + 12, y + 12);
	write_lines(out, &p->want, LANE_TEXT, y + LEADING, "start");
	write_lines(out, &p->got, BOX_RIGHT + 12, y + LEADING, "start");
}

/* For those who hear it: what is wrong with whom. */
static void write_title(FILE *out, const struct picture *p)
{
	fputs("<title>Expected beside got, of ", out);
	for (size_t i = 0; i < p->op.nr; i++) {
		fputs(i ? ", " : "", out);
		page_text(out, p->op.line[i].text);
	}
	fputs(p->answer_differs ? ". The answer differs" : "", out);
	for (size_t i = 0; i < p->nr_rows; i++) {
		const struct lines *got = &p->rows[i].got;

		if (!p->rows[i].differs)
			continue;
		fprintf(out, ". vCPU %u", p->rows[i].vcpu);
		for (size_t n = 0; n < got->nr; n++) {
			if (strcmp(got->line[n].style, "warn") != 0)
				continue;
			fputs(", ", out);
			page_text(out, got->line[n].text);
		}
	}
	fputs("</title>\n", out);
}

static void write_others(FILE *out, const struct picture *p, int y)
{
	if (!p->nr_others)
		return;
	fprintf(out,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\""
		" class=\"muted\">and %zu other vCPU%s, ",
		WIDTH / 2, y + 12, p->nr_others, p->nr_others > 1 ? "s" : "");
	if (p->nr_others_changed)
		fprintf(out, "of which %zu changed", p->nr_others_changed);
	else
		fputs("which nothing happened to", out);
	fputs("</text>\n", out);
}

static void write_caption(FILE *out, const struct picture *p)
{
	fprintf(out, "<figcaption>%s%s</figcaption>\n",
		p->read_before ? "The vCPUs as they were before it; the arrows "
				 "are what changed." :
				 "The vCPUs as they were after it: their state "
				 "was not read before.",
		p->has_open ? " Open: the manuals leave it undefined." : "");
}

void picture_write(FILE *out, const struct report_case *c,
		   const struct moment *moment)
{
	static struct picture p;
	int op_height, heads, rows, y;

	picture_fill(&p, c, moment);
	op_height = height_of(&p.op) + 2 * PAD;
	heads = op_height + GAP;
	rows = heads + LEADING + max(height_of(&p.want), height_of(&p.got)) +
	       GAP;
	y = rows;
	for (size_t i = 0; i < p.nr_rows; i++)
		y += row_height(&p.rows[i]) + GAP;
	y += p.nr_others ? LEADING + PAD : 0;
	fprintf(out,
		"<figure>\n<div class=\"wide\"><svg class=\"pic\" role=\"img\""
		" viewBox=\"0 0 %d %d\">\n",
		WIDTH, y);
	write_title(out, &p);
	write_box(out, "box op", 1, WIDTH - 1, 1, op_height);
	write_lines(out, &p.op, WIDTH / 2, PAD, "middle");
	write_heads(out, &p, heads);
	write_buses(out, &p, op_height + 1, rows);
	y = rows;
	for (size_t i = 0; i < p.nr_rows; i++) {
		write_row(out, &p.rows[i], y);
		y += row_height(&p.rows[i]) + GAP;
	}
	write_others(out, &p, y);
	fputs("</svg></div>\n", out);
	write_caption(out, &p);
	fputs("</figure>\n", out);
}
