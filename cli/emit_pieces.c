/* Which pieces of text an emitted program needs. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/emit.h"
#include "scenario/check.h"
#include "scenario/x86.h"

/* The files of cli/emit/. */
extern const char emit_includes[], emit_checks[], emit_host[], emit_state[];
extern const char emit_guest_code[], emit_guest[], emit_instructions[];
extern const char emit_restore[];

enum { PIECES_MAX = 512, REGISTERS_TEXT = APIC_REGS * 64 };

struct span {
	const char *at;
	size_t len;
};

/* Wanted where one of `names` is a word in what is wanted after it. */
struct piece {
	struct span names;
	struct span text;
	struct span code; /* the text without its comments and strings */
	/* A comment: wanted where one of the pieces that follow it is. */
	bool is_comment;
	size_t nr_follow;
	bool is_wanted;
	/* Of a function: wanted where one of these is as well. */
	struct span outer_names;
};

struct pieces {
	struct emit_variant variant;
	char *code; /* room for that of all pieces */
	size_t code_len;
	size_t code_cap;
	struct span outer_names; /* of the last piece that is no part of one */
	size_t nr;
	struct piece all[PIECES_MAX];
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool has_word(struct span text, struct span word)
{
	const char *at = text.at, *end = text.at + text.len;

	while ((at = memmem(at, (size_t)(end - at), word.at, word.len))) {
		const char *after = at + word.len;

		if ((at == text.at || !is_word(at[-1])) &&
		    (after == end || !is_word(*after)))
			return true;
		at++;
	}
	return false;
}

static struct span next_word(struct span *text)
{
	struct span word;

	while (text->len && !is_word(*text->at)) {
		text->at++;
		text->len--;
	}
	word.at = text->at;
	while (text->len && is_word(*text->at)) {
		text->at++;
		text->len--;
	}
	word.len = (size_t)(text->at - word.at);
	return word;
}

/* The end of the comment or string that begins at @at, or NULL. */
static const char *end_of_words(const char *at, const char *end)
{
	const char *close;

	if (end - at > 1 && at[0] == '/' && at[1] == '*') {
		close = memmem(at + 2, (size_t)(end - at) - 2, "*/", 2);
		return close ? close + 2 : end;
	}
	if (*at != '"')
		return NULL;
	for (at++; at < end && *at != '"'; at++)
		at += *at == '\\';
	return at < end ? at + 1 : end;
}

/* Only what a compiler makes names of. */
static struct span code_of(struct pieces *pieces, struct span text)
{
	struct span code = { pieces->code + pieces->code_len, 0 };
	const char *end = text.at + text.len;

	CHECK(pieces->code_len + text.len <= pieces->code_cap);
	for (const char *at = text.at; at < end;) {
		const char *after = end_of_words(at, end);

		pieces->code[pieces->code_len++] = after ? ' ' : *at;
		at = after ? after : at + 1;
	}
	code.len = (size_t)(pieces->code + pieces->code_len - code.at);
	return code;
}

static void put(struct pieces *pieces, struct span names, struct span text)
{
	CHECK(pieces->nr < PIECES_MAX);
	pieces->all[pieces->nr++] = (struct piece){
		.names = names, .text = text, .code = code_of(pieces, text)
	};
}

/* A line that begins a piece is a comment that begins so. */
static const char mark[] = "/*%";

static struct span line_at(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return (struct span){ at,
			      (size_t)((newline ? newline + 1 : end) - at) };
}

static bool begins(struct span line, const char *with)
{
	return line.len >= strlen(with) && !memcmp(line.at, with, strlen(with));
}

/* Each #define by itself. */
static void put_defines(struct pieces *pieces, struct span text)
{
	static const char keyword[] = "#define ";
	const char *end = text.at + text.len;
	size_t comment = PIECES_MAX;

	for (const char *at = text.at; at < end;) {
		struct span line = line_at(at, end), rest = line;

		at += line.len;
		if (!begins(line, keyword)) {
			comment = pieces->nr;
			put(pieces, (struct span){ 0 }, line);
			pieces->all[comment].is_comment = true;
			continue;
		}
		rest.at += strlen(keyword);
		rest.len -= strlen(keyword);
		put(pieces, next_word(&rest), line);
		if (comment < PIECES_MAX)
			pieces->all[comment].nr_follow++;
	}
}

/* "plain main" names "main" in the plain style. False: for other programs. */
static bool take_variant(const struct pieces *pieces, struct span *names)
{
	const struct {
		const char *name;
		bool is_ours;
	} variants[] = {
		{ "plain ", pieces->variant.style == EMIT_PLAIN },
		{ "selftest ", pieces->variant.style == EMIT_SELFTEST },
		{ "protected ", !pieces->variant.long_mode },
		{ "long ", pieces->variant.long_mode },
	};

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		if (!begins(*names, variants[i].name))
			continue;
		names->at += strlen(variants[i].name);
		names->len -= strlen(variants[i].name);
		return variants[i].is_ours;
	}
	return true;
}

