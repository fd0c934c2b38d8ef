/* Recordings: how they are read. The text may be anybody's. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"
#include "scenario/observation_text.h"
#include "scenario/parser.h"
#include "scenario/recording_states.h"

/* What is being read: an entry, whose last step may still be added to. */
struct entry_parser {
	struct parser p;
	struct recording_entry *entry;
	bool ended;
	int64_t last_vcpu; /* whose line came last in this step; -1: none */
};

/* The rest of the line, without the blanks around it. */
static struct word rest_of_line(struct parser *p)
{
	struct word rest;

	parser_skip_blanks(p);
	rest = (struct word){ p->at, strcspn(p->at, "\n") };
	p->at += rest.len;
	while (rest.len && isspace((unsigned char)rest.at[rest.len - 1]))
		rest.len--;
	return rest;
}

/* A word as a string; false where it is too long or not printable. */
static bool copy(struct parser *p, char *out, size_t cap, struct word word)
{
	if (word.len >= cap)
		return parser_fail(p, word.at, "longer than %zu characters",
				   cap - 1);
	for (size_t i = 0; i < word.len; i++)
		if (iscntrl((unsigned char)word.at[i]))
			return parser_fail(p, word.at + i,
					   "a control character");
	memcpy(out, word.at, word.len);
	out[word.len] = '\0';
	return true;
}

/* To the next line that says something; false at the end of the text. */
static bool find_line(struct parser *p)
{
	for (parser_skip_blanks(p); parser_at_end_of_line(p);
	     parser_skip_blanks(p))
		if (!parser_next_line(p))
			return false;
	return true;
}

static struct word word_until_blank(struct parser *p)
{
	struct word word = { p->at, strcspn(p->at, " \t\r\n") };

	p->at += word.len;
	return word;
}

static const struct fact_kind *find_kind(struct word word)
{
	for (size_t i = 0; i < FACT_KINDS; i++)
		if (word_is(word, fact_kinds[i].word))
			return &fact_kinds[i];
	return NULL;
}

static bool is_presence(const char *value)
{
	struct word word = { value, strcspn(value, " ") };

	return word_is(word, "present") || word_is(word, "absent") ||
	       word_is(word, "undetermined");
}

/* KIND VALUE, or KIND NAME VALUE; the kind has been read. */
static bool read_fact(struct parser *p, struct recording_head *head,
		      const struct fact_kind *kind, struct word first)
{
	struct recording_fact *fact = &head->facts[head->nr_facts];
	struct word key = first;
	struct word value;

	if (head->nr_facts == RECORDING_FACTS_MAX)
		return parser_fail(p, first.at, "more than %d lines in a head",
				   RECORDING_FACTS_MAX);
	if (kind->has_name) {
		parser_skip_blanks(p);
		key = word_until_blank(p);
		if (!key.len)
			return parser_fail(p, key.at, "which %s?", kind->word);
	}
	if (key.len + strlen(kind->word) + 2 > sizeof(fact->key))
		return parser_fail(p, key.at, "too long a name");
	snprintf(fact->key, sizeof(fact->key), "%s%s%.*s", kind->word,
		 kind->has_name ? " " : "", kind->has_name ? (int)key.len : 0,
		 key.at);
	value = rest_of_line(p);
	if (!copy(p, fact->value, sizeof(fact->value), value))
		return false;
	if (recording_value(head, fact->key))
		return parser_fail(p, first.at, "'%.64s' is given twice",
				   fact->key);
	if (!strcmp(kind->word, "row") && !is_presence(fact->value))
		return parser_fail(p, value.at,
				   "a row is present, absent or undetermined");
	head->nr_facts++;
	return true;
}

bool recording_read_head(struct recording_reader *out,
			 struct recording_head *out_head,
			 struct text_error *err, const char *text)
{
	struct parser p = {
		.err = err, .line_start = text, .at = text, .line = 1
	};
	struct word first = rest_of_line(&p);

	memset(out, 0, sizeof(*out));
	out_head->nr_facts = 0;
	if (!word_is(first, RECORDING_FIRST_LINE))
		return parser_fail(&p, text,
				   "not a recording: it does not begin with "
				   "'" RECORDING_FIRST_LINE "'");
	while (parser_next_line(&p) && find_line(&p)) {
		struct word word = parser_word(&p);
		const struct fact_kind *kind = find_kind(word);

		out->at = p.line_start;
		out->line = p.line;
		if (word_is(word, "scenario") || word_is(word, "total"))
			return true;
		if (!kind)
			return parser_fail(&p, word.at,
					   "'%.*s' has no place in a head",
					   word_quoted(word), word.at);
		if (!read_fact(&p, out_head, kind, word))
			return false;
	}
	return parser_fail(&p, p.at, "the file ends before its 'total'");
}

static void set_observable(const struct observable *o, void *to, uint64_t value)
{
	memcpy((uint8_t *)to + o->offset, &value, o->size);
}

