/* A mail to KVM's maintainers: a draft, which ends with a C program. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/emit.h"
#include "cli/report.h"
#include "scenario/check.h"

enum { LINE_MAX_LEN = 1024, SENTENCE_MAX = 96 };

/* While one mail is written. */
struct mail {
	FILE *out;
	const struct report_case *c;
	struct sides *sides;
	bool differs;
	struct op_sources sources; /* of the op that made it differ */
	enum reach reach;
};

/* A paragraph, and an empty line after it. */
static void __attribute__((format(printf, 2, 3)))
say(const struct mail *m, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	emit_wrapped_at(m->out, MAIL_COLUMNS, "", text);
	fputc('\n', m->out);
}

static void print_rows(const struct mail *m, errata_rows rows)
{
	for (uint32_t row = 0; row < ERRATA; row++) {
		const struct erratum_info *info = &erratum_infos[row];
		bool is_ours = !strncmp(info->source, "corpora/", 8);
		char text[LINE_MAX_LEN];

		if (!(rows >> row & 1))
			continue;
		snprintf(text, sizeof(text), "%s (%s%s%s; versions: %s)",
			 info->text, erratum_kind_name(info->kind),
			 is_ours ? "" : ": ", is_ours ? "" : info->source,
			 info->versions);
		emit_wrapped_at(m->out, MAIL_COLUMNS, "  ", text);
		fputc('\n', m->out);
	}
}

/* What explains it: rows that are to be switched. */
static errata_rows switched(const struct report_case *c)
{
	return c->verdict.nr_explanations ? c->verdict.explanations[0].set : 0;
}

/* The rows by which KVM does what was seen. */
static errata_rows rows_of(const struct report_case *c)
{
	return switched(c) & ~c->verdict.under.set;
}

static const struct op *op_at(const struct scenario *s, uint32_t step)
{
	return step < s->nr_ops ? &s->ops[step] : NULL;
}

/* The line of the comments that begins with @key: without that, in @out. */
static bool find_comment(char out[LINE_MAX_LEN], const struct report_case *c,
			 const char *key)
{
	const char *at = c->text;
	char line[LINE_MAX_LEN];

	while ((at = input_comment(line, sizeof(line), at)) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		memmove(out, line + strlen(key),
			strlen(line + strlen(key)) + 1);
		return true;
	}
	return false;
}

/* Behind "name: ", where a line begins with that. */
static const char *after_name(const char *line)
{
	const char *colon = strstr(line, ": ");

	return colon && strcspn(line, " ") > (size_t)(colon - line) ?
		       colon + 2 :
		       line;
}

/* The author's first paragraph, without the name it may begin with. */
static void first_paragraph(char *out, size_t cap, const struct report_case *c)
{
	char line[LINE_MAX_LEN];
	const char *at = c->text;
	size_t len = 0;

	out[0] = '\0';
	while ((at = input_comment(line, sizeof(line), at)) != NULL &&
	       line[0] && line[0] != ' ' && len < cap)
		len += (size_t)snprintf(out + len, cap - len, "%s%s",
					len ? " " : "",
					len ? line : after_name(line));
}

/* The author's first sentence, where that is short. */
static bool sentence(char out[SENTENCE_MAX], const struct report_case *c)
{
	char text[LINE_MAX_LEN];
	size_t len = 0;

	if (report_is_generated(c))
		return false;
	first_paragraph(text, sizeof(text), c);
	/* Up to what ends it: ".", ":" or ";" before a blank, or at the end. */
	while (text[len] &&
	       !(strchr(".:;", text[len]) && strchr(" ", text[len + 1])))
		len++;
	if (!len || len >= SENTENCE_MAX)
		return false;
	snprintf(out, SENTENCE_MAX, "%.*s", (int)len, text);
	return true;
}

/* Of a signature its first words: what, by whom, seen in what, and how. */
static void generated_subject(char out[SENTENCE_MAX], const struct mail *m)
{
	char signature[LINE_MAX_LEN], what[48], by[16], in[48], how[32];

	snprintf(signature, sizeof(signature), "%s", m->c->verdict.signature);
	if (!m->differs && !find_comment(signature, m->c, "signature: "))
		snprintf(signature, sizeof(signature), "%s", m->c->file->name);
	/* With a colon it is what the kernel said, or has a label. */
	if (!strchr(signature, ':') &&
	    sscanf(signature, "%47s %15s %47s %31s", what, by, in, how) == 4)
		snprintf(out, SENTENCE_MAX, "%.32s by the %.8s: %.24s in %.24s",
			 what, by, how, in);
	else
		snprintf(out, SENTENCE_MAX, "%.80s", signature);
}

