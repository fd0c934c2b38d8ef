/* The two sides of a comparison, as the verbs need them. */
#include <string.h>

#include "cli/cli.h"
#include "cli/fingerprint.h"

static void observe(void *context, struct observation *out,
		    const struct scenario *s, enum schedule schedule)
{
	const struct sides *sides = context;

	kvmdrv_run(sides->drv, out, s, schedule);
}

enum exit_status sides_open(struct sides *sides, const char *device)
{
	struct kvmdrv_reason reason;

	if (kvmdrv_open(&sides->drv, &reason, device) == 0)
		return EXIT_AGREE;
	fprintf(stderr, "SKIP: %s\n", reason.text);
	return EXIT_SKIP;
}

void sides_print_set(char *out, size_t cap, const struct errata *errata)
{
	size_t len = (size_t)snprintf(out, cap, "arch");

	for (uint32_t row = 0; row < ERRATA && len < cap; row++)
		if (errata_has(errata, row))
			len += (size_t)snprintf(out + len, cap - len, ",+%s",
						erratum_infos[row].name);
}

static enum exit_status against_host(struct sides *out, const char *device)
{
	static struct fingerprint fingerprint;
	enum exit_status status = sides_open(out, device);
	bool taken;

	if (status != EXIT_AGREE)
		return status;
	taken = fingerprint_take(&fingerprint, out->drv);
	kvmdrv_close(out->drv);
	out->drv = NULL;
	out->oracle.errata = fingerprint_errata(&fingerprint);
	return taken ? EXIT_AGREE : EXIT_HARNESS;
}

static enum exit_status against_file(struct sides *out, const char *path)
{
	static struct fingerprint fingerprint;

	if (!fingerprint_read(&fingerprint, path))
		return EXIT_USAGE;
	out->oracle.errata = fingerprint_errata(&fingerprint);
	return EXIT_AGREE;
}

/* A file is what has a slash or ends in .json. */
static bool is_file(const char *against)
{
	size_t len = strlen(against);

	return strchr(against, '/') ||
	       (len > 5 && !strcmp(against + len - 5, ".json"));
}

enum exit_status sides_against(struct sides *out, const char *against,
			       const char *device)
{
	const char *unknown;

	memset(out, 0, sizeof(*out));
	out->oracle.expect = model_run;
	out->oracle.observe = observe;
	out->oracle.context = out;
	out->oracle.switchable = errata_switchable();
	out->oracle.usual = errata_observed();
	out->oracle.row_name = erratum_name;
	if (!strcmp(against, "host"))
		return against_host(out, device);
	if (is_file(against))
		return against_file(out, against);
	if (errata_parse(&out->oracle.errata, &unknown, against))
		return EXIT_AGREE;
	fprintf(stderr,
		"unknown set or row '%s'; a set is `arch`, "
		"`documented` or `observed`, then +ROW or -ROW after commas; "
		"or `host`, or a FILE.json of `fingerprint`\n",
		unknown);
	return EXIT_USAGE;
}
