/* Private to cli/: which errata a host has, and sets of them in files. */
#ifndef CLI_FINGERPRINT_H
#define CLI_FINGERPRINT_H

#include "cli/cli.h"
#include "kvmdrv/host.h"

enum presence { PRESENCE_UNDETERMINED, PRESENCE_ABSENT, PRESENCE_PRESENT };

enum { WHY_MAX = 320, HOSTS_MAX = 32 };

struct fingerprint {
	struct host host;
	enum presence rows[ERRATA];
	char why[ERRATA][WHY_MAX]; /* of what is undetermined */
};

/*
 * Run the witness of every row on the host that @drv is open on. False after
 * a message: a witness cannot be read.
 */
bool fingerprint_take(struct fingerprint *out, struct kvmdrv *drv);

/* The rows that are present. */
struct errata fingerprint_errata(const struct fingerprint *fingerprint);

/* As JSON, which fingerprint_read() takes. */
void fingerprint_write(FILE *out, const struct fingerprint *fingerprint);

/* Several, as JSON: {"format": "kvmerrata-fingerprints-1", "hosts": [...]}. */
void fingerprint_write_all(FILE *out, const struct fingerprint *list,
			   size_t nr);

/*
 * The fingerprint in a file that fingerprint_write() made. Rows that the file
 * does not have are undetermined. False after a message.
 */
bool fingerprint_read(struct fingerprint *out, const char *path);

/* @nr of them side by side on stdout, as a table or as Markdown. */
void fingerprint_print_table(const struct fingerprint *list, size_t nr);
void fingerprint_print_md(const struct fingerprint *list, size_t nr);

/* The witness of @row, from corpora/witness. False after a message. */
bool witness_read(struct scenario *out, uint32_t row);

const char *presence_name(enum presence presence);
const char *erratum_kind_name(enum erratum_kind kind);

#endif