static bool is_mark(struct span line)
{
	while (line.len && *line.at == '\t') {
		line.at++;
		line.len--;
	}
	return begins(line, mark);
}

/* @at: behind the mark. Returns where the piece ends. */
static const char *put_piece(struct pieces *pieces, const char *at,
			     const char *end, bool is_part)
{
	struct span line = line_at(at, end), names = line, word;
	struct span text = { at + line.len, 0 };

	at = text.at;
	while (at < end && !is_mark(line_at(at, end)))
		at += line_at(at, end).len;
	text.len = (size_t)(at - text.at);
	if (!take_variant(pieces, &names))
		return at;
	word = next_word(&(struct span){ names.at, names.len });
	if (!word.len) {
		put_defines(pieces, text);
		return at;
	}
	put(pieces, names, text);
	if (is_part)
		pieces->all[pieces->nr - 1].outer_names = pieces->outer_names;
	else
		pieces->outer_names = names;
	return at;
}

static void put_pieces(struct pieces *pieces, const char *at)
{
	const char *end = at + strlen(at);

	while (at < end) {
		if (!is_mark(line_at(at, end)))
			at += line_at(at, end).len;
		else
			at = put_piece(pieces, strstr(at, mark) + strlen(mark),
				       end, *at == '\t');
	}
}

static bool names_any(struct span text, struct span names)
{
	struct span word;

	while ((word = next_word(&names)).len)
		if (has_word(text, word))
			return true;
	return false;
}

static bool is_named_after(const struct pieces *pieces, size_t i,
			   struct span names, struct span body)
{
	if (names_any(body, names))
		return true;
	for (size_t later = i + 1; later < pieces->nr; later++)
		if (pieces->all[later].is_wanted &&
		    names_any(pieces->all[later].code, names))
			return true;
	return false;
}

/* The offsets of APIC registers. */
static void put_registers(struct pieces *pieces, char *text, size_t cap)
{
	char name[NAME_TEXT_MAX];
	size_t len;

	len = (size_t)snprintf(
		text, cap, "/* The local APIC's registers in its page. */\n");
	for (uint32_t slot = 0; slot < APIC_REGS; slot++)
		len += (size_t)snprintf(text + len, cap - len,
					"#define %s 0x%03x\n",
					register_macro(name, slot), slot * 16);
	CHECK(len < cap);
	put_defines(pieces, (struct span){ text, len });
}

static bool is_wanted(const struct pieces *pieces, size_t i, struct span body)
{
	const struct piece *piece = &pieces->all[i];

	if (!piece->is_comment)
		return is_named_after(pieces, i, piece->names, body) &&
		       (!piece->outer_names.len ||
			is_named_after(pieces, i, piece->outer_names, body));
	for (size_t follow = 1; follow <= piece->nr_follow; follow++)
		if (pieces->all[i + follow].is_wanted)
			return true;
	return false;
}

