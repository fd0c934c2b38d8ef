/*
 * Private to cli/: which errata a host has, what it shows of statements that no
 * scenario can show, and both in files.
 */
#ifndef CLI_FINGERPRINT_H
#define CLI_FINGERPRINT_H

#include "cli/cli.h"
#include "kvmdrv/host.h"
#include "kvmdrv/probe.h"

enum presence { PRESENCE_UNDETERMINED, PRESENCE_ABSENT, PRESENCE_PRESENT };

enum { WHY_MAX = PROBE_WHY_MAX, HOSTS_MAX = 32 };

struct fingerprint {
	struct host host;
	enum presence rows[ERRATA];
	char why[ERRATA][WHY_MAX]; /* of what is undetermined */
	enum presence probes[PROBES];
	char because[PROBES][WHY_MAX]; /* of all of them */
};

/*
 * Run the witness of every row on the host that @drv is open on. False after
 * a message: a witness cannot be read.
 */
bool fingerprint_take(struct fingerprint *out, struct kvmdrv *drv);

/* Run every probe. */
void fingerprint_probe(struct fingerprint *out, struct kvmdrv *drv);

/* What @answer to @probe says of the statement. */
enum presence probe_presence(enum probe probe, enum probe_answer answer);

/* The rows that are present. */
struct errata fingerprint_errata(const struct fingerprint *fingerprint);

/* As JSON, which fingerprint_read() takes. */
void fingerprint_write(FILE *out, const struct fingerprint *fingerprint);

/* Several, as JSON: {"format": "kvmerrata-fingerprints-1", "hosts": [...]}. */
void fingerprint_write_all(FILE *out, const struct fingerprint *list,
			   size_t nr);

/*
 * The fingerprint in a file that fingerprint_write() made. Rows and probes that
 * the file does not have are undetermined. False after a message.
 */
bool fingerprint_read(struct fingerprint *out, const char *path);

/*
 * @nr of them side by side on stdout, as a table or as Markdown: rows, and then
 * by section of the documents the probes, with the rows of that section again.
 */
void fingerprint_print_table(const struct fingerprint *list, size_t nr);
void fingerprint_print_md(const struct fingerprint *list, size_t nr);
/* Their second part. */
void probes_print_table(const struct fingerprint *list, size_t nr);
void probes_print_md(const struct fingerprint *list, size_t nr);

/* What a column is called: short, and enough to tell hosts apart. */
enum { COLUMN_MAX = 48 };
void column_name(char out[COLUMN_MAX], const struct fingerprint *f);

/* The witness of @row, from corpora/witness. False after a message. */
bool witness_read(struct scenario *out, uint32_t row);

const char *presence_name(enum presence presence);
const char *erratum_kind_name(enum erratum_kind kind);

#endif