static const char *prefix(const struct mail *m)
{
	errata_rows rows = rows_of(m->c);

	for (uint32_t row = 0; row < ERRATA; row++)
		if (rows >> row & 1 &&
		    erratum_infos[row].kind == ERRATUM_KIND_BACKEND) {
			if (!strcmp(m->sides->host.module, "kvm_amd"))
				return "KVM: SVM: ";
			if (!strcmp(m->sides->host.module, "kvm_intel"))
				return "KVM: VMX: ";
		}
	return "KVM: x86: ";
}

static void print_head(const struct mail *m)
{
	const char *version = getenv("KVMERRATA_VERSION");
	char subject[SENTENCE_MAX];

	if (!sentence(subject, m->c))
		generated_subject(subject, m);
	fprintf(m->out,
		"To: kvm@vger.kernel.org\nCc: linux-kernel@vger.kernel.org\n"
		"Subject: %s%s\n\n",
		prefix(m), subject);
	say(m,
	    "[A draft, made by kvmerrata%s%s from %s. Text in brackets is for "
	    "you and not to be sent. Add to Cc: whom "
	    "`scripts/get_maintainer.pl -f %s` names. Run the program below by "
	    "hand, and on the newest kernel, before you say that it shows "
	    "something.]",
	    version ? " " : "", version ? version : "", m->c->file->path,
	    m->sources.file);
}

/* What is known already is not news; nor is what agrees. */
static void print_doubts(const struct mail *m)
{
	const struct report_case *c = m->c;
	errata_rows rows = rows_of(c);

	if (c->not_run[0])
		say(m, "[It was not run for this mail: %s]", c->not_run);
	else if (c->verdict.kind == VERDICT_AGREE)
		say(m,
		    "[On this host nothing differs, against the set %s: do not "
		    "send this from here.]",
		    c->about.against);
	else if (c->verdict.kind == VERDICT_FLAKY)
		say(m,
		    "[On this host it does not repeat: find out why first.]");
	for (uint32_t row = 0; row < ERRATA; row++)
		if (rows >> row & 1 &&
		    erratum_infos[row].kind == ERRATUM_KIND_HISTORICAL)
			say(m,
			    "[Known and fixed: %s, %s. It may be worth a mail "
			    "to stable@vger.kernel.org.]",
			    erratum_infos[row].name, erratum_infos[row].source);
}

/* A paragraph of comments becomes one of the mail; what is indented stays. */
static void print_comments(const struct mail *m)
{
	char line[LINE_MAX_LEN], paragraph[4096] = "";
	const char *at = m->c->text;
	bool first = !report_is_generated(m->c);

	while ((at = report_comment(line, sizeof(line), m->c, at)) != NULL) {
		size_t len = strlen(paragraph);
		bool is_text = line[0] && line[0] != ' ';

		if (is_text && !report_is_generated(m->c)) {
			snprintf(paragraph + len, sizeof(paragraph) - len,
				 "%s%s", len ? " " : "",
				 first ? after_name(line) : line);
			first = false;
			continue;
		}
		emit_wrapped_at(m->out, MAIL_COLUMNS, "", paragraph);
		paragraph[0] = '\0';
		fprintf(m->out, "%s%s\n", report_is_generated(m->c) ? "  " : "",
			line);
	}
	emit_wrapped_at(m->out, MAIL_COLUMNS, "", paragraph);
	fputc('\n', m->out);
}

/* What a person wrote; or the verdict as it was, if it cannot be had again. */
static void print_words(const struct mail *m)
{
	char line[LINE_MAX_LEN];

	if (!report_is_generated(m->c) &&
	    input_comment(line, sizeof(line), m->c->text)) {
		print_comments(m);
		return;
	}
	say(m, "[Say in a sentence or two what goes wrong.]");
	if (!report_is_generated(m->c) ||
	    (m->differs && !find_comment(line, m->c, "the kernel's log:")))
		return;
	say(m, "As it was found:");
	print_comments(m);
}

static void print_steps(const struct mail *m)
{
	const struct scenario *s = &m->c->scenario;

	fputs("Steps (kvmerrata's scenario; the program below does them):\n\n",
	      m->out);
	if (m->c->bystanders[0])
		say(m,
		    "[Some of these vCPUs are bystanders, that no message is "
		    "meant for: without them nothing differs.]");
	fputs("     ", m->out);
	config_print(m->out, &s->config);
	for (uint32_t i = 0; i < s->nr_ops; i++) {
		fprintf(m->out, "\n%s%3" PRIu32 "  ",
			m->differs && i == m->c->verdict.cause ? "> " : "  ",
			i + 1);
		op_print(m->out, &s->ops[i]);
	}
	fputs("\n\n", m->out);
}