static bool is_define(struct span text)
{
	return begins(text, "#define") &&
	       line_at(text.at, text.at + text.len).len == text.len;
}

/* With an empty line around runs of definitions. */
static void write_wanted(FILE *out, const struct pieces *pieces)
{
	bool after_define = false;

	for (size_t i = 0; i < pieces->nr; i++) {
		const struct piece *piece = &pieces->all[i];

		if (!piece->is_wanted)
			continue;
		if (after_define && !is_define(piece->text))
			fputc('\n', out);
		after_define = is_define(piece->text);
		fwrite(piece->text.at, 1, piece->text.len, out);
	}
}

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* The MSRs of msrs.def, each by its name, and those that can be written. */
static void put_memory_msrs(struct pieces *pieces, char *text, size_t cap)
{
	static const uint32_t writable[] = {
#define MSR(number, name) number,
#include "scenario/msrs.def"
	};
	static const uint32_t all[] = {
#define MSR(number, name) number,
#define MSR_READ_ONLY(number, name) number,
#define MSR_ABSENT(number, name) number,
#include "scenario/msrs.def"
	};
	char name[NAME_TEXT_MAX];
	size_t len, defines;

	len = (size_t)snprintf(text, cap, "/* Memory types. */\n");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		len += (size_t)snprintf(
			text + len, cap - len, "#define %s 0x%03x\n",
			name_macro(name, "MSR_", memory_msr_name(all[i])),
			all[i]);
	defines = len;
	put_defines(pieces, (struct span){ text, defines });
	len += (size_t)snprintf(text + len, cap - len,
				"static const uint32_t memory_msrs[] = {\n");
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++)
		len += (size_t)snprintf(
			text + len, cap - len, "\t%s,\n",
			name_macro(name, "MSR_", memory_msr_name(writable[i])));
	len += (size_t)snprintf(text + len, cap - len,
				"};\n"
				"#define NR_MEMORY_MSRS %zu\n\n",
				ARRAY_SIZE(writable));
	CHECK(len < cap);
	put(pieces, span_of("memory_msrs"),
	    (struct span){ text + defines, len - defines });
}

static void put_all(struct pieces *pieces, const struct emit_text *text)
{
	static char registers[REGISTERS_TEXT], msrs[REGISTERS_TEXT];

	put_pieces(pieces, emit_includes);
	put_defines(pieces, span_of(text->numbers));
	put_registers(pieces, registers, sizeof(registers));
	put_memory_msrs(pieces, msrs, sizeof(msrs));
	put_pieces(pieces, emit_checks);
	put_pieces(pieces, emit_host);
	put(pieces, span_of("make_vm"), span_of(text->setup));
	put(pieces, span_of("read_state"), span_of(text->tables));
	put_pieces(pieces, emit_state);
	put_pieces(pieces, emit_guest_code);
	put_pieces(pieces, emit_guest);
	put_pieces(pieces, emit_instructions);
	put_pieces(pieces, emit_restore);
}

void emit_pieces(FILE *out, struct emit_variant variant,
		 const struct emit_text *text)
{
	static struct pieces pieces;
	struct span body = span_of(text->body);

	pieces.variant = variant;
	pieces.nr = 0;
	pieces.code_len = 0;
	pieces.code_cap = 2 * REGISTERS_TEXT + strlen(text->numbers) +
			  strlen(text->setup) + strlen(text->tables) +
			  body.len + strlen(emit_includes) +
			  strlen(emit_checks) + strlen(emit_host) +
			  strlen(emit_state) + strlen(emit_guest_code) +
			  strlen(emit_guest) + strlen(emit_instructions) +
			  strlen(emit_restore);
	pieces.code = memory_there(malloc(pieces.code_cap));
	put_all(&pieces, text);
	body = code_of(&pieces, body);
	for (size_t i = pieces.nr; i-- > 0;)
		pieces.all[i].is_wanted = is_wanted(&pieces, i, body);
	write_wanted(out, &pieces);
	fputs(text->body, out);
	free(pieces.code);
}
