/*
 * Private to the verb report: findings as mails to maintainers, and as one page.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/fingerprint.h"
#include "cli/sides.h"

enum { CASE_NAME_MAX = 128, CASE_TEXT_MAX = 1 << 16, CASES_MAX = 1024 };

/*
 * A finding: a scenario file, and its place in the output folder of `fuzz` if it
 * lies in one. All of it but the numbers may come from strangers.
 */
struct report_file {
	char path[PATH_MAX];
	/* The folder that it is in, if `fuzz` made that; else the file's name. */
	char name[CASE_NAME_MAX];
	/* The set that it was found against: from there, or a comment; or "". */
	char against[4096];
	/* What is kept there; 0 and "" of any other file. */
	unsigned long long hits;
	char found[32]; /* when, in UTC */
};

struct report_files {
	size_t nr;
	struct report_file *list;
};

/*
 * The findings at @path: one .scn file; a finding's folder; or an output folder
 * of `fuzz`, whose findings, explained and flaky are meant, in that order and
 * the most frequent first. False after a message.
 */
bool report_find(struct report_files *out, const char *path);

/* One finding as it is now, on this host or the model in its place. */
struct report_case {
	const struct report_file *file;
	char text[CASE_TEXT_MAX]; /* the file, whose comments count */
	struct scenario scenario;
	/* If the comments say --twin=KIND, that: they are among its vCPUs. */
	char bystanders[TWIN_NAME_MAX];
	struct report_about about;
	char not_run[KVMDRV_REASON_MAX]; /* why; "": it ran */
	struct verdict verdict;		 /* if it ran */
	/*
	 * If it ran and differs: both sides with every step read, as
	 * oracle_show() leaves them. Of VERDICT_FLAKY they may not differ.
	 */
	struct oracle_workspace work;
};

/*
 * Read and run the case at @file. EXIT_AGREE, EXIT_DIVERGE, or EXIT_SKIP where
 * it does not run, and then it can be reported all the same; or EXIT_USAGE
 * after a message.
 */
enum exit_status report_case(struct report_case *out,
			     const struct report_file *file,
			     struct sides *sides,
			     const struct sides_options *options);

/* Did `run` or `fuzz` write the file, so that its comments are a verdict? */
bool report_is_generated(const struct report_case *c);

/*
 * The next comment of what people wrote or `fuzz` did, as input_comment() has
 * it; without the line of the former that says against what to compare.
 */
const char *report_comment(char *out, size_t cap, const struct report_case *c,
			   const char *at);

/* cli/report_mail.c */

enum { MAIL_COLUMNS = 72 };

/* A draft, with a C program that shows it. */
void report_mail(FILE *out, struct report_case *c, struct sides *sides);

/* cli/report_host.c */

/* What there is to say of the host that @sides is open on. */
void report_host(FILE *out, const struct report_case *c,
		 const struct sides *sides);

/* cli/report_sources.c */

/* Who can bring an op about that the VMM did. */
enum reach { REACH_VMM, REACH_DEVICE, REACH_MIGRATION, REACH_GUEST };

/* What an op is about, for people. All strings are static. */
struct op_sources {
	const char *manual; /* sections, by their titles */
	const char *file;   /* of KVM's, for scripts/get_maintainer.pl */
	enum reach reach;
};

/* @op NULL stands for the end of a scenario. */
struct op_sources report_sources(const struct op *op);

#endif