/* VALUE or VALUE/MASK, after NAME=. */
static bool read_value(struct parser *p, uint64_t all, uint64_t *out_want,
		       uint64_t *out_care)
{
	struct word value = parser_word(p);
	struct word mask;

	*out_care = all;
	if (!word_number(value, out_want) || *out_want > all)
		return parser_fail(p, value.at, "'%.*s' is not a value here",
				   word_quoted(value), value.at);
	if (*p->at == '/') {
		p->at++;
		mask = parser_word(p);
		if (!word_number(mask, out_care) || *out_care > all)
			return parser_fail(p, mask.at,
					   "'%.*s' is not a mask here",
					   word_quoted(mask), mask.at);
	}
	*out_want &= *out_care;
	if (parser_at_end_of_line(p) || isspace((unsigned char)*p->at))
		return true;
	return parser_fail(p, p->at, "expected a blank after a value");
}

/* What a line gives values of, in the order of its table. */
struct table {
	const struct observable *rows;
	size_t nr;
	size_t next; /* the rows from here on may follow */
	const char *what;
};

/* NAME=VALUE, or NAME=VALUE/MASK, of one of the rows that may follow. */
static const struct observable *read_row(struct parser *p, struct table *table,
					 uint64_t *out_want, uint64_t *out_care)
{
	struct word name = parser_word(p);
	const struct observable *row;

	while (table->next < table->nr &&
	       !word_is(name, table->rows[table->next].name))
		table->next++;
	if (table->next == table->nr) {
		parser_fail(p, name.at,
			    "'%.*s' is nothing that %s, or out of order",
			    word_quoted(name), name.at, table->what);
		return NULL;
	}
	row = &table->rows[table->next++];
	if (*p->at != '=') {
		parser_fail(p, p->at, "expected '=' after '%s'", row->name);
		return NULL;
	}
	p->at++;
	if (!read_value(p, row->size == 8 ? UINT64_MAX : UINT32_MAX, out_want,
			out_care))
		return NULL;
	return row;
}

/* N: NAME=VALUE... after "vcpu". */
static bool read_vcpu(struct entry_parser *e)
{
	struct parser *p = &e->p;
	struct expectation *shown = &e->entry->shown;
	const struct step *step;
	struct word word;
	uint64_t vcpu, want, care;
	struct table table = { observables, OBSERVABLES, 0,
			       "is read of a vCPU" };

	parser_skip_blanks(p);
	word = parser_word(p);
	if (!shown->want.nr_steps)
		return parser_fail(p, word.at, "a state before the first op");
	step = &shown->want.steps[shown->want.nr_steps - 1];
	if (!word_number(word, &vcpu) || vcpu >= step->nr_states)
		return parser_fail(p, word.at, "there is no vcpu '%.*s' here",
				   word_quoted(word), word.at);
	if ((int64_t)vcpu <= e->last_vcpu)
		return parser_fail(p, word.at, "vCPUs come in ascending order");
	if (*p->at != ':')
		return parser_fail(p, p->at, "expected ':'");
	p->at++;
	e->last_vcpu = (int64_t)vcpu;
	for (parser_skip_blanks(p); !parser_at_end_of_line(p);
	     parser_skip_blanks(p)) {
		const struct observable *o = read_row(p, &table, &want, &care);
		uint32_t at = step->first_state + (uint32_t)vcpu;

		if (!o)
			return false;
		set_observable(o, &shown->want.states[at], want);
		set_observable(o, &shown->care.states[at], care);
	}
	return true;
}

/* A step's states are those of the step before, until lines say otherwise. */
static void add_step(struct entry_parser *e, struct answer want,
		     struct answer care)
{
	struct expectation *shown = &e->entry->shown;
	uint32_t i = shown->want.nr_steps;
	uint32_t nr = (uint32_t)e->p.nr_vcpus;
	const struct step *step = observation_add(&shown->want, want, nr);
	struct carried carried;

	observation_add(&shown->care, care, nr);
	for (uint32_t vcpu = 0; vcpu < nr; vcpu++) {
		recording_carry(&carried, shown, &e->entry->scenario, i, vcpu);
		shown->want.states[step->first_state + vcpu] = carried.want;
		shown->care.states[step->first_state + vcpu] = carried.care;
	}
	e->last_vcpu = -1;
}

static const struct answer answer_zero;

static const struct answer answer_all = {
#define ANSWER(type, name) .name = (type)UINT64_MAX,
#include "scenario/answers.def"
};

/* "-> accepted=VALUE error=VALUE..."; what is zero is left out. */
static bool read_answer(struct parser *p, struct answer *out_want,
			struct answer *out_care)
{
	struct table table = { answer_parts, ANSWER_PARTS, 0, "an op answers" };

	*out_want = answer_zero;
	*out_care = answer_all;
	if (strncmp(p->at, "->", 2) != 0)
		return parser_fail(p, p->at, "expected '->' and an answer");
	p->at += 2;
	for (parser_skip_blanks(p); !parser_at_end_of_line(p);
	     parser_skip_blanks(p)) {
		uint64_t want, care;
		const struct observable *part =
			read_row(p, &table, &want, &care);

		if (!part)
			return false;
		set_observable(part, out_want, want);
		set_observable(part, out_care, care);
	}
	return true;
}

