/* Text from strangers, in HTML that is XML as well. */
#include "cli/page.h"

/* How many bytes the UTF-8 character at @text has; 0: it is none. */
static size_t utf8_len(const unsigned char *text)
{
	size_t len = text[0] < 0x80	      ? 1 :
		     (text[0] & 0xe0) == 0xc0 ? 2 :
		     (text[0] & 0xf0) == 0xe0 ? 3 :
		     (text[0] & 0xf8) == 0xf0 ? 4 :
						0;

	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static uint32_t utf8_value(const unsigned char *text, size_t len)
{
	uint32_t value = len == 1 ? text[0] : text[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		value = value << 6 | (text[i] & 0x3f);
	return value;
}

/* Not longer than need be, and not half of a pair. */
static bool is_well_formed(uint32_t value, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return value >= least[len] && value <= 0x10ffff &&
	       (value < 0xd800 || value > 0xdfff);
}

/* Controls, what XML has not, and what turns the direction of text. */
static bool is_shown(uint32_t value)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x08 },	    { 0x0b, 0x1f },	  { 0x7f, 0x9f },
		{ 0x61c, 0x61c },   { 0x200b, 0x200f },	  { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfdd0, 0xfdef },	  { 0xfeff, 0xfeff },
		{ 0xfff0, 0xffff }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (value >= hidden[i].first && value <= hidden[i].last)
			return false;
	return (value & 0xfffe) != 0xfffe;
}

static void put(FILE *out, const unsigned char *text, size_t len)
{
	switch (text[0]) {
	case '&':
		fputs("&amp;", out);
		return;
	case '<':
		fputs("&lt;", out);
		return;
	case '>':
		fputs("&gt;", out);
		return;
	case '"':
		fputs("&quot;", out);
		return;
	case '\'':
		fputs("&#39;", out);
		return;
	}
	fwrite(text, 1, len, out);
}

void page_text(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		size_t len = utf8_len(at);
		uint32_t value = len ? utf8_value(at, len) : 0;

		if (!len || !is_well_formed(value, len)) {
			fputc('?', out);
			at++;
			continue;
		}
		if (is_shown(value))
			put(out, at, len);
		else
			fputc('?', out);
		at += len;
	}
}
