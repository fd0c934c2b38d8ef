/* Lines of emitted programs, none too long. */
#include <stdarg.h>
#include <string.h>

#include "cli/emit.h"
#include "cli/cli.h"

enum { COLUMNS = 80, INDENT = 8, STATEMENT_MAX = 2048 };

/* How much of @text, which is not empty, there is up to where it may break. */
static size_t unbroken(const char *text)
{
	bool quoted = false;
	size_t len = 0;

	for (; text[len]; len++) {
		if (text[len] == '"')
			quoted = !quoted;
		else if (text[len] == ' ' && !quoted && text[len + 1] != '|')
			return len + 1;
	}
	return len;
}

void emit_statement(struct emission *e, const char *format, ...)
{
	char text[STATEMENT_MAX];
	size_t column = INDENT;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputc('\t', e->out);
	for (const char *at = text; *at;) {
		size_t len = unbroken(at);
		size_t shown = len - (at[len - 1] == ' ');

		if (column + shown > COLUMNS && at != text) {
			fputs("\n\t\t", e->out);
			column = 2 * INDENT;
		} else if (at != text) {
			fputc(' ', e->out);
			column++;
		}
		fwrite(at, 1, shown, e->out);
		column += shown;
		at += len;
	}
	fputc('\n', e->out);
}

void emit_wrapped(FILE *out, const char *prefix, const char *text)
{
	emit_wrapped_at(out, COLUMNS, prefix, text);
}

/* A comment in it ends nowhere. */
void emit_wrapped_at(FILE *out, size_t columns, const char *prefix,
		     const char *text)
{
	size_t indent = 0, column = 0;

	for (const char *at = prefix; *at; at++)
		indent += *at == '\t' ? INDENT : 1;
	while (*text) {
		size_t len = strcspn(text, " \n");

		if (column && column + 1 + len > columns) {
			fputc('\n', out);
			column = 0;
		}
		if (!column) {
			fputs(prefix, out);
			column = indent;
		} else {
			fputc(' ', out);
			column++;
		}
		for (size_t i = 0; i < len; i++) {
			fputc(text[i], out);
			if (text[i] == '*' && text[i + 1] == '/')
				fputc(' ', out);
		}
		column += len;
		text += len;
		text += strspn(text, " \n");
	}
	if (column)
		fputc('\n', out);
}

void emit_comment(struct emission *e, const char *format, ...)
{
	char text[STATEMENT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputc('\n', e->out);
	if (strlen(text) + INDENT + strlen("/*  */") <= COLUMNS) {
		fprintf(e->out, "\t/* %s */\n", text);
		return;
	}
	fputs("\t/*\n", e->out);
	emit_wrapped(e->out, "\t * ", text);
	fputs("\t */\n", e->out);
}
