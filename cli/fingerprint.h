/* Private to cli/: which errata a host has, and sets of them in files. */
#ifndef CLI_FINGERPRINT_H
#define CLI_FINGERPRINT_H

#include "cli/cli.h"
#include "kvmdrv/host.h"

enum presence { PRESENCE_UNDETERMINED, PRESENCE_ABSENT, PRESENCE_PRESENT };

enum { WHY_MAX = 320 };

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

/* The set in a file of that form. False after a message. */
bool fingerprint_read(struct errata *out, const char *path);

/* The witness of @row, from corpora/witness. False after a message. */
bool witness_read(struct scenario *out, uint32_t row);

const char *presence_name(enum presence presence);
const char *erratum_kind_name(enum erratum_kind kind);

#endif