static bool read_op(struct entry_parser *e, struct word name)
{
	struct answer want, care;

	if (!parser_op(&e->p, &e->entry->scenario, name) ||
	    !read_answer(&e->p, &want, &care))
		return false;
	add_step(e, want, care);
	return true;
}

static bool read_end(struct entry_parser *e)
{
	parser_skip_blanks(&e->p);
	if (!parser_at_end_of_line(&e->p))
		return parser_fail(&e->p, e->p.at,
				   "expected nothing after "
				   "'end'");
	e->ended = true;
	add_step(e, answer_zero, answer_all);
	return true;
}

static bool read_not_run(struct entry_parser *e, struct word name)
{
	struct recording_entry *entry = e->entry;
	struct word why = rest_of_line(&e->p);

	if (e->p.config_seen || entry->scenario.nr_ops)
		return parser_fail(&e->p, name.at,
				   "what did not run has nothing else");
	if (!why.len)
		return parser_fail(&e->p, why.at, "expected a reason");
	e->ended = true;
	return copy(&e->p, entry->not_run, sizeof(entry->not_run), why);
}

static bool read_line(struct entry_parser *e, struct word name)
{
	if (!name.len)
		return parser_fail(&e->p, name.at,
				   "expected the name of an "
				   "op, a vcpu or the end");
	if (e->entry->not_run[0])
		return parser_fail(&e->p, name.at,
				   "what did not run has nothing else");
	if (word_is(name, "vcpu"))
		return read_vcpu(e);
	if (e->ended)
		return parser_fail(
			&e->p, name.at,
			"expected 'scenario' or 'total' after 'end'");
	if (word_is(name, "end"))
		return read_end(e);
	if (word_is(name, "not_run"))
		return read_not_run(e, name);
	if (!word_is(name, "config"))
		return read_op(e, name);
	if (!parser_config(&e->p, &e->entry->scenario, name))
		return false;
	return parser_at_end_of_line(&e->p) ||
	       parser_fail(&e->p, e->p.at, "expected a setting");
}

/* The lines of an entry, up to where the next one begins. */
static bool read_lines(struct entry_parser *e)
{
	while (parser_next_line(&e->p) && find_line(&e->p)) {
		const char *at = e->p.at;
		struct word name = parser_word(&e->p);

		if (!word_is(name, "scenario") && !word_is(name, "total")) {
			if (!read_line(e, name))
				return false;
			continue;
		}
		e->p.at = at;
		return e->ended ||
		       parser_fail(&e->p, at, "'%.64s' has no 'end'",
				   e->entry->name);
	}
	return parser_fail(&e->p, e->p.at, "the file ends before its 'total'");
}

/* Ascending names: so none comes twice, and two files are read side by side. */
static bool read_entry_name(struct entry_parser *e,
			    struct recording_reader *reader)
{
	struct word name = rest_of_line(&e->p);

	if (!copy(&e->p, e->entry->name, sizeof(e->entry->name), name))
		return false;
	if (!recording_name_is_good(e->entry->name))
		return parser_fail(&e->p, name.at, "which scenario?");
	if (strcmp(e->entry->name, reader->last_name) <= 0)
		return parser_fail(&e->p, name.at,
				   "scenarios come in ascending order of their "
				   "names, each once");
	memcpy(reader->last_name, e->entry->name, sizeof(reader->last_name));
	return true;
}

/* "total N", and nothing more. */
static bool read_total(struct parser *p, const struct recording_reader *reader)
{
	struct word word;
	uint64_t total;

	parser_skip_blanks(p);
	word = parser_word(p);
	if (!word_number(word, &total) || total != reader->nr_entries)
		return parser_fail(p, word.at,
				   "it is not complete: %zu scenarios are "
				   "there",
				   reader->nr_entries);
	parser_skip_blanks(p);
	if (!parser_at_end_of_line(p) || (parser_next_line(p) && find_line(p)))
		return parser_fail(p, p->at, "expected nothing after 'total'");
	return true;
}

static void start_entry(struct recording_entry *out)
{
	out->not_run[0] = '\0';
	memset(&out->scenario.config, 0, sizeof(out->scenario.config));
	out->scenario.nr_ops = 0;
	out->shown.choices.nr = 0;
	out->shown.rows = 0;
	observation_start(&out->shown.want);
	observation_start(&out->shown.care);
}

enum recording_more recording_read_entry(struct recording_entry *out,
					 struct text_error *err,
					 struct recording_reader *reader)
{
	struct entry_parser e = {
		.p = { .err = err,
		       .line_start = reader->at,
		       .at = reader->at,
		       .line = reader->line },
		.entry = out,
	};
	struct word word;

	parser_skip_blanks(&e.p);
	word = parser_word(&e.p);
	if (word_is(word, "total"))
		return read_total(&e.p, reader) ? RECORDING_END : RECORDING_BAD;
	CHECK(word_is(word, "scenario"));
	start_entry(out);
	if (!read_entry_name(&e, reader) || !read_lines(&e))
		return RECORDING_BAD;
	reader->nr_entries++;
	reader->at = e.p.line_start;
	reader->line = e.p.line;
	return RECORDING_ENTRY;
}
