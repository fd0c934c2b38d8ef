/* Private to cli/: what verbs compare, and how the command line says it. */
#ifndef CLI_SIDES_H
#define CLI_SIDES_H

#include <argp.h>

#include "cli/cli.h"
#include "fuzz/twin.h"
#include "kvmdrv/danger.h"
#include "kvmdrv/host.h"

/* The model under one set of errata, beside a host. */
struct sides {
	struct kvmdrv *drv; /* NULL: the host is the model, or not open */
	struct kvmdrv_reason reason; /* why it could not be opened */
	struct danger_host limits;
	/* The host, where it is the model, and what reports say of it. */
	bool host_is_model;
	struct errata host_errata;
	struct host host;
	char again[PATH_MAX + TWIN_NAME_MAX + 32]; /* more options for `run` */
	struct oracle_sides oracle;
};

/* What the command line says of them; sides_argp reads it. */
struct sides_options {
	const char *against;
	const char *host; /* the model under this set; NULL: this host */
	const char *device;
	bool dangerous;
};

#define SIDES_DEFAULTS                                           \
	{                                                        \
		.against = "documented", .device = KVMDRV_DEVICE \
	}

/*
 * The options --against, --host, --dangerous and --kvm, a child of a verb's
 * argp whose input is a struct sides_options with the verb's defaults.
 */
extern const struct argp sides_argp;

/*
 * The set that @against means: one with a name and rows switched, `host` for
 * the fingerprint of the host that @device is on, or a file that `fingerprint`
 * or `record` wrote. EXIT_USAGE, EXIT_SKIP or EXIT_HARNESS after a message.
 */
enum exit_status sides_against(struct sides *out, const char *against,
			       const char *device);
/* Is @set, which sides_against() took, a file that `fingerprint` wrote? */
bool sides_is_fingerprint(const char *set);
/* The same as sides_against(); `host` is that of @options. */
enum exit_status sides_choose(struct sides *out,
			      const struct sides_options *options);
/*
 * Open the host: EXIT_AGREE, or EXIT_SKIP after a message with the reason.
 * After sides_choose() that may be a model.
 */
enum exit_status sides_open(struct sides *sides, const char *device);
/* The same without a message; where it is false, why is in @sides->reason. */
bool sides_try_open(struct sides *sides, const char *device);
void sides_close(struct sides *sides);

/* Must @s not run there? Why is in @out. */
enum danger sides_refuse(struct kvmdrv_reason *out, const struct sides *sides,
			 const struct scenario *s, bool dangerous);
/* The same, and it is said on stderr. */
bool sides_skip(const struct sides *sides, const struct sides_options *options,
		const char *path, const struct scenario *s);

/*
 * Compare the host with itself, beside bystanders of @kind. sides_twins() comes
 * first, and once.
 */
void sides_twins(struct sides *sides);
void sides_use_twin(struct sides *sides, struct report_about *about,
		    struct twin_kind kind);

/* For reports of @sides, and their last line. */
void sides_about(struct report_about *out, struct sides *sides,
		 const struct sides_options *options);

/* @errata as a set with a name: "arch,+row,...". */
void sides_print_set(char *out, size_t cap, const struct errata *errata);

#endif