static void print_differences(const struct mail *m)
{
	const struct verdict *v = &m->c->verdict;

	if (v->step < m->c->scenario.nr_ops)
		fprintf(m->out, "After step %" PRIu32 ":\n\n", v->step + 1);
	else
		fputs("At the end:\n\n", m->out);
	for (uint32_t i = 0; i < v->nr_differences && i < DIFFERENCES_MAX;
	     i++) {
		const struct difference *d = &v->differences[i];

		if (d->vcpu < 0)
			fprintf(m->out, "  answer, %s:", d->name);
		else
			fprintf(m->out, "  vCPU %d, %s:", d->vcpu, d->name);
		fprintf(m->out, " expected 0x%" PRIx64 ", got 0x%" PRIx64 "\n",
			d->want, d->got);
	}
	if (v->nr_differences > DIFFERENCES_MAX)
		fprintf(m->out, "  and %" PRIu32 " more\n",
			v->nr_differences - DIFFERENCES_MAX);
	fputc('\n', m->out);
}

static void print_expectation(const struct mail *m)
{
	errata_rows documented = m->c->verdict.rows & m->c->verdict.under.set;

	say(m, "Expected is by: %s.", m->sources.manual);
	if (documented) {
		say(m, "And of what is documented or known of KVM:");
		print_rows(m, documented);
	}
	if (rows_of(m->c)) {
		say(m, "What KVM does instead:");
		print_rows(m, rows_of(m->c));
	}
	if (switched(m->c) & m->c->verdict.under.set) {
		say(m,
		    "What KVM does not do, though it is documented or known:");
		print_rows(m, switched(m->c) & m->c->verdict.under.set);
	}
	if (m->c->verdict.kind == VERDICT_DIVERGE)
		say(m, "[No known departure of KVM's explains it.]");
}

static void print_reach(const struct mail *m)
{
	static const char *const who[] = {
		[REACH_VMM] = "the VMM, by an ioctl.",
		[REACH_DEVICE] = "the VMM, for a device of the guest's; what a "
				 "message has as its address and data is the "
				 "guest's choice.",
		[REACH_MIGRATION] = "the VMM, as when it restores a guest.",
		[REACH_GUEST] = "a guest, by an instruction.",
	};

	say(m,
	    "Who can reach it: %s [Steps with by=host are ioctls too: say "
	    "which of them a guest can do by itself, and what it costs "
	    "whom.]",
	    who[m->sources.reach]);
}

static void print_host(const struct mail *m)
{
	char line[LINE_MAX_LEN];

	if (m->c->not_run[0]) {
		if (find_comment(line, m->c, "host: "))
			say(m, "Seen on: %s", line);
		say(m, "[kernel, tree and commit, .config, CPU, microcode, "
		       "module parameters, capabilities of that host]");
		return;
	}
	if (!m->sides->drv) {
		say(m, "[Not on a host: %s]", m->sides->host.line);
		return;
	}
	fputs("Seen here:\n\n", m->out);
	report_host(m->out, m->c, m->sides);
	fputc('\n', m->out);
}

static void print_program(const struct mail *m)
{
	static struct emission e;
	char options[LINE_MAX_LEN + 32];
	struct emit_about about = { .path = m->c->file->path,
				    .text = m->c->text,
				    .options = options,
				    .host = m->sides->host.line };

	snprintf(options, sizeof(options), " --against=%s",
		 m->c->about.against);
	e.scenario = &m->c->scenario;
	e.style = EMIT_PLAIN;
	if (!emit_prepare(&e, &about, m->sides)) {
		say(m,
		    "[No program: the manuals leave more than %d outcomes "
		    "open.]",
		    OUTCOMES_MAX);
		return;
	}
	say(m, "The program needs the kernel's headers and nothing else "
	       "(gcc -Wall -static -o reproducer reproducer.c). It prints "
	       "expected and got; its exit status is 0 if all is as "
	       "expected, 1 if something differs, 4 if that cannot be "
	       "tested. [`kvmerrata emit-c --style=selftest` makes a start "
	       "of a regression test of it.]");
	fputs("reproducer.c:\n\n", m->out);
	emit_program(m->out, &e, &about);
}

void report_mail(FILE *out, struct report_case *c, struct sides *sides)
{
	struct mail m = { .out = out, .c = c, .sides = sides };

	m.differs = !c->not_run[0] && c->verdict.kind != VERDICT_AGREE;
	m.sources = report_sources(
		op_at(&c->scenario, m.differs ? c->verdict.cause :
						(uint32_t)c->scenario.nr_ops));
	print_head(&m);
	print_doubts(&m);
	print_words(&m);
	print_steps(&m);
	if (m.differs) {
		print_differences(&m);
		print_expectation(&m);
		print_reach(&m);
	}
	print_host(&m);
	print_program(&m);
}
