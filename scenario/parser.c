/* Words, numbers, lines, and messages that say where in a text. */
#include "scenario/parser.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

bool parser_fail(struct parser *p, const char *where, const char *format, ...)
{
	va_list args;

	p->err->line = p->line;
	p->err->column = (int)(where - p->line_start) + 1;
	va_start(args, format);
	vsnprintf(p->err->message, sizeof(p->err->message), format, args);
	va_end(args);
	return false;
}

int word_quoted(struct word word)
{
	return word.len > 32 ? 32 : (int)word.len;
}

bool word_is(struct word word, const char *name)
{
	return strlen(name) == word.len && !memcmp(word.at, name, word.len);
}

bool parser_at_end_of_line(const struct parser *p)
{
	return *p->at == '\0' || *p->at == '\n' || *p->at == '#';
}

void parser_skip_blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
		p->at++;
}

bool parser_next_line(struct parser *p)
{
	p->at += strcspn(p->at, "\n");
	if (!*p->at)
		return false;
	p->line_start = ++p->at;
	p->line++;
	return true;
}

struct word parser_word(struct parser *p)
{
	struct word word = { p->at, 0 };

	while (isalnum((unsigned char)*p->at) || *p->at == '_')
		p->at++;
	word.len = (size_t)(p->at - word.at);
	return word;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

bool word_number(struct word word, uint64_t *out)
{
	bool hex = word.len > 2 && word.at[0] == '0' && word.at[1] == 'x';
	uint64_t base = hex ? 16 : 10;
	uint64_t value = 0;

	if (!word.len)
		return false;
	for (size_t i = hex ? 2 : 0; i < word.len; i++) {
		uint64_t digit = (uint64_t)digit_value(word.at[i]);

		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*out = value;
	return true;
}
